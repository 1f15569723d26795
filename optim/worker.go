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
	spans []span // of all variables, in their order
	tasks int    // spans are done at once: 1 where that is not worth it, or not allowed
	own   spanMemory[T]
	// Where spans are done at once:
	memory parallel.Scratch[spanMemory[T]]

	// The update in progress.
	recipe *recipe
	in     []gorgonia.Value
	step   Step
	phase  phase
}

// span is a part of a variable.
type span struct{ variable, from, to int }

// spanMemory is what the update of a span needs.
type spanMemory[T float] struct {
	slots  [][]T
	update []T // what the parts work on
}

type phase int

const (
	updating phase = iota
	accumulating
)

// Updates of at least parallelFrom elements are shared, spans of at most spanElements at a
// time.
const (
	parallelFrom = 64 << 10
	spanElements = 16 << 10
)

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
	w := &worker[T]{rule: rule, part: part, state: make([]float64, len(u.state)), tasks: 1, recipe: u.recipe}
	sharing, total := u.sharing(), 0
	for i := range u.names {
		n := u.inputs[u.firstBlock()+i*u.blockSize()].Shape().TotalSize()
		total += n
		step := n
		if sharing == byElement {
			step = spanElements
		}
		for from := 0; from == 0 || from < n; from += max(1, step) {
			w.spans = append(w.spans, span{i, from, min(from+step, n)})
		}
	}
	if sharing > inOrder && total >= parallelFrom {
		w.tasks = len(w.spans)
	}
	return w
}

// run makes one update, or with Accumulate a part of one. It tells whether variables
// changed.
func (w *worker[T]) run(r *recipe, in []gorgonia.Value, s Step) (updated bool, err error) {
	// What can fail comes before the first change.
	for i, name := range r.names {
		block := r.block(in, i)
		if v, g := floats[T](block[0]), floats[T](block[1]); len(v) != len(g) {
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
	for i := range r.state {
		floats[T](in[r.firstState()+i])[0] = T(r.state[i].Next(w.state[i]))
	}
	return true, nil
}

// share does a phase for all spans.
func (w *worker[T]) share(p phase, in []gorgonia.Value, s *Step) {
	if w.tasks > 1 {
		w.phase, w.in, w.step = p, in, *s
		parallel.For(w.tasks, w)
		w.in = nil
		return
	}
	for i := range w.spans {
		w.do(p, &w.spans[i], in, s, &w.own)
	}
}

// Task implements parallel.Work.
func (w *worker[T]) Task(worker, t int) {
	m := w.memory.Get(worker)
	defer w.memory.Put(worker, m)
	w.do(w.phase, &w.spans[t], w.in, &w.step, m)
}

// do does the phase for one span.
func (w *worker[T]) do(p phase, x *span, in []gorgonia.Value, s *Step, m *spanMemory[T]) {
	r := w.recipe
	block := r.block(in, x.variable)
	if p == updating {
		w.update(r, x, block, s, m)
		return
	}
	g, sum := floats[T](block[1])[x.from:x.to], floats[T](block[r.accumulator()])[x.from:x.to]
	for k, v := range g {
		sum[k] += v
	}
}

// update changes a span of a variable and what is remembered of it.
func (w *worker[T]) update(r *recipe, x *span, block []gorgonia.Value, step *Step, m *spanMemory[T]) {
	v, g := floats[T](block[0])[x.from:x.to], floats[T](block[1])[x.from:x.to]
	var sum []T
	if r.micro > 1 {
		sum = floats[T](block[r.accumulator()])[x.from:x.to]
		g = sum
	}
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
	clear(sum)
	if r.average != nil {
		updateAverage(r.average, s.GlobalStep+1, x, v, block[r.averages():])
	}
}
