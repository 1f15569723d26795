package graphactions_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"syscall"
	"testing"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/internal/philox"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

// workload is a network with ReLU layers trained by Adam, as docs/performance.md has it.
type workload struct {
	name  string
	batch int
	sizes []int // one output stands for a binary classifier
	rows  int
}

var (
	w1 = workload{"W1", 128, []int{784, 256, 10}, 1024}
	w2 = workload{"W2", 32, []int{16, 64, 64, 1}, 4096}
)

func (w workload) loss(g *graph.Graph, x, y *gorgonia.Node) *gorgonia.Node {
	last := len(w.sizes) - 1
	for _, units := range w.sizes[1:last] {
		x = nn.Dense(g, x, units, nn.WithActivation(nn.ReLU))
	}
	if x = nn.Dense(g, x, w.sizes[last]); w.sizes[last] == 1 {
		return nn.SigmoidCrossEntropy(g, x, y)
	}
	return nn.SparseSoftmaxCrossEntropy(g, x, y)
}

func (w workload) input() *datasets.Dataset {
	r := philox.New(1, "rows", 0)
	x := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(w.rows, w.sizes[0]))
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(r.Normal(uint64(i)))
	}
	classes := make([]int64, w.rows)
	for i := range classes {
		classes[i] = int64(r.Intn(uint64(i), max(2, w.sizes[len(w.sizes)-1])))
	}
	y := tensor.New(tensor.WithBacking(classes))
	if w.sizes[len(w.sizes)-1] == 1 {
		y = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(w.rows))
		for i, class := range classes {
			y.Float32s()[i] = float32(class)
		}
	}
	return datasets.FromTensors(x, y).Shuffle(w.rows).Batch(w.batch).Repeat(-1)
}

func (w workload) classifier() *classifier {
	g := graph.New(graph.Seed(1), graph.Training(true))
	x := g.Placeholder("x", tensor.Float32, w.batch, w.sizes[0])
	input := w.input()
	y := g.Placeholder("y", input.Spec().Labels[datasets.DefaultLabel].Dtype, w.batch)
	loss := w.loss(g, x, y)
	return &classifier{
		g: g, features: graph.Nodes{datasets.DefaultFeature: x}, labels: graph.Nodes{datasets.DefaultLabel: y},
		loss: loss, trainOp: optim.Adam(0.001).Minimize(g, loss), input: input,
	}
}

// contender makes n steps whenever it is asked to.
type contender struct {
	steps func(n int)
	close func()
}

// byHand is the loop that a program without this package has.
func (w workload) byHand(b *testing.B) contender {
	c := w.classifier()
	s, err := session.New(c.g)
	check(b, err)
	it, err := c.input.Iterator()
	check(b, err)
	feed, fetches, outputs := graph.Feed{}, gorgonia.Nodes{c.loss, c.trainOp}, make([]gorgonia.Value, 2)
	return contender{
		steps: func(n int) {
			for range n {
				batch, err := it.Next(ctx)
				check(b, err)
				feed[c.features.One()], feed[c.labels.One()] = batch.Features[datasets.DefaultFeature], batch.Labels[datasets.DefaultLabel]
				check(b, s.RunInto(ctx, outputs, fetches, feed, nil))
			}
		},
		close: func() {
			check(b, it.Close())
			check(b, s.Close())
		},
	}
}

// gate is a monitor that lets a run make some steps and then holds it.
type gate struct {
	hooks.Base
	left  int
	start chan int
	done  chan error
}

func (g *gate) StepBegin(int64) ([]*gorgonia.Node, error) {
	for g.left == 0 {
		g.done <- nil
		g.left = <-g.start
	}
	g.left--
	return nil, nil
}

// gated starts a run without an end and holds it at its first step.
func gated(b *testing.B, run func(context.Context, hooks.Monitor) error) contender {
	cancelled, cancel := context.WithCancel(ctx)
	g := &gate{start: make(chan int), done: make(chan error)}
	go func() { g.done <- run(cancelled, g) }()
	check(b, <-g.done)
	return contender{
		steps: func(n int) {
			g.start <- n
			check(b, <-g.done)
		},
		close: func() {
			cancel()
			g.start <- 1
			if err := <-g.done; !errors.Is(err, context.Canceled) {
				b.Fatal(err)
			}
		},
	}
}

func (w workload) byTrain(b *testing.B, opts func(c *classifier) []graphactions.Option) contender {
	c, dir := w.classifier(), b.TempDir()
	return gated(b, func(ctx context.Context, g hooks.Monitor) error {
		_, err := c.try(ctx, dir, append(opts(c), graphactions.Monitors(g))...)
		return err
	})
}

func (w workload) byFit(b *testing.B, opts ...estimator.Option) contender {
	model := func(g *graph.Graph, features, labels graph.Nodes, _ estimator.Mode) (*estimator.Spec, error) {
		loss := w.loss(g, features.One(), labels.One())
		return &estimator.Spec{Loss: loss, TrainOp: optim.Adam(0.001).Minimize(g, loss)}, nil
	}
	opts = append(opts, estimator.ModelDir(b.TempDir()), estimator.Seed(1), estimator.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	est, err := estimator.New(model, opts...)
	check(b, err)
	b.Cleanup(func() { check(b, est.Close()) })
	return gated(b, func(ctx context.Context, g hooks.Monitor) error {
		_, err := est.FitContext(ctx, w.input(), estimator.Monitors(g))
		return err
	})
}

func check(b *testing.B, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}

// bare has no monitors and no log lines.
func bare(*classifier) []graphactions.Option {
	return []graphactions.Option{graphactions.SaveSummariesSteps(0), graphactions.SaveModelSecs(0), graphactions.LogEverySteps(0)}
}

// standard has the monitors that Train adds by itself, the loss's among them.
func standard(c *classifier) []graphactions.Option {
	return []graphactions.Option{graphactions.Monitors(hooks.NewLoggingTensor(graph.Nodes{"loss": c.loss}, hooks.EverySteps(100))), graphactions.LogEverySteps(0)}
}

// BenchmarkLoop is a step of a loop written by hand and of Train, with monitors at their
// defaults, on the same engine and input.
func BenchmarkLoop(b *testing.B) {
	for name, c := range map[string]func(*testing.B) contender{
		"hand": w2.byHand,
		"train": func(b *testing.B) contender {
			return w2.byTrain(b, func(c *classifier) []graphactions.Option { return append(standard(c), graphactions.LogEverySteps(10)) })
		},
	} {
		b.Run(name, func(b *testing.B) {
			c := c(b)
			b.ReportAllocs()
			b.ResetTimer()
			c.steps(b.N)
			b.StopTimer()
			c.close()
		})
	}
}

// BenchmarkOverhead compares the loop by hand with
//
//	bare      Train without monitors and log lines
//	standard  Train with its own monitors: the loss's log, summaries and steps per second
//	          every 100 steps, checkpoints by the clock
//	fit       Estimator.Fit as it is
func BenchmarkOverhead(b *testing.B) {
	for _, w := range []workload{w1, w2} {
		b.Run(w.name, func(b *testing.B) {
			compare(b, 0, []string{"hand", "bare", "standard", "fit"}, []contender{w.byHand(b), w.byTrain(b, bare), w.byTrain(b, standard), w.byFit(b)})
		})
	}
}

// BenchmarkBusy compares the loop by hand with Train that also writes a checkpoint every
// 100 steps: in the loop, and in the background.
func BenchmarkBusy(b *testing.B) {
	saving := func(background bool) func(*classifier) []graphactions.Option {
		return func(c *classifier) []graphactions.Option {
			return append(standard(c), graphactions.SaveModelSteps(100), graphactions.SaveInBackground(background))
		}
	}
	for _, w := range []workload{w1, w2} {
		b.Run(w.name, func(b *testing.B) {
			// The disk is left alone before the next one's turn.
			compare(b, 50*time.Millisecond, []string{"hand", "loop", "background"}, []contender{w.byHand(b), w.byTrain(b, saving(false)), w.byTrain(b, saving(true))})
		})
	}
}

// compare gives each contender 200 steps in turn and reports, in relation to the first,
// the median over those rounds of their times, the quickest round's, and the median of the
// processor's time, which a busy machine disturbs least.
func compare(b *testing.B, pause time.Duration, names []string, all []contender) {
	const steps = 200
	took, worked := make([][]float64, len(all)), make([][]float64, len(all))
	for round := 0; b.Loop(); round++ {
		for i := range all {
			if round%2 == 1 {
				i = len(all) - 1 - i
			}
			start, used := time.Now(), processorTime(b)
			all[i].steps(steps)
			took[i] = append(took[i], float64(time.Since(start))/steps)
			worked[i] = append(worked[i], processorTime(b)-used)
			time.Sleep(pause)
		}
	}
	b.ReportMetric(median(took[0]), names[0]+"-ns/step")
	for i := range all {
		all[i].close()
		if i == 0 {
			continue
		}
		for unit, times := range map[string][][]float64{"": took, "(cpu)": worked} {
			ratios := make([]float64, len(times[i]))
			for k := range ratios {
				ratios[k] = times[i][k] / times[0][k]
			}
			b.ReportMetric(median(ratios), names[i]+"/"+names[0]+unit)
		}
		b.ReportMetric(slices.Min(took[i])/slices.Min(took[0]), names[i]+"/"+names[0]+"(min)")
	}
}

// processorTime returns what this process has used so far.
func processorTime(b *testing.B) float64 {
	var u syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return float64(u.Utime.Nano() + u.Stime.Nano())
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
