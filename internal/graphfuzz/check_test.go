package graphfuzz

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/session"
)

// check runs a graph and compares.
type check struct {
	*builder
	session   *session.Session
	gradients []gradient
	state     map[*entry]array // of variables that were updated
}

// feed gives every placeholder a value. resize chooses another leading dimension.
func (c *check) feed(resize func(shape []int) []int) map[*entry]array {
	feed := map[*entry]array{}
	for _, e := range c.entries {
		if e.kind != "placeholder" {
			continue
		}
		value := e.built
		if resize != nil && len(value.shape) > 0 {
			shape := resize(value.shape)
			other := zeros(value.dt, shape...)
			for i := range other.x {
				other.x[i] = value.x[i%max(len(value.x), 1)]
			}
			value = other
		}
		feed[e] = value
	}
	return feed
}

// resize returns what changes leading dimensions of one size to another.
func (s *source) resize() func(shape []int) []int {
	from, to := 1+s.below(4), 1+s.below(5)
	return func(shape []int) []int {
		shape = slices.Clone(shape)
		if shape[0] == from {
			shape[0] = to
		}
		return shape
	}
}

// tensors are what a session is fed. Some matrices are views of their transposes.
func tensors(feed map[*entry]array) graph.Feed {
	f := graph.Feed{}
	for e, value := range feed {
		f[e.node] = value.dense()
		if len(value.shape) == 2 && len(value.x) > 0 && len(value.x)%2 == 0 {
			columns, err := transpose(nil)(nil, []array{value})
			view := columns[0].dense()
			if err == nil && view.T() == nil {
				f[e.node] = view
			}
		}
	}
	return f
}

// leafValue is what a leaf holds in a run.
func (c *check) leafValue(e *entry, feed map[*entry]array) array {
	if v, ok := feed[e]; ok {
		return v
	}
	if v, ok := c.state[e]; ok {
		return v
	}
	return e.built
}

// evaluate interprets what is needed for the roots. seed is the element of a leaf whose derivative is 1.
// failures are the ops whose values or shapes are wrong.
func (c *check) evaluate(r *arithmetic, feed map[*entry]array, seed *entry, element int, roots ...*entry) (values map[*entry]array, failures []string, shapes bool) {
	values = map[*entry]array{}
	needed := map[*entry]bool{}
	var need func(e *entry)
	need = func(e *entry) {
		if !needed[e] {
			needed[e] = true
			for _, in := range e.in {
				need(in)
			}
		}
	}
	for _, e := range roots {
		need(e)
	}
	for _, late := range []bool{false, true} {
		for _, e := range c.entries {
			if e.late != late || !needed[e] {
				continue
			}
			if e.ref == nil {
				v := c.leafValue(e, feed)
				if e == seed {
					v = v.reshaped(v.shape...)
					v.x[element].d = 1
				}
				values[e] = v
				continue
			}
			in := make([]array, len(e.in))
			known := true
			for i, from := range e.in {
				var computed bool
				in[i], computed = values[from]
				known = known && computed
			}
			if !known {
				continue
			}
			out, err := e.ref(r, in)
			if err != nil {
				failures = append(failures, e.name)
				shapes = shapes || !errors.Is(err, errValue)
				continue
			}
			values[e] = out[e.out]
		}
	}
	return values, failures, shapes
}

// run runs once and compares every value with what the interpreter makes of the values of
// its inputs, so that errors do not add up, and gradients with derivatives of the whole.
func (c *check) run(feed map[*entry]array) {
	c.t.Helper()
	_, failures, shapes := c.evaluate(&arithmetic{}, feed, nil, 0, c.entries...)
	var early, all gorgonia.Nodes
	for _, e := range c.entries {
		if all = append(all, e.node); !e.late && c.one(3) {
			early = append(early, e.node)
		}
	}
	for _, g := range c.gradients {
		all, early = append(all, g.node), append(early, g.node)
	}
	// A part first, whose program uses memory again.
	var part []gorgonia.Value
	var err error
	if len(early) > 0 {
		part, err = c.session.Run(context.Background(), early, tensors(feed))
		if err != nil {
			c.failed(err, failures, shapes)
		}
	}
	got, err := c.session.Run(context.Background(), all, tensors(feed))
	if len(failures) > 0 || err != nil {
		c.failed(err, failures, shapes)
		return
	}
	for i, n := range early {
		if part != nil && !sameBits(part[i], got[slices.Index(all, n)]) {
			c.t.Fatalf("%q is %v, fetched among all nodes %v", n.Op(), part[i], got[slices.Index(all, n)])
		}
	}
	values := map[*entry]array{}
	for i, e := range c.entries {
		values[e] = arrayOf(got[i])
	}
	for _, e := range c.entries {
		c.compare(e, values, feed)
	}
	for i := range c.gradients {
		c.compareGradient(&c.gradients[i], arrayOf(got[len(c.entries)+i]), feed)
	}
	for _, e := range c.entries {
		if e.update {
			c.state[e.in[0]] = values[e]
			stored, err := c.session.Store().Value(e.in[0].node.Name())
			if err != nil || !sameBits(stored, got[slices.Index(all, e.node)]) {
				c.t.Fatalf("%s gave %v, the store has %v: %v", e.name, values[e], stored, err)
			}
		}
	}
}

// failed checks that a run failed where it had to and says why.
func (c *check) failed(err error, failures []string, shapes bool) {
	c.t.Helper()
	var fixed *session.FixedSizeError
	stock := slices.ContainsFunc(c.entries, func(e *entry) bool { return e.stock })
	switch {
	case err == nil:
		c.t.Fatalf("there was no error, although %v cannot be computed", failures)
	case strings.Contains(err.Error(), "panic"):
		c.t.Fatalf("a panic: %v", err)
	case errors.As(err, &fixed) && (stock || shapes):
	case len(failures) == 0:
		c.t.Fatalf("the run failed: %v", err)
	case !slices.ContainsFunc(failures, func(name string) bool { return strings.Contains(err.Error(), name) }):
		c.t.Fatalf("%v cannot be computed; the error names none of them: %v", failures, err)
	}
}

// fault feeds something wrong.
func (c *check) fault() {
	var placeholders []*entry
	for _, e := range c.entries {
		if e.kind == "placeholder" {
			placeholders = append(placeholders, e)
		}
	}
	if len(placeholders) == 0 {
		return
	}
	e := placeholders[c.below(len(placeholders))]
	feed := tensors(c.feed(nil))
	shape := slices.Clone(e.built.shape)
	what := c.below(6)
	switch what {
	case 0:
		delete(feed, e.node)
	case 1:
		feed[e.node] = dense.New(e.built.dt, append(shape, 2))
	case 2:
		feed[e.node] = dense.New(tensor.Bool, shape)
	case 3:
		feed[e.node] = nil
	case 4:
		if len(shape) < 2 {
			return
		}
		shape[1+c.below(len(shape)-1)]++
		feed[e.node] = dense.New(e.built.dt, shape)
	case 5:
		if len(shape) == 0 {
			return
		}
		shape[0] = 0
		feed[e.node] = dense.New(e.built.dt, shape)
	}
	var all gorgonia.Nodes
	for _, e := range c.entries {
		all = append(all, e.node)
	}
	if _, err := c.session.Run(context.Background(), all, feed); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", e.node.Name())) {
		c.t.Fatalf("placeholder %q of shape %v is fed wrongly (%d): %v", e.node.Name(), e.built.shape, what, err)
	}
}
