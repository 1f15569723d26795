package optim

import (
	"fmt"
	"hash"
	"hash/fnv"
	"math"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/raw"
)

// scalarOp computes a scalar that steers the update: the learning rate, or the factor of
// the gradients.
type scalarOp struct {
	name  string
	dtype tensor.Dtype
	types []hm.Type
	run   func(out gorgonia.Value, in []gorgonia.Value) error
	salt  uint32
}

var (
	_ graph.SizedByInputs = (*scalarOp)(nil)
	_ graph.Saltable      = (*scalarOp)(nil)
)

func newScalar(g *graph.Graph, name string, dt tensor.Dtype, run func(gorgonia.Value, []gorgonia.Value) error, inputs ...*gorgonia.Node) *gorgonia.Node {
	s := &scalarOp{name: name, dtype: dt, run: run}
	for _, n := range inputs {
		s.types = append(s.types, n.Type())
	}
	return g.Apply(s, inputs...)
}

func (s *scalarOp) Arity() int { return len(s.types) }
func (s *scalarOp) Type() hm.Type {
	return hm.NewFnType(append(append([]hm.Type(nil), s.types...), s.dtype)...)
}
func (s *scalarOp) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return tensor.ScalarShape(), nil
}
func (s *scalarOp) SizedByInputs() {}

func (s *scalarOp) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	if s.dtype == tensor.Float32 {
		return s.UsePreallocDo(new(gorgonia.F32), in...)
	}
	return s.UsePreallocDo(new(gorgonia.F64), in...)
}

func (s *scalarOp) UsePreallocDo(out gorgonia.Value, in ...gorgonia.Value) (gorgonia.Value, error) {
	return out, s.run(out, in)
}

func (s *scalarOp) WithSalt(salt uint32) gorgonia.Op {
	c := *s
	c.salt = salt
	return &c
}

func (s *scalarOp) ReturnsPtr() bool      { return true }
func (s *scalarOp) CallsExtern() bool     { return false }
func (s *scalarOp) OverwritesInput() int  { return -1 }
func (s *scalarOp) String() string        { return s.name }
func (s *scalarOp) WriteHash(h hash.Hash) { fmt.Fprintf(h, "optim.%s/%d", s, s.salt) }

func (s *scalarOp) Hashcode() uint32 {
	h := fnv.New32a()
	s.WriteHash(h)
	return h.Sum32()
}

// learningRate is a float64 scalar: the rate of the update that follows this many. The
// name of the train op keeps Gorgonia from merging two whose schedules look alike.
func learningRate(g *graph.Graph, trainOp string, step *gorgonia.Node, rate float64, schedule Schedule) *gorgonia.Node {
	return newScalar(g, fmt.Sprintf("LearningRate{%s,%v,%v}", trainOp, rate, schedule), tensor.Float64, func(out gorgonia.Value, in []gorgonia.Value) error {
		at := rate
		if schedule != nil {
			step := int64(*in[0].(*gorgonia.I64))
			if at = schedule.LearningRate(rate, step); !(at >= 0) || math.IsInf(at, 1) {
				return fmt.Errorf("the schedule %v gives the learning rate %v at step %d, want a number of at least 0", schedule, at, step)
			}
		}
		*out.(*gorgonia.F64) = gorgonia.F64(at)
		return nil
	}, step)
}

func scalar(v gorgonia.Value) float64 {
	switch v := v.(type) {
	case *gorgonia.F32:
		return float64(*v)
	case *gorgonia.F64:
		return float64(*v)
	}
	return math.NaN()
}

func setScalar(v gorgonia.Value, x float64) {
	switch v := v.(type) {
	case *gorgonia.F32:
		*v = gorgonia.F32(x)
	case *gorgonia.F64:
		*v = gorgonia.F64(x)
	}
}

// floats returns the memory of a value, nil when it is of another dtype.
func floats[T float](v gorgonia.Value) []T { return raw.Slice[T](v) }
