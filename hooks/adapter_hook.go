package hooks

import (
	"errors"
	"fmt"
	"io"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/session"
)

// SessionRunHook is a hook in the manner of tf.train.SessionRunHook. [FromSessionRunHook]
// makes a [Monitor] of one. Embed [BaseSessionRunHook].
type SessionRunHook interface {
	// Begin is called once before anything else. It may add nodes to the graph.
	Begin(g *graph.Graph) error
	// AfterCreateSession is called when the session is there and its variables have their
	// first values or those of the checkpoint.
	AfterCreateSession(s *session.Session) error
	// BeforeRun is called before every step and returns what it wants to fetch and to
	// feed; nil for nothing.
	BeforeRun(ctx *SessionRunContext) (*SessionRunArgs, error)
	// AfterRun is called after every step that went well.
	AfterRun(ctx *SessionRunContext, values *SessionRunValues) error
	// End is called when the run has ended well: by its steps, the end of the input or a
	// stop. After an error it is not, as in TensorFlow; a hook that holds something
	// implements io.Closer, and Close is called on every way out.
	End(s *session.Session) error
}

// BaseSessionRunHook is a hook that does nothing. Embed it.
type BaseSessionRunHook struct{}

var _ SessionRunHook = BaseSessionRunHook{}

// Begin does nothing.
func (BaseSessionRunHook) Begin(*graph.Graph) error { return nil }

// AfterCreateSession does nothing.
func (BaseSessionRunHook) AfterCreateSession(*session.Session) error { return nil }

// BeforeRun asks for nothing.
func (BaseSessionRunHook) BeforeRun(*SessionRunContext) (*SessionRunArgs, error) { return nil, nil }

// AfterRun does nothing.
func (BaseSessionRunHook) AfterRun(*SessionRunContext, *SessionRunValues) error { return nil }

// End does nothing.
func (BaseSessionRunHook) End(*session.Session) error { return nil }

// SessionRunArgs is what a hook wants of a step.
type SessionRunArgs struct {
	// Fetches are nodes by names of the hook's choice. Variables have their values from
	// before the step's update.
	Fetches graph.Nodes
	// Feed gives placeholders values beside the input; a placeholder that is fed already
	// is an error.
	Feed graph.Feed
}

// SessionRunValues is what a step gave.
type SessionRunValues struct {
	// Results are the values by the names in SessionRunArgs.Fetches. After a loss that is
	// not finite those that depend on an update are missing.
	Results map[string]gorgonia.Value
	// Loss is the step's loss.
	Loss float64
}

// SessionRunContext is what a hook knows of a step.
type SessionRunContext struct {
	run  *Run
	step int64
	stop bool
}

// Session returns the session. It must not be run from BeforeRun to AfterRun.
func (c *SessionRunContext) Session() *session.Session { return c.run.Session }

// Run returns the run, for its graph, its logger and its requests.
func (c *SessionRunContext) Run() *Run { return c.run }

// Step returns the global step after the step's update.
func (c *SessionRunContext) Step() int64 { return c.step }

// RequestStop asks to end the run after this step.
func (c *SessionRunContext) RequestStop() { c.stop = true }

// StopRequested reports whether this hook, or by now another monitor, asked to end the
// run.
func (c *SessionRunContext) StopRequested() bool { return c.stop || c.run.requests.Stop }

// FromSessionRunHook makes a [Monitor] of a hook, so that both kinds go into one list. As
// in TensorFlow it runs on all workers.
//
// A hook that implements [Validator] is asked before anything is written.
func FromSessionRunHook(h SessionRunHook) Monitor { return &hookAdapter{hook: h} }

type hookAdapter struct {
	Base
	hook  SessionRunHook
	run   *Run // nil while not begun
	ctx   *SessionRunContext
	args  *SessionRunArgs
	nodes gorgonia.Nodes // of args, ordered by name
}

var _ Feeder = (*hookAdapter)(nil)

// Name is the hook's type, for error messages.
func (a *hookAdapter) Name() string { return fmt.Sprintf("%T", a.hook) }

// Validate reports a nil hook, or what the hook says itself.
func (a *hookAdapter) Validate() error {
	if a.hook == nil {
		return errors.New("hooks: FromSessionRunHook: the hook is nil")
	}
	if v, ok := a.hook.(Validator); ok {
		return v.Validate()
	}
	return nil
}

func (a *hookAdapter) Begin(run *Run) error {
	if err := a.Validate(); err != nil {
		return err
	}
	a.run, a.ctx = run, &SessionRunContext{run: run}
	if err := a.hook.Begin(run.Graph); err != nil {
		return err
	}
	if err := run.Graph.Err(); err != nil {
		return err
	}
	return a.hook.AfterCreateSession(run.Session)
}

func (a *hookAdapter) StepBegin(step int64) (nodes []*gorgonia.Node, err error) {
	a.ctx.step, a.ctx.stop = step, false
	if a.args, err = a.hook.BeforeRun(a.ctx); err != nil {
		return nil, err
	}
	if a.args == nil {
		a.args = &SessionRunArgs{}
	}
	a.nodes = a.args.Fetches.Ordered()
	return a.nodes, nil
}

// Feed gives what BeforeRun wanted to feed.
func (a *hookAdapter) Feed(int64) (graph.Feed, error) { return a.args.Feed, nil }

func (a *hookAdapter) StepEnd(_ int64, out Outputs) (bool, error) {
	values, err := out.valuesOf(a.nodes)
	if err != nil {
		return false, err
	}
	results := make(map[string]gorgonia.Value, len(values))
	for i, name := range a.args.Fetches.Names() {
		if values[i] != nil {
			results[name] = values[i]
		}
	}
	if err := a.hook.AfterRun(a.ctx, &SessionRunValues{Results: results, Loss: out.Loss}); err != nil {
		return false, err
	}
	return a.ctx.stop, nil
}

func (a *hookAdapter) End(cause error) error {
	if a.run == nil {
		return nil
	}
	s := a.run.Session
	a.run = nil
	var err error
	if cause == nil {
		err = a.hook.End(s)
	}
	if c, ok := a.hook.(io.Closer); ok {
		err = errors.Join(err, c.Close())
	}
	return err
}

func (a *hookAdapter) AllWorkers() bool { return true }
