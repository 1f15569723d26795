package session

import (
	"cmp"
	"context"
	"fmt"
	"runtime/pprof"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"gorgonia.org/gorgonia"
)

// Profiling makes the session measure how long each op takes, for [Session.Profile], and
// label the time with the op's name for runtime/pprof: in a CPU profile of the process,
// go tool pprof -tagfocus op=Dense shows one op alone. It costs about a tenth of a
// microsecond an op.
func Profiling() Option {
	return func(s *Session) error {
		s.profile = map[string]*OpProfile{}
		return nil
	}
}

// Profile says where a session's time went.
type Profile struct {
	// Ops are the ops, the one that took longest first.
	Ops []OpProfile
	// Runs is the number of runs, Total the time of all ops together.
	Runs  int64
	Total time.Duration
}

// OpProfile is what one kind of op took in all runs.
type OpProfile struct {
	// Op is its name, without attributes.
	Op string
	// Calls is how often one was run, Time how long that took.
	Calls int64
	Time  time.Duration
}

// Profile returns what was measured since the session was made; nothing unless it was
// made with [Profiling].
func (s *Session) Profile() Profile {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := Profile{Runs: s.stats.Runs}
	for _, op := range s.profile {
		if op.Calls > 0 {
			p.Ops = append(p.Ops, *op)
			p.Total += op.Time
		}
	}
	slices.SortFunc(p.Ops, func(a, b OpProfile) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Op, b.Op))
	})
	return p
}

// String returns a table.
func (p Profile) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "op\tcalls\ttime\tshare\ta call\t")
	for _, op := range p.Ops {
		share := 100 * op.Time.Seconds() / max(p.Total.Seconds(), 1e-9)
		fmt.Fprintf(w, "%s\t%d\t%v\t%.1f%%\t%v\t\n", op.Op, op.Calls, op.Time.Round(time.Microsecond), share, (op.Time / time.Duration(op.Calls)).Round(10*time.Nanosecond))
	}
	w.Flush()
	return b.String()
}

// measured is what a step needs to be measured.
type measured struct {
	profile *OpProfile
	labels  context.Context
}

// measure prepares the measuring of every node's op.
func (s *Session) measure(p *program) {
	if s.profile == nil {
		return
	}
	p.measured = make([]measured, len(p.nodes))
	for i, n := range p.nodes {
		if p.steps[i].op == nil {
			continue
		}
		name := opName(n)
		if s.profile[name] == nil {
			s.profile[name] = &OpProfile{Op: name}
		}
		p.measured[i] = measured{s.profile[name], pprof.WithLabels(context.Background(), pprof.Labels("op", name))}
	}
}

// opName is the name of a node's op without what follows a brace or a parenthesis.
func opName(n *gorgonia.Node) string {
	text := fmt.Sprint(n.Op())
	if i := strings.IndexAny(text, "{( "); i > 0 {
		text = text[:i]
	}
	return text
}

// stepMeasured is step with a look at the clock.
func (p *program) stepMeasured(i int, run func() error) error {
	var m measured
	if p.measured != nil {
		m = p.measured[i]
	}
	if m.profile == nil {
		return p.traced(i, run)
	}
	pprof.SetGoroutineLabels(m.labels)
	start := time.Now()
	err := p.traced(i, run)
	m.profile.Time += time.Since(start)
	m.profile.Calls++
	pprof.SetGoroutineLabels(context.Background())
	return err
}
