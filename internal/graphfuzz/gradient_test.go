package graphfuzz

import (
	"math"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/ops"
)

// gradient is that of a loss with respect to a leaf.
type gradient struct {
	node      *gorgonia.Node
	loss, wrt *entry
}

// gradients adds those of a weighted sum of a node: of the first or the last that has any.
func (b *builder) gradients() (all []gradient) {
	var leaves []*entry
	for _, e := range b.entries {
		if e.ref == nil && e.kind != "constant" && len(e.built.x) > 0 {
			leaves = append(leaves, e)
		}
	}
	order := slices.Clone(b.entries)
	if b.one(3) {
		slices.Reverse(order)
	}
	for _, loss := range order {
		if len(all) > 0 {
			break
		}
		if loss.ref == nil || loss.late || loss.built.dt != tensor.Float32 && loss.built.dt != tensor.Float64 || len(loss.built.x) == 0 {
			continue
		}
		wrt := b.g.Influences(loss.node, nodesOf(leaves)...)
		if len(wrt) == 0 {
			continue
		}
		if len(loss.built.shape) > 0 {
			weights := &entry{kind: "constant", built: zeros(loss.built.dt, loss.built.shape...)}
			for i := range weights.built.x {
				weights.built.x[i] = exact(0.5 + float64(i%5)/4)
			}
			b.addLeaf(weights)
			weighted := b.add("Mul", "ff", broadcast(num.mul), []*entry{loss, weights}, ops.Mul(b.g, loss.node, weights.node))[0]
			loss = b.add("Sum", "f", reduced(nil, total), []*entry{weighted}, ops.Sum(b.g, weighted.node))[0]
		}
		nodes := b.g.Gradients(loss.node, wrt...)
		if err := b.g.Err(); err != nil {
			b.t.Fatal(err)
		}
		for i, n := range nodes {
			for _, e := range leaves {
				if e.node == wrt[i] {
					all = append(all, gradient{n, loss, e})
				}
			}
		}
	}
	return all
}

// compareGradient compares some elements of a gradient.
func (c *check) compareGradient(g *gradient, got array, feed map[*entry]array) {
	c.t.Helper()
	leaf := c.leafValue(g.wrt, feed)
	if got.dt != leaf.dt || len(got.x) != len(leaf.x) {
		c.t.Fatalf("the gradient of %q is %v %v, want %v %v", g.wrt.name, got.dt, got.shape, leaf.dt, leaf.shape)
	}
	for range min(len(got.x), 6) {
		i := (c.below(256)*7 + len(got.x)/2) % len(got.x)
		r := &arithmetic{epsilon: epsilon(tensor.Float64)}
		for _, e := range c.entries {
			if e.built.dt == tensor.Float32 {
				r.epsilon = epsilon(tensor.Float32)
			}
		}
		values, _, _ := c.evaluate(r, feed, g.wrt, i, g.loss)
		if r.ambiguous || !tame(values, r.epsilon) {
			return
		}
		want := values[g.loss].x[0]
		if !finite(want.de) || !finite(got.x[i].v) && c.singular(values) {
			return
		}
		if !(math.Abs(got.x[i].v-want.d) <= 500*r.epsilon*(want.de+math.Abs(want.d))+1e-30) {
			c.t.Fatalf("element %d of the gradient of %q with respect to %q is %v, want %v within %v", i, g.loss.node.Op(), g.wrt.name, got.x[i].v, want.d, r.epsilon*want.de)
		}
	}
}

// singular says that an op is at a pole of its derivative, which makes Inf times 0 of a
// gradient of 0.
func (c *check) singular(values map[*entry]array) bool {
	for _, e := range c.entries {
		if !slices.Contains([]string{"Sqrt", "Log", "Div", "HadamardDiv"}, e.name) {
			continue
		}
		for _, in := range e.in {
			if slices.ContainsFunc(values[in].x, func(x num) bool { return math.Abs(x.v) < 1e-20 }) {
				return true
			}
		}
	}
	return false
}

// tame says that no value is so large or so uncertain that its derivatives mean little.
func tame(values map[*entry]array, epsilon float64) bool {
	for _, a := range values {
		for _, x := range a.x {
			if !(math.Abs(x.v) < 1e6) || !(x.e*epsilon < 1e-3) || !(math.Abs(x.d) < 1e9) {
				return false
			}
		}
	}
	return true
}
