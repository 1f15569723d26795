package optimtest

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

// checkState compares a run without a stop to one whose second half is made by a fresh
// rule in a fresh session, with the variables of the first half and nothing else.
func checkState(s subject) error {
	if _, err := s.fresh(); err != nil {
		return err
	}
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		whole, err := trained(s, dt, nil, 0, steps)
		if err != nil {
			return err
		}
		half, err := trained(s, dt, nil, 0, steps/2)
		if err != nil {
			return err
		}
		resumed, err := trained(s, dt, half, steps/2, steps)
		if err != nil {
			return err
		}
		if err := sameValues(whole, resumed); err != nil {
			return fmt.Errorf("%v: without a stop and after one: %w", dt, err)
		}
	}
	return nil
}

// trained makes steps [from, to) over two variables with gradients that change, starting
// from values, and returns all values.
func trained(s subject, dt tensor.Dtype, values map[string]*tensor.Dense, from, to int) (map[string]*tensor.Dense, error) {
	g := graph.New()
	var gradients []optim.Gradient
	for _, name := range []string{"a", "b"} {
		v := g.Variable(name, dt, tensor.Shape{elements}, ramp())
		gradients = append(gradients, optim.Gradient{Variable: g.VariableOf(v), Node: g.Placeholder("gradient_"+name, dt, elements)})
	}
	op := s.train(rate).ApplyGradients(g, gradients)
	if err := g.Err(); err != nil {
		return nil, err
	}
	store := session.NewStore()
	if err := store.Restore(values); err != nil {
		return nil, err
	}
	run, err := session.New(g, session.WithStore(store))
	if err != nil {
		return nil, err
	}
	defer run.Close()
	for k := from; k < to; k++ {
		feed := graph.Feed{}
		for i, gradient := range gradients {
			feed[gradient.Node] = gradientTensor(dt, k+3*i)
		}
		if _, err := run.Run(context.Background(), gorgonia.Nodes{op}, feed); err != nil {
			return nil, err
		}
	}
	return store.Snapshot(), nil
}

func gradientTensor(dt tensor.Dtype, k int) *tensor.Dense {
	if dt == tensor.Float32 {
		return tensor.New(tensor.WithShape(elements), tensor.WithBacking(gradient[float32](k, elements)))
	}
	return tensor.New(tensor.WithShape(elements), tensor.WithBacking(gradient[float64](k, elements)))
}

func ramp() graph.Initializer {
	return graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
		for i := range v.Shape().TotalSize() {
			x := math.Cos(float64(i))
			if v.Dtype() == tensor.Float32 {
				v.Float32s()[i] = float32(x)
			} else {
				v.Float64s()[i] = x
			}
		}
		return nil
	})
}

func sameValues(a, b map[string]*tensor.Dense) error {
	var names []string
	for name := range a {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if x, y := fmt.Sprint(a[name].Data()), fmt.Sprint(b[name].Data()); x != y {
			return fmt.Errorf("%q is %s and %s", name, x, y)
		}
	}
	return nil
}

// checkIndependent updates a variable alone and next to another one with the same rule.
func checkIndependent(s subject) error {
	alone, err := s.fresh()
	if err != nil {
		return err
	}
	shared, err := s.fresh()
	if err != nil {
		return err
	}
	a, b, other := newMemory[float64](alone, elements), newMemory[float64](shared, elements), newMemory[float64](shared, 3)
	for k := range steps {
		a.update(gradient[float64](k, elements), 1)
		other.update(gradient[float64](2*k+9, 3), 1)
		b.update(gradient[float64](k, elements), 1)
	}
	if err := closeEnough(toFloat64(a), toFloat64(b), 0); err != nil {
		return fmt.Errorf("alone and next to another variable: %w", err)
	}
	return nil
}
