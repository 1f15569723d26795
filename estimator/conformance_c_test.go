package estimator_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
)

// countingIn is an estimator of the smallest model in a directory.
func countingIn(t *testing.T, dir string, opts ...estimator.Option) *estimator.Estimator {
	t.Helper()
	return newEstimator(t, counter, append([]estimator.Option{estimator.ModelDir(dir)}, opts...)...)
}

// ones is an endless input for it.
func ones() *datasets.Dataset { return numbers(1).Batch(1).Repeat(-1) }

// pathsOf returns the lines of a directory's state file with these keys.
func pathsOf(t *testing.T, dir string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "model_checkpoint_path") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func TestConformanceC(t *testing.T) {
	t.Run("C2", func(t *testing.T) {
		dir := t.TempDir()
		est := countingIn(t, dir)
		fit(t, est, ones(), estimator.MaxSteps(10))
		fit(t, est, ones(), estimator.MaxSteps(15))
		require.EqualValues(t, 15, stepOf(t, dir))
	})
	t.Run("C3", func(t *testing.T) {
		dir := t.TempDir()
		fit(t, countingIn(t, dir), ones(), estimator.Steps(5))
		// The paths are relative. They end in .safetensors, which TensorFlow's do not.
		require.Equal(t, []string{
			`model_checkpoint_path: "model.ckpt-5.safetensors"`,
			`all_model_checkpoint_paths: "model.ckpt-0.safetensors"`,
			`all_model_checkpoint_paths: "model.ckpt-5.safetensors"`,
		}, pathsOf(t, dir))
	})
	t.Run("C4", func(t *testing.T) {
		parent := t.TempDir()
		old, moved := filepath.Join(parent, "old"), filepath.Join(parent, "moved")
		fit(t, countingIn(t, old), ones(), estimator.Steps(5))
		require.NoError(t, os.Rename(old, moved))
		res := fit(t, countingIn(t, moved), ones(), estimator.Steps(5))
		require.EqualValues(t, 5, res.FirstStep)
		require.EqualValues(t, 10, stepOf(t, moved))
		require.NoDirExists(t, old)
	})
	t.Run("C5", func(t *testing.T) {
		r := &recorder{}
		fit(t, countingIn(t, t.TempDir()), ones(), estimator.Steps(21), estimator.Monitors(r))
		require.Len(t, r.steps, 21)
	})
	t.Run("C6", func(t *testing.T) {
		// There are no hooks of an evaluation: a metric counts in their place.
		m := &updates{}
		fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			spec, err := counter(g, features, labels, mode)
			m.node = spec.Loss
			spec.Metrics = map[string]metrics.Metric{"updates": m}
			return spec, err
		}
		est := newEstimator(t, fn, estimator.ModelDir(t.TempDir()))
		fit(t, est, ones(), estimator.Steps(1))
		ev, err := est.Evaluate(ones(), estimator.Steps(3))
		require.NoError(t, err)
		require.Equal(t, 3.0, ev["updates"])
	})
	t.Run("C7", func(t *testing.T) {
		mine := make([]hooks.Monitor, 1, 8)
		mine[0] = &recorder{}
		est := countingIn(t, t.TempDir())
		fit(t, est, ones(), estimator.Steps(1), estimator.Monitors(mine...))
		require.Len(t, mine, 1)
		require.Equal(t, make([]hooks.Monitor, 7), mine[1:8], "nothing is written behind it either")
	})
	t.Run("C8", func(t *testing.T) {
		for name, where := range map[string]string{"caller": "fit", "spec": "spec"} {
			t.Run(name, func(t *testing.T) {
				r, own := &recorder{}, hooks.NewCheckpointSaver(hooks.EverySteps(5))
				fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
					spec, err := counter(g, features, labels, mode)
					if where == "spec" {
						spec.Monitors = []hooks.Monitor{own}
					}
					return spec, err
				}
				monitors := []hooks.Monitor{r}
				if where == "fit" {
					monitors = append(monitors, own)
				}
				est := newEstimator(t, fn, estimator.ModelDir(t.TempDir()), estimator.SaveCheckpointsSteps(2))
				fit(t, est, ones(), estimator.Steps(7), estimator.Monitors(monitors...))
				require.Equal(t, []int64{0, 5, 7}, r.saves)
			})
		}
	})
	t.Run("C9", func(t *testing.T) {
		var seeds []uint64
		fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			seeds = append(seeds, g.Seed())
			return counter(g, features, labels, mode)
		}
		est := newEstimator(t, fn, estimator.ModelDir(t.TempDir()), estimator.Seed(1))
		fit(t, est, ones(), estimator.Steps(1))
		_, err := est.Evaluate(numbers(1))
		require.NoError(t, err)
		require.Equal(t, []uint64{1, 1}, seeds)
		// The input's shuffles follow it too.
		order := func(seed uint64) (x []float32) {
			var in *gorgonia.Node
			fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
				in = features.One()
				return counter(g, features, labels, mode)
			}
			m := hooks.Funcs{
				OnStepBegin: func(int64) ([]*gorgonia.Node, error) { return []*gorgonia.Node{in}, nil },
				OnStepEnd: func(_ int64, out hooks.Outputs) (bool, error) {
					v, err := out.Value(in)
					x = append(x, v.Data().([]float32)[0])
					return false, err
				},
			}
			est := newEstimator(t, fn, estimator.ModelDir(t.TempDir()), estimator.Seed(seed))
			fit(t, est, numbers(1, 2, 3, 4, 5, 6, 7, 8).Shuffle(8).Batch(1), estimator.Monitors(m))
			return x
		}
		require.Equal(t, order(1), order(1))
		require.NotEqual(t, order(1), order(2))
	})
	t.Run("C10", func(t *testing.T) {
		var loss *gorgonia.Node
		r := &recorder{}
		fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			spec, err := counter(g, features, labels, mode)
			loss = spec.Loss
			return spec, err
		}
		fit(t, newEstimator(t, fn, estimator.ModelDir(t.TempDir())), ones(), estimator.Steps(1), estimator.Monitors(r))
		require.Equal(t, gorgonia.Nodes{loss}, r.run.Graph.Collection(graph.Losses))
	})
	t.Run("C11", func(t *testing.T) {
		est := countingIn(t, t.TempDir())
		_, err := est.Evaluate(numbers(1), estimator.Steps(1))
		require.ErrorIs(t, err, estimator.ErrNotFitted)
		_, err = est.PredictAll(numbers(1))
		require.ErrorIs(t, err, estimator.ErrNotFitted)
		require.ErrorContains(t, err, "couldn't find a trained model")
	})
	t.Run("C12", func(t *testing.T) {
		dir := t.TempDir()
		fit(t, in(t, dir), endless(), estimator.Steps(1))
		dtype := datasets.FromTensors([][]int64{{1, 2, 3, 4}}, []int64{0}).Batch(1)
		width := datasets.FromTensors([][]float32{{1, 2, 3}}, []int64{0}).Batch(1)
		for want, input := range map[string]*datasets.Dataset{
			`feature "x" was float32 (4) a row and is int64 (4)`:   dtype,
			`feature "x" was float32 (4) a row and is float32 (3)`: width,
		} {
			est := in(t, dir)
			_, err := est.Fit(input, estimator.Steps(1))
			require.ErrorIs(t, err, estimator.ErrIncompatible)
			require.ErrorContains(t, err, want)
			_, err = est.Evaluate(input)
			require.ErrorContains(t, err, want)
			_, err = est.PredictAll(input)
			require.ErrorContains(t, err, want)
		}
	})
	t.Run("C14", func(t *testing.T) {
		// The metric is the label that the model function gets, the prediction its feature.
		calls := map[bool]int{}
		replace := func(g *graph.Graph, features, labels graph.Nodes) (graph.Nodes, graph.Nodes, error) {
			calls[len(labels) > 0]++
			to := func(n *gorgonia.Node, x float32) *gorgonia.Node {
				return ops.Add(g, ops.Sub(g, n, n), g.NamedConstant(fmt.Sprint(x), x))
			}
			if len(labels) > 0 {
				labels = graph.Nodes{"y": to(labels.One(), 99)}
			}
			return graph.Nodes{"x": to(features.One(), 9)}, labels, nil
		}
		fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			spec, err := counter(g, features, labels, mode)
			if mode == estimator.Eval {
				spec.Metrics = map[string]metrics.Metric{"label": metrics.Mean(labels.One())}
			}
			return spec, err
		}
		est := newEstimator(t, fn, estimator.ModelDir(t.TempDir()), estimator.FeatureEngineering(replace))
		input := datasets.FromTensors([]float32{1, 2}, []float32{3, 4}).Batch(2)
		fit(t, est, input)
		ev, err := est.Evaluate(input)
		require.NoError(t, err)
		require.Equal(t, 99.0, ev["label"])
		rows, err := est.PredictAll(input)
		require.NoError(t, err)
		require.Equal(t, []estimator.Row{{"x": float32(9)}, {"x": float32(9)}}, rows)
		require.Equal(t, map[bool]int{true: 2, false: 1}, calls, "once for each graph")
		failing := func(*graph.Graph, graph.Nodes, graph.Nodes) (graph.Nodes, graph.Nodes, error) {
			return nil, nil, os.ErrInvalid
		}
		_, err = newEstimator(t, fn, estimator.FeatureEngineering(failing)).Fit(input)
		require.ErrorIs(t, err, os.ErrInvalid)
		require.ErrorContains(t, err, "mode train: feature engineering: ")
	})
	t.Run("C17", func(t *testing.T) {
		linear := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			spec, err := classes(g, nn.Dense(g, features.One(), 3), labels, mode)
			if mode == estimator.Train {
				spec.TrainOp = optim.Adam(0.1).Minimize(g, spec.Loss)
			}
			return spec, err
		}
		require.Greater(t, irisAccuracy(t, linear, 100), 0.9)
	})
	t.Run("C18", func(t *testing.T) {
		deep := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			hidden := features.One()
			for _, units := range []int{10, 20, 10} {
				hidden = nn.Dense(g, hidden, units, nn.WithActivation(nn.ReLU))
			}
			spec, err := classes(g, nn.Dense(g, hidden, 3), labels, mode)
			if mode == estimator.Train {
				spec.TrainOp = optim.Momentum(0.01, 0.9).Minimize(g, spec.Loss)
			}
			return spec, err
		}
		require.Greater(t, irisAccuracy(t, deep, 400), 0.65)
	})
}

func irisAccuracy(t *testing.T, fn estimator.ModelFn, steps int64) float64 {
	t.Helper()
	est := newEstimator(t, fn, estimator.ModelDir(t.TempDir()))
	fit(t, est, datasets.Iris().Batch(150).Repeat(-1), estimator.Steps(steps))
	ev, err := est.Evaluate(datasets.Iris().Batch(100))
	require.NoError(t, err)
	return ev["accuracy"]
}

// updates is a metric that counts its updates.
type updates struct {
	metrics.Metric
	node *gorgonia.Node
	n    int
}

func (u *updates) Nodes() gorgonia.Nodes         { return gorgonia.Nodes{u.node} }
func (u *updates) Update([]gorgonia.Value) error { u.n++; return nil }
func (u *updates) Value() float64                { return float64(u.n) }
func (u *updates) Reset()                        { u.n = 0 }
