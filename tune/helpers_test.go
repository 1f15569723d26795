package tune_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/tune"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	goleak.VerifyTestMain(m)
}

var (
	ctx    = context.Background()
	silent = slog.New(slog.NewTextHandler(io.Discard, nil))
	quiet  = tune.Logger(silent)
)

// guesser has nothing to learn: its loss is the mean over rows of the squared distance of
// x from the parameter "guess".
func guesser() tune.Model {
	return tune.Model{Steps: 2, New: func(dir string, p tune.Params) (*estimator.Estimator, error) {
		var h struct{ Guess float32 }
		if err := p.Decode(&h); err != nil {
			return nil, err
		}
		fn := func(g *graph.Graph, features, _ graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			x := features.One()
			spec := &estimator.Spec{Predictions: features, Loss: ops.Mean(g, ops.Square(g, ops.Sub(g, x, g.NamedConstant("guess", h.Guess))))}
			spec.Metrics = map[string]metrics.Metric{"x": metrics.Mean(x)}
			if mode == estimator.Train {
				spec.TrainOp = ops.AssignAdd(g, g.GlobalStep(), g.NamedConstant("one", int64(1)))
			}
			return spec, nil
		}
		return estimator.New(fn, estimator.ModelDir(dir), estimator.Logger(silent))
	}}
}

// classifier learns the iris flowers, with dropout.
func classifier() tune.Model {
	return tune.Model{Steps: 12, New: func(dir string, p tune.Params) (*estimator.Estimator, error) {
		h := struct {
			Rate  float64
			Units int
		}{0.02, 8}
		if err := p.Decode(&h); err != nil {
			return nil, err
		}
		fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			hidden := nn.Dropout(g, nn.Dense(g, features.One(), h.Units, nn.WithActivation(nn.ReLU)), 0.2)
			logits := nn.Dense(g, hidden, 3)
			class := nn.Argmax(g, logits)
			spec := &estimator.Spec{Predictions: graph.Nodes{"class": class}}
			if mode == estimator.Infer {
				return spec, nil
			}
			spec.Loss = nn.SparseSoftmaxCrossEntropy(g, logits, labels.One())
			spec.Metrics = map[string]metrics.Metric{"accuracy": metrics.Accuracy(labels.One(), class)}
			if mode == estimator.Train {
				spec.TrainOp = optim.Adam(h.Rate).Minimize(g, spec.Loss)
			}
			return spec, nil
		}
		return estimator.New(fn, estimator.ModelDir(dir), estimator.Logger(silent), estimator.SaveCheckpointsSteps(5))
	}}
}

// numbers are rows of one number each, and halves two folds of them: the first tests 0
// and 2, the second 1 and 3.
func numbers(x ...float32) *datasets.Dataset { return datasets.FromTensors(x, nil) }

func halves() []datasets.Fold {
	a, b := numbers(0, 2), numbers(1, 3)
	return []datasets.Fold{{Train: b, Test: a}, {Train: a, Test: b}}
}

func irisFolds(t testing.TB, n int) []datasets.Fold {
	t.Helper()
	folds, err := datasets.Iris().Folds(n, 1)
	require.NoError(t, err)
	return folds
}

func guess(x any) tune.Params { return tune.Params{"guess": x} }

// counted counts the fits that are begun.
func counted(m tune.Model, fits *int) tune.Model {
	inner := m.New
	m.New = func(dir string, p tune.Params) (*estimator.Estimator, error) {
		*fits++
		return inner(dir, p)
	}
	return m
}

func contents(t testing.TB, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(text)
}
