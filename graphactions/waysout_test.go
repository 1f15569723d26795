package graphactions_test

import (
	"context"
	"errors"
	"hash"
	"math"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/chewxy/hm"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/internal/atomicfile"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/summaries"
)

// trap is an op that gives its input back, and fails where the test wants it to.
type trap struct{ at func(x float32) error }

func (trap) Arity() int                                            { return 1 }
func (trap) Type() hm.Type                                         { return hm.NewFnType(tensor.Float32, tensor.Float32) }
func (trap) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) { return tensor.ScalarShape(), nil }
func (trap) ReturnsPtr() bool                                      { return false }
func (trap) CallsExtern() bool                                     { return false }
func (trap) OverwritesInput() int                                  { return -1 }
func (trap) WriteHash(h hash.Hash)                                 { h.Write([]byte("trap")) }
func (trap) Hashcode() uint32                                      { return 1 }
func (trap) String() string                                        { return "Trap" }

func (o trap) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	x := *in[0].(*gorgonia.F32)
	if err := o.at(float32(x)); err != nil {
		return nil, err
	}
	return gorgonia.NewF32(float32(x)), nil
}

// rig is a run whose every part can be made to fail. The rows of an epoch are 1 to 6, one
// a step, prepared by a goroutine, and the loss is the row.
type rig struct {
	ctx       context.Context
	row       func(x float32) (float32, error) // in the goroutine of the input
	op        func(x float32) error            // in the model
	evaluate  func() error
	epochs    int
	opts      []graphactions.Option
	bad, good *recorder // two monitors, in that order
	onStep    func(step int64)
	finish    func() error // is joined to the run's error
}

func (r *rig) train(t *testing.T, dir string) (*graphactions.Result, error) {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float32)
	loss := g.SetName(g.Apply(trap{func(x float32) error { return r.op(x) }}, x), "trap")
	trainOp := ops.AssignAdd(g, g.GlobalStep(), g.NamedConstant("one", int64(1)))
	require.NoError(t, g.Err())
	rows := datasets.FromTensors([]float32{1, 2, 3, 4, 5, 6}, nil).Map(func(b datasets.Batch) (datasets.Batch, error) {
		v := b.Features[datasets.DefaultFeature].Float32s()
		var err error
		v[0], err = r.row(v[0])
		return b, err
	}).Batch(1).Repeat(r.epochs).Prefetch(2)
	bind := func(b datasets.Batch) (graph.Feed, error) {
		return graph.Feed{x: number(b.Features[datasets.DefaultFeature].Float32s()[0])}, nil
	}
	before := hooks.Funcs{OnStepEnd: func(step int64, _ hooks.Outputs) (bool, error) {
		r.onStep(step)
		return false, nil
	}}
	opts := append([]graphactions.Option{
		quiet, graphactions.Input(rows, bind), graphactions.SaveSummariesSteps(1), graphactions.Monitors(before, r.bad, r.good),
		graphactions.OnEvaluate(func(context.Context, string) (hooks.Metrics, error) { return hooks.Metrics{"a": 1}, r.evaluate() }),
	}, r.opts...)
	res, err := graphactions.Train(r.ctx, g, dir, trainOp, loss, opts...)
	return res, errors.Join(err, r.finish())
}

// wayOut is one way to leave the loop.
type wayOut struct {
	name    string
	change  func(r *rig)
	reason  graphactions.Reason
	last    int64  // the last step
	saved   int64  // the step of the newest checkpoint, where it is not the last step; -1 for 0
	written int64  // the last step of the event file, where it is not the last step
	err     string // what the error says, "" when the run is a success
	is      error  // what the error is
	panics  bool   // the error is a *PanicError
	notLast bool   // the monitors were ended before the error
}

func options(opts ...graphactions.Option) func(*rig) { return func(r *rig) { r.opts = opts } }

// both returns the ways out by an error and by a panic in one place.
func both(where string, w wayOut, change func(r *rig, fail func() error)) []wayOut {
	failed := errors.New("failed in " + where)
	bad, worse := w, w
	bad.name, bad.err, bad.is = "error in "+where, failed.Error(), failed
	bad.change = func(r *rig) { change(r, func() error { return failed }) }
	worse.name, worse.err, worse.panics = "panic in "+where, "boom in "+where, true
	worse.change = func(r *rig) { change(r, func() error { panic("boom in " + where) }) }
	return []wayOut{bad, worse}
}

// monitor returns the ways out by an error and by a panic in a monitor's method, from the
// third step on.
func monitor(method string, w wayOut, opts ...graphactions.Option) []wayOut {
	return both("monitor "+method, w, func(r *rig, fail func() error) {
		r.opts, r.bad.fail = opts, map[string]func() error{method: fail}
		if method != "Begin" {
			r.bad.from = 3
		}
	})
}

// asking makes the first monitor ask for an evaluation at step 3.
func asking(change func(*rig)) func(*rig) {
	return func(r *rig) {
		change(r)
		r.onStep = func(step int64) {
			if step == 3 {
				r.bad.run.RequestEvaluate("test")
			}
		}
	}
}

// saverFunc is a saver.
type saverFunc func(ctx context.Context, c saver.Checkpoint) (string, error)

func (f saverFunc) Save(ctx context.Context, c saver.Checkpoint) (string, error) { return f(ctx, c) }

// smallDisk is the disk until it is full.
type smallDisk struct {
	atomicfile.FS
	full atomic.Bool
}

type smallFile struct {
	atomicfile.File
	disk *smallDisk
}

func (d *smallDisk) Create(path string) (atomicfile.File, error) {
	f, err := d.FS.Create(path)
	return smallFile{f, d}, err
}

func (f smallFile) Write(p []byte) (int, error) {
	if !f.disk.full.Load() {
		return f.File.Write(p)
	}
	n, _ := f.File.Write(p[:len(p)/2])
	return n, &os.PathError{Op: "write", Path: "checkpoint", Err: syscall.ENOSPC}
}

// fillsDisk makes the disk full at step 2.
func fillsDisk(opts ...graphactions.Option) func(*rig) {
	return func(r *rig) {
		disk := &smallDisk{FS: atomicfile.Disk}
		atomicfile.Disk = disk
		r.opts = opts
		r.onStep = func(step int64) { disk.full.Store(step >= 2) }
		r.finish = func() error {
			atomicfile.Disk = disk.FS
			return nil
		}
	}
}

// cancels ends the context at step 3.
func cancels(cause error) func(*rig) {
	return func(r *rig) {
		ctx, cancel := context.WithCancelCause(ctx)
		r.ctx = ctx
		r.onStep = func(step int64) {
			if step == 3 {
				cancel(cause)
			}
		}
	}
}

// raises sends a signal to this process at step 3.
func raises(s syscall.Signal) func(*rig) {
	return func(r *rig) {
		r.ctx, r.finish = estimator.UntilSignal(ctx)
		own := make(chan os.Signal, 1) // the signal must not end the test
		signal.Notify(own, s)
		r.onStep = func(step int64) {
			if step == 3 {
				syscall.Kill(os.Getpid(), s)
				<-r.ctx.Done()
				signal.Stop(own)
			}
		}
	}
}

func waysOut() []wayOut {
	enough := errors.New("out of budget")
	ways := []wayOut{
		{name: "steps", change: options(graphactions.Steps(3)), reason: graphactions.ReasonSteps, last: 3},
		{name: "max_steps", change: options(graphactions.MaxSteps(3)), reason: graphactions.ReasonMaxSteps, last: 3},
		{name: "end of input", change: func(r *rig) { r.epochs = 2 }, reason: graphactions.ReasonInputEnd, last: 12},
		{name: "end of input without a batch", change: func(r *rig) {
			r.opts = []graphactions.Option{graphactions.Input(datasets.FromTensors([]float32{1}, nil).Batch(1).Take(0), func(datasets.Batch) (graph.Feed, error) { return nil, nil })}
		}, reason: graphactions.ReasonInputEnd},
		{name: "vote", change: func(r *rig) { r.bad.stopAt = 3 }, reason: graphactions.ReasonStopRequested, last: 3},
		{name: "request to stop", change: func(r *rig) {
			r.onStep = func(step int64) {
				if step == 3 {
					r.good.run.RequestStop("it is good enough")
				}
			}
		}, reason: graphactions.ReasonStopRequested, last: 3},
		{name: "request to stop in Begin", change: func(r *rig) {
			r.bad.fail = map[string]func() error{"Begin": func() error { r.bad.run.RequestStop("nothing to do"); return nil }}
		}, reason: graphactions.ReasonStopRequested},
		{name: "cancel", change: cancels(nil), reason: graphactions.ReasonCancelled, last: 3, err: "context canceled", is: context.Canceled},
		{name: "cancel with a cause", change: cancels(enough), reason: graphactions.ReasonCancelled, last: 3, err: enough.Error(), is: enough},
		{name: "cancelled before the first step", change: func(r *rig) {
			c, cancel := context.WithCancel(ctx)
			r.ctx = c
			r.bad.fail = map[string]func() error{"Begin": func() error { cancel(); return nil }}
		}, reason: graphactions.ReasonCancelled, err: "context canceled", is: context.Canceled},
		{name: "SIGTERM", change: raises(syscall.SIGTERM), reason: graphactions.ReasonCancelled, last: 3, err: "stopped by signal terminated"},
		{name: "SIGINT", change: raises(syscall.SIGINT), reason: graphactions.ReasonCancelled, last: 3, err: "stopped by signal interrupt"},
		{name: "NaN", change: func(r *rig) {
			r.opts = []graphactions.Option{graphactions.SaveModelSteps(2)}
			r.row = func(x float32) (float32, error) {
				if x == 4 {
					x = float32(math.NaN())
				}
				return x, nil
			}
		}, reason: graphactions.ReasonNaNLoss, last: 3, saved: 2, written: 4, err: `the value fed for "x" is not finite`, is: graphactions.ErrNaNLoss},
		{name: "NaN of the model, with a checkpoint in the background", change: func(r *rig) {
			r.opts = []graphactions.Option{graphactions.SaveModelSteps(2), graphactions.SaveInBackground(true), graphactions.Restarts(1)}
			r.row = func(x float32) (float32, error) {
				if x == 4 {
					x = float32(math.Inf(1))
				}
				return x, nil
			}
		}, reason: graphactions.ReasonNaNLoss, last: 3, saved: 2, written: 4, err: "loss +Inf", is: graphactions.ErrNaNLoss},
		{name: "disk full", change: fillsDisk(graphactions.SaveModelSteps(3)), reason: graphactions.ReasonError, last: 3, saved: -1, err: "no space left", is: syscall.ENOSPC},
		{name: "disk full at the end", change: fillsDisk(graphactions.Steps(3)), reason: graphactions.ReasonSteps, last: 3, saved: -1, err: "no space left", is: syscall.ENOSPC},
		{name: "disk full in the background", change: fillsDisk(graphactions.SaveModelSteps(3), graphactions.SaveInBackground(true), graphactions.Steps(4)), last: 4, saved: -1, err: "saving step 3", is: syscall.ENOSPC},
		{name: "the event file fails", change: func(r *rig) {
			r.onStep = func(step int64) {
				for i := 0; step == 3 && i < 3; i++ {
					r.bad.run.Summaries.Close()
				}
			}
		}, reason: graphactions.ReasonError, last: 4, written: 3, err: "the writer is closed"},
		{name: "no evaluation of that name", change: asking(func(r *rig) { r.evaluate = func() error { return errors.New("there is none") } }), reason: graphactions.ReasonError, last: 3, err: "there is none"},
	}
	failed := wayOut{reason: graphactions.ReasonError, last: 3}
	ways = append(ways, both("the input", failed, func(r *rig, fail func() error) {
		r.row = func(x float32) (float32, error) {
			if x == 4 {
				return x, fail()
			}
			return x, nil
		}
	})...)
	ways = append(ways, both("the model", failed, func(r *rig, fail func() error) {
		r.op = func(x float32) error {
			if x == 4 {
				return fail()
			}
			return nil
		}
	})...)
	ways = append(ways, both("the evaluation", failed, func(r *rig, fail func() error) {
		asking(func(r *rig) { r.evaluate = fail })(r)
	})...)
	unsaved := wayOut{reason: graphactions.ReasonError, last: 2, saved: -1}
	for _, background := range []bool{false, true} {
		name := "the saver"
		if background {
			name = "the saver in the background"
			unsaved.reason, unsaved.last = "", 3 // known at the next step, or at the end
		}
		ways = append(ways, both(name, unsaved, func(r *rig, fail func() error) {
			r.opts = []graphactions.Option{
				graphactions.SaveModelSteps(2), graphactions.SaveInBackground(background), graphactions.Steps(3),
				graphactions.Saver(saverFunc(func(ctx context.Context, c saver.Checkpoint) (string, error) {
					if c.Step > 0 {
						return "", fail()
					}
					return "nowhere", nil
				})),
			}
		})...)
	}
	ways = append(ways, monitor("Begin", wayOut{reason: graphactions.ReasonError, saved: -2})...)
	ways = append(ways, monitor("StepBegin", wayOut{reason: graphactions.ReasonError, last: 2})...)
	for _, method := range []string{"StepEnd", "PostStep"} {
		ways = append(ways, monitor(method, failed)...)
	}
	for _, method := range []string{"EpochEnd", "EpochBegin"} {
		ways = append(ways, monitor(method, wayOut{reason: graphactions.ReasonError, last: 6})...)
	}
	ways = append(ways, monitor("Saved", failed, graphactions.SaveModelSteps(3))...)
	ways = append(ways, monitor("State", wayOut{reason: graphactions.ReasonError, last: 3, saved: -1}, graphactions.SaveModelSteps(3))...)
	for _, w := range monitor("Evaluated", failed) {
		w.change = asking(w.change)
		ways = append(ways, w)
	}
	return append(ways, monitor("End", wayOut{reason: graphactions.ReasonSteps, last: 3, notLast: true}, graphactions.Steps(3))...)
}

// TestEveryWayOut: whatever ends a run, the last state is saved (but not after a loss that
// is not finite), every monitor that was begun is ended once and told why, what was
// written to the event file is there, nothing is left running or locked, and the error
// that surfaces is the one that came first.
func TestEveryWayOut(t *testing.T) {
	for _, w := range waysOut() {
		t.Run(w.name, func(t *testing.T) {
			running := goleak.IgnoreCurrent()
			r := &rig{
				ctx: ctx, bad: &recorder{}, good: &recorder{}, epochs: -1, onStep: func(int64) {}, finish: func() error { return nil },
				row: func(x float32) (float32, error) { return x, nil }, op: func(float32) error { return nil }, evaluate: func() error { return nil },
			}
			w.change(r)
			dir := t.TempDir()
			res, err := r.train(t, dir)
			checkError(t, w, err)
			if w.reason != "" {
				require.Equal(t, w.reason, res.Reason)
			}
			require.Equal(t, w.last, res.LastStep)
			require.Contains(t, res.String(), string(res.Reason))
			checkMonitors(t, w, r)
			checkFiles(t, w, dir, res, err)
			lock, err := saver.Lock(dir)
			require.NoError(t, err, "the lock is released")
			require.NoError(t, lock.Close())
			require.NoError(t, goleak.Find(running, goleak.IgnoreAnyFunction("os/signal.loop"), goleak.IgnoreAnyFunction("os/signal.signal_recv")))
		})
	}
}

func checkError(t *testing.T, w wayOut, err error) {
	if w.err == "" {
		require.NoError(t, err)
		return
	}
	require.ErrorContains(t, err, w.err)
	if w.is != nil {
		require.ErrorIs(t, err, w.is)
	}
	var mine *graphactions.PanicError
	var theirs *datasets.PanicError
	if w.panics && !strings.Contains(w.name, "the model") { // the session's errors name the node
		require.True(t, errors.As(err, &mine) || errors.As(err, &theirs), "%T", err)
	}
}

func checkMonitors(t *testing.T, w wayOut, r *rig) {
	for i, m := range []*recorder{r.bad, r.good} {
		require.Equal(t, m.begin, m.end, "End of monitor %d", i)
		if m.end == 0 {
			continue
		}
		if w.err == "" || w.notLast {
			require.NoError(t, m.ended)
		} else {
			require.ErrorContains(t, m.ended, w.err)
		}
	}
	require.Equal(t, 1, r.bad.end)
}

func checkFiles(t *testing.T, w wayOut, dir string, res *graphactions.Result, cause error) {
	saved := w.last
	if w.saved != 0 {
		saved = max(w.saved, 0)
	}
	switch {
	case w.saved == -2:
		_, err := saver.Latest(dir)
		require.ErrorIs(t, err, saver.ErrNoCheckpoint)
		require.Empty(t, res.Checkpoint)
	case strings.Contains(w.name, "the saver"):
		require.Equal(t, "nowhere", res.Checkpoint)
	default:
		require.EqualValues(t, saved, stepOf(t, dir), "the final checkpoint")
		latest, err := saver.Latest(dir)
		require.NoError(t, err)
		require.Equal(t, latest, res.Checkpoint)
	}
	var nan *graphactions.NaNLossError
	if errors.As(cause, &nan) {
		require.Equal(t, res.Checkpoint, nan.Checkpoint)
	}
	report, err := saver.Check(dir)
	if w.saved != -2 && !strings.Contains(w.name, "the saver") {
		require.NoError(t, err)
		require.Empty(t, report.Temporary)
	}
	_, err = summaries.ReadDir(dir)
	require.NoError(t, err, "the event file is whole")
	steps, _, err := summaries.Scalars(dir, "loss")
	require.NoError(t, err)
	want := w.last
	if w.written != 0 {
		want = w.written
	}
	require.Len(t, steps, int(want), "what was summarised is in the event file")
}
