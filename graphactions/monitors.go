package graphactions

import (
	"errors"
	"fmt"
	"runtime/debug"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
)

// monitorSet calls several monitors in order. A panic of one becomes an error that
// names it.
type monitorSet struct {
	monitors []hooks.Monitor
	keys     []string
	begun    int  // how many had Begin called
	ready    bool // every Begin went well
	ended    bool
	wanted   gorgonia.Nodes
	trace    *tracing
	names    map[string][]string // of spans, by method and monitor

	feeds bool                      // some monitor is a hooks.Feeder
	fed   graph.Feed                // what a run is fed, when monitors feed
	fedBy map[*gorgonia.Node]string // who does
}

func newMonitorSet(monitors []hooks.Monitor) *monitorSet {
	s := &monitorSet{monitors: monitors}
	count := map[string]int{}
	for _, m := range monitors {
		if _, ok := m.(hooks.Feeder); ok {
			s.feeds = true
		}
		key := fmt.Sprintf("%T", m)
		if named, ok := m.(hooks.Named); ok {
			key = named.Name()
		}
		if n := count[key]; n > 0 {
			s.keys = append(s.keys, fmt.Sprintf("%s#%d", key, n))
		} else {
			s.keys = append(s.keys, key)
		}
		count[key]++
	}
	s.trace = newTracing(monitors, s.keys)
	return s
}

// each calls every monitor until one fails. It is called several times a step and
// allocates nothing while all is well.
func (s *monitorSet) each(method string, call func(hooks.Monitor) error) (err error) {
	i := 0
	defer func() {
		if r := recover(); r != nil {
			err = &PanicError{Where: s.where(i, method), Value: r, Stack: debug.Stack()}
		}
	}()
	for ; i < len(s.monitors); i++ {
		start := s.trace.start()
		if err := call(s.monitors[i]); err != nil {
			return fmt.Errorf("%s: %w", s.where(i, method), err)
		}
		if s.trace.on {
			s.trace.end(hooks.PhaseHooks, start, s.spanName(i, method))
		}
	}
	return nil
}

// one calls a single monitor.
func (s *monitorSet) one(i int, method string, call func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &PanicError{Where: s.where(i, method), Value: r, Stack: debug.Stack()}
		}
	}()
	start := s.trace.start()
	if err := call(); err != nil {
		return fmt.Errorf("%s: %w", s.where(i, method), err)
	}
	if s.trace.on {
		s.trace.end(hooks.PhaseHooks, start, s.spanName(i, method))
	}
	return nil
}

func (s *monitorSet) where(i int, method string) string {
	return "monitor " + s.keys[i] + ": " + method
}

// spanName names the span of a monitor's method. It allocates at its first call only.
func (s *monitorSet) spanName(i int, method string) string {
	if s.names[method] == nil {
		if s.names == nil {
			s.names = map[string][]string{}
		}
		for _, key := range s.keys {
			s.names[method] = append(s.names[method], key+" "+method)
		}
	}
	return s.names[method][i]
}

func (s *monitorSet) begin(run *hooks.Run) error {
	err := s.each("Begin", func(m hooks.Monitor) error {
		s.begun++ // End follows a Begin even if that failed
		return m.Begin(run)
	})
	s.ready = err == nil
	return err
}

func (s *monitorSet) epochBegin(epoch int64) error {
	return s.each("EpochBegin", func(m hooks.Monitor) error { return m.EpochBegin(epoch) })
}

func (s *monitorSet) epochEnd(epoch int64) error {
	return s.each("EpochEnd", func(m hooks.Monitor) error { return m.EpochEnd(epoch) })
}

// stepBegin returns the union of the nodes wanted, each once, in the order asked.
// The slice is re-used at the next step.
func (s *monitorSet) stepBegin(step int64) (gorgonia.Nodes, error) {
	s.wanted = s.wanted[:0]
	err := s.each("StepBegin", func(m hooks.Monitor) error {
		nodes, err := m.StepBegin(step)
		if err != nil {
			return err
		}
		for i, n := range nodes {
			if n == nil {
				return fmt.Errorf("node %d asked for is nil", i)
			}
			if !s.wanted.Contains(n) {
				s.wanted = append(s.wanted, n)
			}
		}
		return nil
	})
	return s.wanted, err
}

// stepEnd calls every monitor, whatever the others vote.
func (s *monitorSet) stepEnd(step int64, out hooks.Outputs) (stop bool, err error) {
	err = s.each("StepEnd", func(m hooks.Monitor) error {
		vote, err := m.StepEnd(step, out)
		stop = stop || vote
		return err
	})
	return stop, err
}

func (s *monitorSet) postStep(step int64) error {
	return s.each("PostStep", func(m hooks.Monitor) error { return m.PostStep(step) })
}

// beforeSave calls the monitors that act before a checkpoint is written.
func (s *monitorSet) beforeSave(step int64) error {
	return s.each("BeforeSave", func(m hooks.Monitor) error {
		if before, ok := m.(hooks.BeforeSaver); ok {
			return before.BeforeSave(step)
		}
		return nil
	})
}

func (s *monitorSet) saved(step int64, path string) error {
	return s.each("Saved", func(m hooks.Monitor) error { return m.Saved(step, path) })
}

func (s *monitorSet) evaluated(step int64, name string, results hooks.Metrics) error {
	return s.each("Evaluated", func(m hooks.Monitor) error { return m.Evaluated(step, name, results) })
}

// end calls End once on every monitor whose Begin was called, whatever fails.
func (s *monitorSet) end(cause error) error {
	if s.ended {
		return nil
	}
	s.ended = true
	var errs []error
	for i, m := range s.monitors[:s.begun] {
		errs = append(errs, s.one(i, "End", func() error { return m.End(cause) }))
	}
	errs = append(errs, s.trace.err)
	return errors.Join(errs...)
}

// states returns what the monitors want in the checkpoint.
func (s *monitorSet) states() (map[string][]byte, error) {
	states := map[string][]byte{}
	for i, m := range s.monitors {
		err := s.one(i, "State", func() error {
			state, err := m.State()
			if len(state) > 0 {
				states[s.keys[i]] = state
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return states, nil
}

// restore gives monitors their states back.
func (s *monitorSet) restore(states map[string][]byte) error {
	for i, m := range s.monitors {
		state, ok := states[s.keys[i]]
		if !ok {
			continue
		}
		if err := s.one(i, "SetState", func() error { return m.SetState(state) }); err != nil {
			return err
		}
	}
	return nil
}
