package goptuna_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/tune"
	"github.com/stheno-ml/stheno/tune/goptuna"
)

var space = tune.Space{
	"x": tune.Uniform(-100, 100), "rate": tune.LogUniform(1e-5, 1), "units": tune.Int(1, 64), "kind": tune.Choice("a", "b", 3),
}

// bowl is least, 0, at x = 10, rate = 0.001, units = 20 and kind = "b".
func bowl(p tune.Params) float64 {
	x := (p["x"].(float64) - 10) / 100
	rate := math.Log10(p["rate"].(float64)) + 3
	units := float64(p["units"].(int64)-20) / 32
	sum := x*x + rate*rate + units*units
	if p["kind"] != "b" {
		sum += 0.5
	}
	return sum
}

// run lets a sampler propose until there are n trials, which are bowl's. Every tenth fails
// or is pruned.
func run(t *testing.T, s tune.Sampler, res *tune.Result, n int) *tune.Result {
	t.Helper()
	require.NoError(t, s.Err())
	for i := len(res.Trials); i < n; i++ {
		p, err := s.Next(i, res)
		require.NoError(t, err)
		again, err := s.Next(i, res)
		require.NoError(t, err)
		require.Equal(t, p, again, "asked twice")
		require.Equal(t, space.Names(), p.Names())
		for name, v := range p {
			_, err := space[name].Place(v)
			require.NoError(t, err)
		}
		trial := tune.Trial{Number: i, State: tune.Done, Params: p, Scores: tune.Scores{{"loss": bowl(p)}}}
		if i%20 == 9 {
			trial.State, trial.Scores = tune.Failed, tune.Scores{}
		}
		if i%20 == 19 {
			trial.State = tune.Pruned
		}
		res = &tune.Result{Metric: res.Metric, Maximize: res.Maximize, Trials: append(res.Trials, trial)}
	}
	return res
}

// Both come closer than as many random trials do.
func TestSamplersLearn(t *testing.T) {
	const n = 150
	value := func(s tune.Sampler) float64 {
		res := run(t, s, &tune.Result{Metric: "loss"}, n)
		best, ok := res.Best()
		require.True(t, ok)
		return res.Value(best)
	}
	random := value(tune.Random(space, 1))
	require.Less(t, value(goptuna.CMAES(space, 1)), random/10)
	tpe := math.Inf(1)
	for seed := range uint64(5) { // its random numbers have no seed, so one attempt may be unlucky
		tpe = min(tpe, value(goptuna.TPE(space, seed)))
	}
	require.Less(t, tpe, random)
}

// Where greater is better, trials go to the far end: x leaves the middle.
func TestDirection(t *testing.T) {
	far := func(maximize bool) float64 {
		res := run(t, goptuna.CMAES(space, 1), &tune.Result{Metric: "loss", Maximize: maximize}, 120)
		sum := 0.0
		for _, trial := range res.Trials[100:] {
			sum += bowl(trial.Params)
		}
		return sum
	}
	require.Greater(t, far(true), 2*far(false))
}

// The same seed gives the same trials, in one process and in several.
func TestCMAESIsTheSameEveryTime(t *testing.T) {
	none := &tune.Result{Metric: "loss"}
	whole := run(t, goptuna.CMAES(space, 1), none, 60)
	require.NotEqual(t, whole.Trials[0].Params, run(t, goptuna.CMAES(space, 2), none, 1).Trials[0].Params)
	for _, cut := range []int{1, 9, 10, 33} {
		part := run(t, goptuna.CMAES(space, 1), none, cut)
		require.Equal(t, whole, run(t, goptuna.CMAES(space, 1), part, 60))
	}
	used := goptuna.CMAES(space, 1)
	run(t, used, none, 20)
	require.Equal(t, whole, run(t, used, none, 60), "a sampler that was used before begins anew")
	part := run(t, goptuna.CMAES(space, 1), none, 30)
	run(t, used, run(t, goptuna.CMAES(space, 3), none, 10), 20)
	require.Equal(t, whole, run(t, used, part, 60), "or goes on with another search")
}

// TPE goes on from trials that it would have proposed otherwise.
func TestTPEGoesOn(t *testing.T) {
	part := run(t, goptuna.TPE(space, 1), &tune.Result{Metric: "loss"}, 30)
	res := run(t, goptuna.TPE(space, 2), part, 40)
	require.Equal(t, part.Trials, res.Trials[:30])
	_, err := goptuna.TPE(tune.Space{"x": tune.Uniform(0, 1)}, 1).Next(30, part)
	require.ErrorContains(t, err, `trial 0: parameter "x"`)
	_, err = goptuna.TPE(space, 1).Next(3, part)
	require.ErrorContains(t, err, "30 trials before number 3")
}

func TestBadSpaces(t *testing.T) {
	for _, s := range []tune.Sampler{goptuna.TPE(nil, 1), goptuna.CMAES(nil, 1)} {
		require.ErrorContains(t, s.Err(), "no parameters")
	}
	require.ErrorContains(t, goptuna.CMAES(tune.Space{"x": tune.Uniform(0, 1)}, 1).Err(), "at least 2")
	require.NoError(t, goptuna.TPE(tune.Space{"x": tune.Uniform(0, 1)}, 1).Err())
	require.Equal(t, "goptuna CMA-ES({x: uniform(0, 1)}, seed 7)", goptuna.CMAES(tune.Space{"x": tune.Uniform(0, 1)}, 7).String())
}

// A real search with it: the loss is (x-a)² + (y-b)² of a row x, y.
func TestSearch(t *testing.T) {
	silent := slog.New(slog.NewTextHandler(io.Discard, nil))
	model := tune.Model{Steps: 1, New: func(dir string, p tune.Params) (*estimator.Estimator, error) {
		h := struct{ A, B float32 }{}
		if err := p.Decode(&h); err != nil {
			return nil, err
		}
		if h.A < -1.5 {
			return nil, errors.New("out of bounds")
		}
		fn := func(g *graph.Graph, features, _ graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			a := ops.Square(g, ops.Sub(g, features["a"], g.NamedConstant("guess_a", h.A)))
			b := ops.Square(g, ops.Sub(g, features["b"], g.NamedConstant("guess_b", h.B)))
			spec := &estimator.Spec{Predictions: features, Loss: ops.Mean(g, ops.Add(g, a, b))}
			if mode == estimator.Train {
				spec.TrainOp = ops.AssignAdd(g, g.GlobalStep(), g.NamedConstant("one", int64(1)))
			}
			return spec, nil
		}
		return estimator.New(fn, estimator.ModelDir(dir), estimator.Logger(silent))
	}}
	row := datasets.FromTensors(map[string]any{"a": []float32{1}, "b": []float32{-1}}, nil)
	folds := []datasets.Fold{{Train: row, Test: row}}
	square := tune.Space{"a": tune.Uniform(-2, 2), "b": tune.Uniform(-2, 2)}
	search := func(dir string, n int) *tune.Result {
		res, err := tune.Search(context.Background(), dir, model, folds, goptuna.CMAES(square, 1), tune.Trials(n), tune.Logger(silent))
		require.NoError(t, err)
		return res
	}
	whole := search(t.TempDir(), 40)
	best, ok := whole.Best()
	require.True(t, ok)
	require.Less(t, whole.Value(best), 0.1)
	dir := t.TempDir()
	search(dir, 13)
	require.Equal(t, whole, search(dir, 40))
	text, err := os.ReadFile(filepath.Join(dir, tune.TrialsFile))
	require.NoError(t, err)
	require.Equal(t, 41, strings.Count(string(text), "\n"))
}
