package optim

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// ClipByGlobalNorm multiplies all gradients by norm/max(norm, n), where n is the square
// root of the sum of the squares of all their elements (Pascanu, Mikolov and Bengio
// 2012). It acts on the gradients themselves, or with Accumulate on their mean, and so
// comes before any part.
func ClipByGlobalNorm(norm float64) Option {
	return func(s *settings) {
		if err := moreThan0(0).check(norm); err != nil {
			s.fail("ClipByGlobalNorm: %w", err)
		}
		if len(s.parts) > 0 {
			s.fail("ClipByGlobalNorm: it is given after %s, want it before: it clips the gradients", s.parts[0].Name())
		}
		s.clipNorm = norm
	}
}

// ClipByNorm multiplies the update of each variable by norm/max(norm, n), where n is the
// square root of the sum of the squares of its elements, as tf.clip_by_norm. It is a
// part: see Chain.
func ClipByNorm(norm float64) Option {
	return part("ClipByNorm", &clipByNorm{standard{name: "ClipByNorm"}, norm}, check{x: norm, bounds: moreThan0(0)})
}

type clipByNorm struct {
	standard
	norm float64
}

func (t *clipByNorm) sharing() sharing { return byVariable }

func (t *clipByNorm) Apply32(_ Step, u, _ []float32, _ [][]float32) { applyClipByNorm(u, t.norm) }
func (t *clipByNorm) Apply64(_ Step, u, _ []float64, _ [][]float64) { applyClipByNorm(u, t.norm) }

func applyClipByNorm[T float](u []T, norm float64) {
	if n := math.Sqrt(squares(u)); n > norm {
		multiply(u, T(norm/n))
	}
}

// ClipByValue moves each element of the update into [low, high], as tf.clip_by_value. It
// is a part: see Chain.
func ClipByValue(low, high float64) Option {
	return func(s *settings) {
		if !(low < high) {
			s.fail("ClipByValue: the range is %v to %v, want the second above the first", low, high)
		}
		s.parts = append(s.parts, &clipByValue{standard{name: "ClipByValue"}, low, high})
	}
}

type clipByValue struct {
	standard
	low, high float64
}

func (t *clipByValue) skipsZeros(string) bool { return t.low <= 0 && t.high >= 0 }

func (t *clipByValue) Apply32(_ Step, u, _ []float32, _ [][]float32) {
	applyClipByValue(u, float32(t.low), float32(t.high))
}

func (t *clipByValue) Apply64(_ Step, u, _ []float64, _ [][]float64) {
	applyClipByValue(u, t.low, t.high)
}

func applyClipByValue[T float](u []T, low, high T) {
	for i, x := range u {
		u[i] = min(max(x, low), high)
	}
}

// clipFactor is what gradients of a global norm are multiplied by.
func clipFactor(limit, norm float64) float64 { return limit / max(limit, norm) }

// clipScale is the factor that all gradients are multiplied by, 1 without clipping.
func clipScale(g, scope *graph.Graph, sources []source, clipNorm float64) *gorgonia.Node {
	dt := sources[0].Variable.Dtype
	if clipNorm == 0 {
		if dt == tensor.Float32 {
			return g.NamedConstant("optim/one_float32", float32(1))
		}
		return g.NamedConstant("optim/one_float64", float64(1))
	}
	norm := scope.SetName(globalNorm(g, sources), "global_norm")
	if g.Poisoned(norm) {
		return norm
	}
	return newScalar(g, fmt.Sprintf("ClipScale{%v}", clipNorm), dt, func(out gorgonia.Value, in []gorgonia.Value) error {
		setScalar(out, clipFactor(clipNorm, scalar(in[0])))
		return nil
	}, norm)
}

// GlobalNorm is the square root of the sum of the squares of all elements of all nodes,
// which have one dtype, float32 or float64. The result is a scalar of that dtype; the
// sum is accumulated in float64.
func GlobalNorm(g *graph.Graph, nodes ...*gorgonia.Node) *gorgonia.Node {
	if len(nodes) == 0 {
		return g.Fail(fmt.Errorf("optim.GlobalNorm: there are no nodes"))
	}
	sources := make([]source, len(nodes))
	for i, n := range nodes {
		sources[i].Node = n
		switch {
		case n == nil:
			return g.Fail(fmt.Errorf("optim.GlobalNorm: node %d is nil", i))
		case g.Poisoned(n):
			return n
		case n.Dtype() != nodes[0].Dtype() || n.Dtype() != tensor.Float32 && n.Dtype() != tensor.Float64:
			return g.Fail(fmt.Errorf("optim.GlobalNorm: node %q has dtype %v, want one float dtype for all", n.Name(), n.Dtype()))
		}
	}
	return globalNorm(g, sources)
}

// globalNorm has the same bits for a sparse gradient and a dense one.
func globalNorm(g *graph.Graph, sources []source) *gorgonia.Node {
	var nodes, indices gorgonia.Nodes
	for _, s := range sources {
		nodes = append(nodes, s.Node)
		if s.indices != nil {
			indices = append(indices, s.indices)
		}
	}
	return newScalar(g, "GlobalNorm", nodes[0].Dtype(), func(out gorgonia.Value, in []gorgonia.Value) error {
		sum, indices := 0.0, in[len(nodes):]
		for i, v := range in[:len(nodes)] {
			f32, f64 := floats[float32](v), floats[float64](v)
			if sources[i].indices == nil {
				sum += squares(f32) + squares(f64)
				continue
			}
			rows, elements := rowsOf(indices[0]), sources[i].Variable.Shape.TotalSize()
			sum += squaresOfRows(rows, f32, elements) + squaresOfRows(rows, f64, elements)
			indices = indices[1:]
		}
		setScalar(out, math.Sqrt(sum))
		return nil
	}, append(nodes, indices...)...)
}
