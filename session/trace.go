package session

import (
	"time"

	"gorgonia.org/gorgonia"
)

// TraceFunc is told of an op that ran: the node that it computed, its name without
// attributes, when it began and how long it took. It must not call the session.
type TraceFunc func(n *gorgonia.Node, op string, start time.Time, took time.Duration)

// Trace lets f watch every op of the runs that begin from now on, in the order in which
// they run; nil ends it. It costs about a tenth of a microsecond an op. A profile is in
// sums and for the whole life of a session ([Profiling]); a trace shows one run.
func (s *Session) Trace(f TraceFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trace = f
}

// traced runs a step and tells who watches.
func (p *program) traced(i int, run func() error) error {
	if p.trace == nil || p.steps[i].op == nil {
		return run()
	}
	start := time.Now()
	err := run()
	p.trace(p.nodes[i], opName(p.nodes[i]), start, time.Since(start))
	return err
}
