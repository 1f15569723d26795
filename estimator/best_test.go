package estimator_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/saver"
)

// scripted is a metric whose value a test gives for each step.
type scripted struct {
	metrics.Metric
	node   *gorgonia.Node
	values map[int64]float64
	step   int64
}

func (s *scripted) Nodes() gorgonia.Nodes { return gorgonia.Nodes{s.node} }
func (s *scripted) Reset()                { s.step = -1 }
func (s *scripted) Value() float64        { return s.values[s.step] }
func (s *scripted) Update(v []gorgonia.Value) error {
	s.step = v[0].Data().(int64)
	return nil
}

// scores is a model whose metric "score" has these values.
func scores(values map[int64]float64) estimator.ModelFn {
	return func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		spec, err := counter(g, features, labels, mode)
		spec.Metrics = map[string]metrics.Metric{"score": &scripted{node: g.GlobalStep(), values: values}}
		return spec, err
	}
}

func TestKeepBest(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		by     estimator.Criterion
		n      int
		values map[int64]float64 // of steps 1 to 8
		want   []int64           // the best first
	}{
		"greatest":                {estimator.Greatest("score"), 1, map[int64]float64{1: 3, 2: 5, 3: 4, 4: 1, 5: 2, 6: 2, 7: 2, 8: 2}, []int64{2}},
		"least":                   {estimator.Least("score"), 1, map[int64]float64{1: 3, 2: 5, 3: 4, 4: 1, 5: 2, 6: 2, 7: 2, 8: 2}, []int64{4}},
		"three":                   {estimator.Greatest("score"), 3, map[int64]float64{1: 3, 2: 5, 3: 4, 4: 1, 5: 2, 6: 2, 7: 2, 8: 6}, []int64{8, 2, 3}},
		"more than there are":     {estimator.Greatest("score"), 20, map[int64]float64{1: 8, 2: 7, 3: 6, 4: 5, 5: 4, 6: 3, 7: 2, 8: 1}, []int64{1, 2, 3, 4, 5, 6, 7, 8}},
		"of equal ones the first": {estimator.Greatest("score"), 2, map[int64]float64{1: 1, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2, 7: 2, 8: 2}, []int64{2, 3}},
		"NaN is never good":       {estimator.Least("score"), 2, map[int64]float64{1: nan, 2: nan, 3: 7, 4: nan, 5: nan, 6: nan, 7: nan, 8: nan}, []int64{3}},
		"nothing but NaN":         {estimator.Least("score"), 2, map[int64]float64{1: nan, 2: nan, 3: nan, 4: nan, 5: nan, 6: nan, 7: nan, 8: nan}, nil},
		"infinities":              {estimator.Least("score"), 1, map[int64]float64{1: math.Inf(1), 2: math.Inf(-1), 3: 0, 4: 0, 5: 0, 6: 0, 7: 0, 8: 0}, []int64{2}},
	} {
		for _, cuts := range [][]int64{{8}, {1, 2, 5, 8}} {
			t.Run(name, func(t *testing.T) {
				dir := t.TempDir()
				for _, last := range cuts {
					est := newEstimator(t, scores(c.values), estimator.ModelDir(dir), estimator.KeepCheckpointMax(1))
					spec := estimator.NewEvalSpec("", numbers(1).Batch(1), estimator.At(hooks.EverySteps(1)), estimator.KeepBest(c.by, c.n))
					_, err := est.TrainAndEvaluate(zeros(estimator.MaxSteps(last)), spec)
					require.NoError(t, err)
				}
				pins, err := saver.Pins(dir, estimator.BestCheckpoints)
				require.NoError(t, err)
				var got []int64
				for _, p := range pins {
					got = append(got, p.Step)
				}
				require.Equal(t, c.want, got)
				best, err := newEstimator(t, counter, estimator.ModelDir(dir)).BestCheckpoint()
				require.NoError(t, err)
				require.Equal(t, len(c.want) > 0, best != "")
			})
		}
	}
}

// The best of another metric, or of another evaluation, says nothing: what it kept is let
// go when there is something new to keep. A best that somebody deleted is forgotten.
func TestKeepBestOfSomethingElse(t *testing.T) {
	dir := t.TempDir()
	values := map[int64]float64{1: 1, 2: 9, 3: 2, 4: 3, 5: 1, 6: 0}
	run := func(last int64, spec estimator.EvalSpec) {
		est := newEstimator(t, scores(values), estimator.ModelDir(dir), estimator.KeepCheckpointMax(1))
		_, err := est.TrainAndEvaluate(zeros(estimator.MaxSteps(last)), spec.With(estimator.At(hooks.EverySteps(1))))
		require.NoError(t, err)
	}
	kept := func(want ...int64) {
		t.Helper()
		steps, err := saver.Steps(dir)
		require.NoError(t, err)
		require.Equal(t, want, steps)
	}
	spec := estimator.NewEvalSpec("a", numbers(1).Batch(1))
	greatest := estimator.KeepBest(estimator.Greatest("score"), 1)
	run(3, spec.With(greatest))
	kept(2, 3)
	run(4, spec) // without: what is pinned stays
	kept(2, 4)
	run(5, spec.With(greatest))
	kept(2, 5)
	require.NoError(t, os.Remove(filepath.Join(dir, "model.ckpt-2.safetensors")))
	run(6, spec.Named("b").With(estimator.KeepBest(estimator.Least("score"), 1)))
	kept(6)
	pins, err := saver.Pins(dir, estimator.BestCheckpoints)
	require.NoError(t, err)
	require.EqualValues(t, 6, pins[0].Step)
	var note struct {
		Step           int64
		By, Evaluation string
		Metrics        estimator.Metrics
	}
	require.NoError(t, json.Unmarshal([]byte(pins[0].Note), &note))
	require.EqualValues(t, 6, note.Step)
	require.Equal(t, "least score", note.By)
	require.Equal(t, "b", note.Evaluation)
	require.Equal(t, 0.0, note.Metrics["score"])
}

// What is in a damaged file of pins is lost, unless the checkpoint knows it.
func TestKeepBestWithDamagedPins(t *testing.T) {
	values := map[int64]float64{1: 1, 2: 9, 3: 2, 4: 3, 5: 1}
	spec := estimator.NewEvalSpec("a", numbers(1).Batch(1), estimator.At(hooks.EverySteps(1)))
	best := estimator.KeepBest(estimator.Greatest("score"), 1)
	for _, known := range []bool{true, false} {
		dir := t.TempDir()
		var log bytes.Buffer
		for i, s := range []estimator.EvalSpec{spec.With(best), spec, spec.With(best)} {
			if i == 1 && known {
				continue // the checkpoint of a run that does not ask for the best does not know it
			}
			if i == 2 {
				require.NoError(t, os.WriteFile(filepath.Join(dir, saver.PinsFile), []byte("{"), 0o600))
			}
			est := newEstimator(t, scores(values), estimator.ModelDir(dir), estimator.KeepCheckpointMax(1), estimator.Logger(slog.New(slog.NewTextHandler(&log, nil))))
			_, err := est.TrainAndEvaluate(zeros(estimator.MaxSteps(int64(3+i))), s)
			require.NoError(t, err)
		}
		require.Contains(t, log.String(), "what earlier runs found to be the best may be forgotten")
		pins, err := saver.Pins(dir, estimator.BestCheckpoints)
		require.NoError(t, err)
		require.Equal(t, known, pins[0].Step == 2)
		require.FileExists(t, filepath.Join(dir, "model.ckpt-2.safetensors"), "and nothing is deleted that may be the best")
	}
}

// Two evaluations keep their own, under names of their own, and an element of a metric
// that has several results may decide.
func TestKeepBestOfTwo(t *testing.T) {
	dir := t.TempDir()
	fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		spec, err := bowl(g, features, labels, mode)
		if mode == estimator.Eval {
			spec.Metrics = map[string]metrics.Metric{"off": metrics.MeanTensor(spec.Predictions["off"])}
		}
		return spec, err
	}
	est := newEstimator(t, fn, estimator.ModelDir(dir), estimator.SaveCheckpointsSteps(1), estimator.KeepCheckpointMax(1))
	res, err := est.TrainAndEvaluate(zeros(estimator.MaxSteps(20)),
		target(5).With(estimator.KeepBest(estimator.Least("loss"), 1)),
		target(9).Named("other").With(estimator.KeepBestAs("mine", estimator.Least("off/0"), 1)))
	require.NoError(t, err)
	require.Equal(t, -11.0, res.Final["other"]["off/0"])
	for name, want := range map[string]int64{estimator.BestCheckpoints: 5, "mine": 20} {
		pins, err := saver.Pins(dir, name)
		require.NoError(t, err)
		require.EqualValues(t, want, pins[0].Step, name)
	}
	_, err = newEstimator(t, fn, estimator.ModelDir(t.TempDir())).TrainAndEvaluate(zeros(estimator.MaxSteps(2)),
		target(5).With(estimator.KeepBest(estimator.Least("on/0"), 1)))
	require.ErrorContains(t, err, `there is no metric "on/0", have ["global_step" "loss"]`)
}

func TestCriterion(t *testing.T) {
	least := estimator.Least("loss")
	require.Equal(t, "least loss", least.String())
	require.Equal(t, "greatest auc", estimator.Greatest("auc").String())
	require.Equal(t, "loss", least.Metric())
	_, err := least.Better(estimator.Metrics{"auc": 1}, nil)
	require.ErrorContains(t, err, `the metric "loss" is missing from the results: there are ["auc"]`)
	better, err := least.Better(estimator.Metrics{"loss": 1}, estimator.Metrics{"loss": math.NaN()})
	require.NoError(t, err)
	require.True(t, better)
	none, err := newEstimator(t, counter).BestCheckpoint()
	require.NoError(t, err)
	require.Empty(t, none, "there is no model directory yet")
}
