package optim

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/internal/parallel"
)

// worker makes updates of one dtype. It has the scratch memory of one program.
type worker[T float] struct {
	rule  func(r Rule, s Step, v, gradient []T, slots [][]T)
	part  func(t Transform, s Step, update, v []T, slots [][]T)
	state []float64
	plans [phases]plan
	own   spanMemory[T]
	// Where spans are done at once:
	memory parallel.Scratch[spanMemory[T]]

	// The update in progress.
	recipe *recipe
	in     []gorgonia.Value
	step   Step
	phase  phase
}

// spanMemory is what the update of a span needs.
type spanMemory[T float] struct {
	slots  [][]T
	update []T // what the parts work on
}

// sharing is how the update of a variable may be cut up.
type sharing int

const (
	inOrder    sharing = iota // not at all: it calls what others wrote
	byVariable                // variables at once: it looks at whole ones
	byElement
)

// sharing is byElement for what embeds standard, if it does not say otherwise. What users
// wrote does not embed it.
func (s *standard) sharing() sharing { return byElement }

func sharingOf(x any) sharing {
	if own, ok := x.(interface{ sharing() sharing }); ok {
		return own.sharing()
	}
	return inOrder
}

// sharing returns how updates may be cut up.
func (r *recipe) sharing() sharing {
	s := sharingOf(r.rule)
	for _, t := range r.parts {
		s = min(s, sharingOf(t))
	}
	return s
}

func newWorker[T float](u *updateOp, rule func(Rule, Step, []T, []T, [][]T), part func(Transform, Step, []T, []T, [][]T)) *worker[T] {
	w := &worker[T]{rule: rule, part: part, state: make([]float64, len(u.state)), recipe: u.recipe}
	sharing := u.sharing()
	for i := range u.names {
		block := u.inputs[u.firstBlock()+i*u.blockSize():]
		w.plan(i, block[0].Shape(), block[1].Shape(), sharing == byElement)
	}
	for p := range w.plans {
		w.plans[p].shared = sharing > inOrder && w.plans[p].elements >= parallelFrom
	}
	return w
}

// run makes one update, or with Accumulate a part of one. It tells whether variables
// changed.
func (w *worker[T]) run(r *recipe, in []gorgonia.Value, s Step) (updated bool, err error) {
	// What can fail comes before the first change.
	for i, name := range r.names {
		block := r.block(in, i)
		v, g := floats[T](block[0]), floats[T](block[1])
		if at := r.indices[i]; at > 0 {
			if want := len(rowsOf(in[at])) * block[0].Shape()[1]; len(g) != want {
				return false, fmt.Errorf("the gradient of variable %q has %d elements, want %d", name, len(g), want)
			}
		} else if len(v) != len(g) {
			return false, fmt.Errorf("the gradient of variable %q has %d elements, the variable %d", name, len(g), len(v))
		}
	}
	s.Scale = float64(floats[T](in[2])[0])
	if r.micro > 1 {
		w.share(accumulating, in, &s)
		if !lastRun(r, in) {
			return false, nil
		}
		s.Scale = w.scaleOfSums(r, in)
	}
	for i := range w.state {
		w.state[i] = float64(floats[T](in[r.firstState()+i])[0])
	}
	if r.average != nil && r.average.zeroDebias {
		for i := range r.names {
			countAverage[T](r.block(in, i)[r.averages():])
		}
	}
	w.share(updating, in, &s)
	if r.average != nil {
		w.share(averaging, in, &s)
	}
	for i := range r.state {
		floats[T](in[r.firstState()+i])[0] = T(r.state[i].Next(w.state[i]))
	}
	return true, nil
}

// share does a phase for all its spans.
func (w *worker[T]) share(p phase, in []gorgonia.Value, s *Step) {
	plan := &w.plans[p]
	if plan.shared {
		w.phase, w.in, w.step = p, in, *s
		parallel.For(len(plan.spans), w)
		w.in = nil
		return
	}
	for i := range plan.spans {
		w.do(p, &plan.spans[i], in, s, &w.own)
	}
}

// Task implements parallel.Work.
func (w *worker[T]) Task(worker, t int) {
	m := w.memory.Get(worker)
	defer w.memory.Put(worker, m)
	w.do(w.phase, &w.plans[w.phase].spans[t], w.in, &w.step, m)
}

// do does the phase for one span.
func (w *worker[T]) do(p phase, x *span, in []gorgonia.Value, s *Step, m *spanMemory[T]) {
	r := w.recipe
	block := r.block(in, x.variable)
	switch {
	case x.parts > 0:
		w.lookedUp(p, x, rowsOf(in[r.indices[x.variable]]), block, s, m)
	case p == accumulating:
		w.accumulate(x, block, floats[T](block[1])[x.from:x.to])
	case p == averaging:
		w.average(x, block, s)
	case r.indices[x.variable] > 0:
		w.accumulated(x, block, s, m)
		w.average(x, block, s)
	default:
		g := block[1]
		if r.micro > 1 {
			g = block[r.accumulator()]
		}
		w.update(x, block, floats[T](g)[x.from:x.to], s, m)
		w.average(x, block, s)
	}
}

// accumulate adds the gradient of a span to its sum.
func (w *worker[T]) accumulate(x *span, block []gorgonia.Value, g []T) {
	sum := floats[T](block[w.recipe.accumulator()])[x.from:x.to]
	for k, v := range g {
		sum[k] += v
	}
}

// update changes a span of a variable and what is remembered of it. g is its gradient,
// or the sum of gradients, which begins anew.
func (w *worker[T]) update(x *span, block []gorgonia.Value, g []T, step *Step, m *spanMemory[T]) {
	r := w.recipe
	v, sum := floats[T](block[0])[x.from:x.to], g
	if m.slots == nil {
		m.slots = make([][]T, len(r.slots))
	}
	for i := range m.slots {
		m.slots[i] = floats[T](block[2+i])[x.from:x.to]
	}
	s := *step
	s.Variable = r.names[x.variable]
	if len(r.parts) > 0 {
		if cap(m.update) < len(g) {
			m.update = make([]T, len(g))
		}
		u, scale := m.update[:len(g)], T(s.Scale)
		for i, x := range g {
			u[i] = x * scale
		}
		g, s.Scale = u, 1
		for i, t := range r.parts {
			s.State = r.each[i].stateOf(w.state)
			w.part(t, s, u, v, slotsOf(r.each[i], m.slots))
		}
	}
	own := r.each[len(r.parts)]
	s.State = own.stateOf(w.state)
	w.rule(r.rule, s, v, g, slotsOf(own, m.slots))
	if r.micro > 1 {
		clear(sum)
	}
}

// average follows a span that has got its new value.
func (w *worker[T]) average(x *span, block []gorgonia.Value, s *Step) {
	if r := w.recipe; r.average != nil {
		updateAverage(r.average, s.GlobalStep+1, x, floats[T](block[0])[x.from:x.to], block[r.averages():])
	}
}
