package estimator_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/summaries"
)

// fixed is the classifier with stock Gorgonia ops that keep the batch size that they
// were built with.
func fixed(bake func(g *graph.Graph, x *gorgonia.Node) (*gorgonia.Node, error)) estimator.ModelFn {
	return func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		x, err := bake(g, features.One())
		if err != nil {
			return nil, err
		}
		return classifier(g, graph.Nodes{"x": x}, labels, mode)
	}
}

// reshape flattens the batch and puts it together again.
func reshape(_ *graph.Graph, x *gorgonia.Node) (*gorgonia.Node, error) {
	flat, err := gorgonia.Reshape(x, tensor.Shape{x.Shape()[0] * 4})
	if err != nil {
		return nil, err
	}
	return gorgonia.Reshape(flat, tensor.Shape{x.Shape()[0], 4})
}

// concat takes the features from a wider matrix, whose other half is a constant.
func concat(_ *graph.Graph, x *gorgonia.Node) (*gorgonia.Node, error) {
	ones := gorgonia.NewConstant(tensor.Ones(tensor.Float32, x.Shape()...), gorgonia.WithName("ones"), gorgonia.In(x.Graph()))
	wide, err := gorgonia.Concat(1, x, ones)
	if err != nil {
		return nil, err
	}
	return gorgonia.Slice(wide, nil, gorgonia.S(0, 4))
}

// A model whose ops keep the batch size gives the very numbers of one whose ops take
// it from their inputs: the model function is called again for the short last batch.
func TestFixedBatchSizes(t *testing.T) {
	for name, bake := range map[string]func(*graph.Graph, *gorgonia.Node) (*gorgonia.Node, error){"reshape": reshape, "concat": concat} {
		t.Run(name, func(t *testing.T) {
			var calls counted
			dir, plainDir := t.TempDir(), t.TempDir()
			est := newEstimator(t, calls.wrap(fixed(bake)), estimator.ModelDir(dir))
			plain := in(t, plainDir)
			var losses []float64
			r := hooks.Funcs{OnStepEnd: func(_ int64, out hooks.Outputs) (bool, error) {
				losses = append(losses, out.Loss)
				return false, nil
			}}
			fit(t, est, endless(), estimator.MaxSteps(9), estimator.Monitors(r))
			require.EqualValues(t, 2, calls.train.Load(), "for 8 rows and for 6")
			require.Equal(t, 1, est.Stats(estimator.Train).Rebuilds)
			got := losses
			losses = nil
			fit(t, plain, endless(), estimator.MaxSteps(9), estimator.Monitors(r))
			require.EqualValues(t, 0, plain.Stats(estimator.Train).Rebuilds)
			require.Equal(t, losses, got)
			require.Equal(t, bits(t, plainDir), bits(t, dir))

			want, err := plain.Evaluate(flowers().Batch(1))
			require.NoError(t, err)
			for _, size := range []int{8, 7, 30, 1} {
				ev, err := est.Evaluate(flowers().Batch(size))
				require.NoError(t, err)
				require.InDelta(t, want["loss"], ev["loss"], 1e-6)
				require.Equal(t, want["accuracy"], ev["accuracy"])
			}
			rowsOf := func(est *estimator.Estimator, size int) []estimator.Row {
				rows, err := est.PredictAll(flowers().Batch(size))
				require.NoError(t, err)
				return rows
			}
			for _, size := range []int{8, 1, 7} {
				require.Equal(t, rowsOf(plain, size), rowsOf(est, size))
			}
			require.EqualValues(t, 5, calls.infer.Load(), "for 8, 6, 1, 7 and 2 rows")
		})
	}
}

// Monitors and summaries keep working in a graph that was built again, even where it
// has a node more.
func TestMonitorsSeeNodesOfARebuiltGraph(t *testing.T) {
	for _, more := range []bool{false, true} {
		var watched *gorgonia.Node
		fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			if more && features.One().Shape()[0] != batch {
				ops.Neg(g, g.NamedConstant("more", float32(1)))
			}
			spec, err := fixed(reshape)(g, features, labels, mode)
			if mode == estimator.Train {
				doubled := ops.Mul(g, spec.Loss, g.NamedConstant("two", float32(2)))
				if more {
					doubled = g.SetName(doubled, "doubled") // found by its name; else by its place
				}
				g.AddSummary("doubled", graph.ScalarSummary, doubled)
				if features.One().Shape()[0] == batch {
					watched = doubled
				}
			}
			return spec, err
		}
		dir := t.TempDir()
		est := newEstimator(t, fn, estimator.ModelDir(dir), estimator.SaveSummarySteps(1))
		var want []float64
		m := hooks.Funcs{
			OnStepBegin: func(int64) ([]*gorgonia.Node, error) { return []*gorgonia.Node{watched}, nil },
			OnStepEnd: func(_ int64, out hooks.Outputs) (bool, error) {
				v, err := out.Value(watched)
				require.NoError(t, err)
				require.InDelta(t, 2*out.Loss, float64(v.Data().(float32)), 1e-5)
				want = append(want, 2*out.Loss)
				return false, nil
			},
		}
		fit(t, est, flowers().Batch(batch), estimator.Monitors(m))
		require.Len(t, want, 4)
		require.Equal(t, 1, est.Stats(estimator.Train).Rebuilds)
		steps, values, err := summaries.Scalars(dir, "doubled")
		require.NoError(t, err)
		require.Equal(t, []int64{1, 2, 3, 4}, steps)
		require.InDeltaSlice(t, want, values, 1e-5)
	}
}

// Where the model function builds something else for another size, that is an error,
// not a wrong number.
func TestModelThatDependsOnTheBatchSize(t *testing.T) {
	fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		x, err := reshape(g, features.One())
		if err != nil {
			return nil, err
		}
		logits := nn.Dense(g, x, 3, nn.WithName("dense"))
		if x.Shape()[0] != batch {
			logits = nn.Dense(g, logits, 3, nn.WithName("more"))
		}
		return classes(g, logits, labels, mode)
	}
	dir := t.TempDir()
	est := newEstimator(t, fn, estimator.ModelDir(dir))
	_, err := est.Fit(flowers().Batch(batch))
	require.ErrorContains(t, err, "more/kernel")
}

func TestPredictAcrossSizesOfAFixedModel(t *testing.T) {
	est := newEstimator(t, fixed(reshape), estimator.ModelDir(t.TempDir()))
	fit(t, est, datasets.FromTensors([][]float32{{1, 2, 3, 4}}, []int64{1}).Batch(1))
	_, err := est.PredictBatch(map[string]*tensor.Dense{"x": tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(0, 4))})
	require.ErrorContains(t, err, "no rows")
}
