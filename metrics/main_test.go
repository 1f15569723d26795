package metrics_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Metrics only hand their nodes to whoever runs them: the values of these tests come
// from nowhere.
var (
	g                         = graph.New()
	labels, predictions, node = g.Placeholder("labels", tensor.Float64, 4), g.Placeholder("predictions", tensor.Float64, 4), g.Placeholder("node", tensor.Float64, 4)
	weights                   = g.Placeholder("weights", tensor.Float64, 4)
	weighted                  = metrics.Weights(weights)
)

func vector[T any](x ...T) gorgonia.Value { return shaped(tensor.Shape{len(x)}, x...) }

func shaped[T any](s tensor.Shape, x ...T) gorgonia.Value {
	return tensor.New(tensor.WithShape(s...), tensor.WithBacking(x))
}

func update(t *testing.T, m metrics.Metric, values ...gorgonia.Value) metrics.Metric {
	t.Helper()
	require.NoError(t, metrics.Check(m))
	require.Len(t, m.Nodes(), len(values))
	require.NoError(t, m.Update(values))
	return m
}

// standard makes each of the standard metrics over two nodes, labels first.
var standard = map[string]func(opts ...metrics.Option) metrics.Metric{
	"Mean":             func(o ...metrics.Option) metrics.Metric { return metrics.Mean(node, o...) },
	"Accuracy":         func(o ...metrics.Option) metrics.Metric { return metrics.Accuracy(labels, predictions, o...) },
	"AUC":              func(o ...metrics.Option) metrics.Metric { return metrics.AUC(labels, predictions, o...) },
	"MeanSquaredError": func(o ...metrics.Option) metrics.Metric { return metrics.MeanSquaredError(labels, predictions, o...) },
	"RootMeanSquaredError": func(o ...metrics.Option) metrics.Metric {
		return metrics.RootMeanSquaredError(labels, predictions, o...)
	},
	"MeanAbsoluteError": func(o ...metrics.Option) metrics.Metric { return metrics.MeanAbsoluteError(labels, predictions, o...) },
	"Precision":         func(o ...metrics.Option) metrics.Metric { return metrics.Precision(labels, predictions, o...) },
	"Recall":            func(o ...metrics.Option) metrics.Metric { return metrics.Recall(labels, predictions, o...) },
}
