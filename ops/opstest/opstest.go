// Package opstest checks the gradients of ops, ours or a stranger's, against finite
// differences.
package opstest

import (
	"context"
	"fmt"
	"math"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/philox"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/session"
)

// TB is what a check needs of a *testing.T.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
}

// Case is one op with inputs.
type Case struct {
	// Shapes are the inputs' shapes. Each is a float64 variable of random values in
	// [Low, High], by default -1 to 1.
	Shapes    []tensor.Shape
	Low, High float64
	// Values replaces the random values, input by input; nil for random ones. Use it for
	// ties, labels and masks.
	Values [][]float64
	// Fixed are the positions of inputs without a gradient.
	Fixed []int
	// Build adds the op. The check is of a weighted sum of its result's elements.
	Build func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node
	// Tolerance is for |analytic-numeric|/max(1, |numeric|), default 1e-6.
	Tolerance float64
}

// CheckGradient compares the op's gradient, element by element, with central
// differences in float64.
func CheckGradient(t TB, c Case) {
	t.Helper()
	if err := c.check(); err != nil {
		t.Errorf("%v", err)
	}
}

func (c *Case) check() error {
	g := graph.New(graph.Seed(3), graph.Training(true))
	var in gorgonia.Nodes
	for i, shape := range c.Shapes {
		values := c.values(i, shape)
		in = append(in, g.Variable(fmt.Sprintf("in%d", i), tensor.Float64, shape, graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
			copy(v.Float64s(), values)
			return nil
		})))
	}
	out := c.Build(g, in...)
	if err := g.Err(); err != nil {
		return err
	}
	loss := out
	if out.Dims() > 0 {
		loss = ops.Sum(g, ops.Mul(g, out, g.NamedConstant("weights", random("weights", out.Shape(), 0.5, 1.5))))
	}
	var wrt gorgonia.Nodes
	for i, n := range in {
		if !c.fixed(i) {
			wrt = append(wrt, n)
		}
	}
	gradients := g.Gradients(loss, wrt...)
	s, err := session.New(g)
	if err != nil {
		return err
	}
	defer s.Close()
	analytic, err := s.Run(context.Background(), gradients, nil)
	if err != nil {
		return err
	}
	var wrong []string
	k := 0
	for i, n := range in {
		if c.fixed(i) {
			continue
		}
		numeric, err := differences(s, loss, n, c.values(i, n.Shape()))
		if err != nil {
			return err
		}
		wrong = append(wrong, c.compare(i, flat(analytic[k]), numeric)...)
		k++
	}
	if len(wrong) > 0 {
		return fmt.Errorf("the gradient differs from finite differences:\n%s", strings.Join(wrong, "\n"))
	}
	return nil
}

func (c *Case) fixed(i int) bool {
	for _, f := range c.Fixed {
		if f == i {
			return true
		}
	}
	return false
}

func (c *Case) values(i int, shape tensor.Shape) []float64 {
	if i < len(c.Values) && c.Values[i] != nil {
		return append([]float64(nil), c.Values[i]...)
	}
	low, high := c.Low, c.High
	if low == 0 && high == 0 {
		low, high = -1, 1
	}
	return random(fmt.Sprint("in", i), shape, low, high).Float64s()
}

// compare lists the elements that differ.
func (c *Case) compare(input int, analytic, numeric []float64) (wrong []string) {
	tolerance := c.Tolerance
	if tolerance == 0 {
		tolerance = 1e-6
	}
	if len(analytic) != len(numeric) {
		return []string{fmt.Sprintf("input %d: the gradient has %d elements, want %d", input, len(analytic), len(numeric))}
	}
	for i := range numeric {
		if !(math.Abs(analytic[i]-numeric[i])/max(1, math.Abs(numeric[i])) <= tolerance) {
			wrong = append(wrong, fmt.Sprintf("input %d, element %d: gradient %v, finite difference %v", input, i, analytic[i], numeric[i]))
		}
	}
	return wrong
}

// differences evaluates the loss around each element of n, which is fed.
func differences(s *session.Session, loss, n *gorgonia.Node, values []float64) ([]float64, error) {
	const h = 1e-5
	at := func(i int, delta float64) (float64, error) {
		moved := append([]float64(nil), values...)
		moved[i] += delta
		t := tensor.New(tensor.FromScalar(moved[0]))
		if n.Dims() > 0 {
			t = tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(moved))
		}
		out, err := s.Run(context.Background(), gorgonia.Nodes{loss}, graph.Feed{n: t})
		if err != nil {
			return 0, err
		}
		return flat(out[0])[0], nil
	}
	numeric := make([]float64, len(values))
	for i := range values {
		up, err := at(i, h)
		if err != nil {
			return nil, err
		}
		down, err := at(i, -h)
		if err != nil {
			return nil, err
		}
		numeric[i] = (up - down) / (2 * h)
	}
	return numeric, nil
}

func flat(v gorgonia.Value) []float64 {
	switch d := v.Data().(type) {
	case []float64:
		return d
	case float64:
		return []float64{d}
	}
	return nil
}

// random returns values in [low, high] that depend on the name alone.
func random(name string, shape tensor.Shape, low, high float64) *tensor.Dense {
	r := philox.New(11, name, 0)
	n := shape.TotalSize()
	values := make([]float64, n)
	for i := range values {
		values[i] = low + (high-low)*r.Float64(uint64(i))
	}
	if len(shape) == 0 {
		return tensor.New(tensor.FromScalar(low + (high-low)*r.Float64(0)))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
}
