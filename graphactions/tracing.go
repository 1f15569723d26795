package graphactions

import (
	"runtime/debug"
	"time"

	"github.com/stheno-ml/stheno/hooks"
)

// tracing tells the monitors that want to know what the loop does with its time. While
// nobody does, it looks at no clock.
type tracing struct {
	tracers []tracer
	on      bool // somebody wants this step's spans
	step    int64
	err     error // a panic of a tracer
}

type tracer struct {
	hooks.Tracer
	where  string
	wanted bool // this step's spans
}

func newTracing(monitors []hooks.Monitor, keys []string) *tracing {
	r := &tracing{}
	for i, m := range monitors {
		if t, ok := m.(hooks.Tracer); ok {
			r.tracers = append(r.tracers, tracer{Tracer: t, where: "monitor " + keys[i]})
		}
	}
	return r
}

// next begins a step.
func (r *tracing) next(step int64) error {
	r.on, r.step = false, step
	for i := range r.tracers {
		t := &r.tracers[i]
		if err := t.ask(step); err != nil {
			return err
		}
		r.on = r.on || t.wanted
	}
	err := r.err
	r.err = nil
	return err
}

// start returns the time when a span begins, the zero time when nobody wants it.
func (r *tracing) start() time.Time {
	if !r.on {
		return time.Time{}
	}
	return time.Now()
}

// end tells of the span that began at start.
func (r *tracing) end(phase hooks.Phase, start time.Time, name string) {
	if start.IsZero() || !r.on {
		return
	}
	span := hooks.Span{Phase: phase, Name: name, Step: r.step, Start: start, Duration: time.Since(start)}
	for i := range r.tracers {
		if err := r.tracers[i].tell(span); err != nil && r.err == nil {
			r.err, r.on = err, false // the next step reports it
		}
	}
}

// ask asks the tracer whether it wants a step's spans.
func (t *tracer) ask(step int64) (err error) {
	defer t.caught("Tracing", &err)
	t.wanted = t.Tracing(step)
	return nil
}

// tell tells the tracer of a span if it wants it.
func (t *tracer) tell(span hooks.Span) (err error) {
	if !t.wanted {
		return nil
	}
	defer t.caught("Span", &err)
	t.Span(span)
	return nil
}

// caught makes an error of a panic.
func (t *tracer) caught(method string, err *error) {
	if r := recover(); r != nil {
		*err = &PanicError{Where: t.where + ": " + method, Value: r, Stack: debug.Stack()}
	}
}
