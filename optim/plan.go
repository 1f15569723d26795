package optim

import "gorgonia.org/tensor"

// phase is a pass over variables that an update makes.
type phase int

const (
	updating phase = iota
	accumulating
	averaging // of tables, of which updating leaves rows out
	phases
)

// Updates of at least parallelFrom elements are shared, spans of at most spanElements at a
// time.
const (
	parallelFrom = 64 << 10
	spanElements = 16 << 10
)

// plan is what a phase goes over.
type plan struct {
	spans    []span // in the order of the variables
	elements int
	shared   bool // spans are done at once
}

// addSpans adds n elements of a variable, at least one span.
func (p *plan) addSpans(variable, n, step int) {
	for from := 0; from == 0 || from < n; from += step {
		p.spans = append(p.spans, span{variable: variable, from: from, to: min(from+step, n)})
	}
	p.elements += n
}

// addParts adds the rows of a table that are looked up.
func (p *plan) addParts(variable, elements, parts int) {
	for k := range parts {
		p.spans = append(p.spans, span{variable: variable, from: k, to: k + 1, parts: parts})
	}
	p.elements += elements
}

// span is a part of a variable: elements, or where parts is not 0 those in the rows that
// were looked up, whose number the run decides, cut into so many parts.
type span struct{ variable, from, to, parts int }

// plan adds a variable to the plans of all phases, cut or in one span.
func (w *worker[T]) plan(variable int, v, gradient tensor.Shape, cut bool) {
	n, step := v.TotalSize(), max(1, v.TotalSize())
	if cut {
		step = spanElements
	}
	if w.recipe.indices[variable] == 0 {
		for _, p := range []phase{updating, accumulating} {
			w.plans[p].addSpans(variable, n, step)
		}
		return
	}
	parts := 1
	if cut {
		parts = max(1, gradient.TotalSize()/spanElements)
		step = max(1, step/v[1]) * v[1] // whole rows
	}
	if w.recipe.micro > 1 {
		w.plans[accumulating].addParts(variable, gradient.TotalSize(), parts)
		w.plans[updating].addSpans(variable, n, step)
		return
	}
	w.plans[updating].addParts(variable, gradient.TotalSize(), parts)
	w.plans[averaging].addSpans(variable, n, step)
}
