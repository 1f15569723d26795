package estimatortest_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/estimator/estimatortest"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const rows = 19

func input() *datasets.Dataset {
	features, labels := make([][]float32, rows), make([]int64, rows)
	for i := range features {
		labels[i] = int64(i % 3)
		features[i] = []float32{float32(i%3) + float32(i)/50, float32(i) / 30, -float32(i%3) / 2, 1}
	}
	return datasets.FromTensors(features, labels)
}

func classifier(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	hidden := nn.Dropout(g, nn.Dense(g, features.One(), 16, nn.WithActivation(nn.ReLU)), 0.5)
	logits := nn.Dense(g, hidden, 3)
	class := nn.Argmax(g, logits)
	spec := &estimator.Spec{Predictions: graph.Nodes{"class": class, "probabilities": nn.Softmax(g, logits)}}
	if mode == estimator.Infer {
		return spec, nil
	}
	spec.Loss = nn.SparseSoftmaxCrossEntropy(g, logits, labels.One())
	spec.Metrics = map[string]metrics.Metric{"accuracy": metrics.Accuracy(labels.One(), class)}
	if mode == estimator.Train {
		spec.TrainOp = optim.Adam(0.01).Minimize(g, spec.Loss)
	}
	return spec, nil
}

func subject(fn estimator.ModelFn) estimatortest.Subject {
	return estimatortest.Subject{
		New:   func(opts ...estimator.Option) (*estimator.Estimator, error) { return estimator.New(fn, opts...) },
		Input: input,
	}
}

func TestAGoodEstimatorPasses(t *testing.T) {
	estimatortest.Run(t, subject(classifier))
	require.NoError(t, estimatortest.Check(subject(classifier)))
}

// changed is the classifier with a part of its spec changed.
func changed(change func(g *graph.Graph, spec *estimator.Spec, features, labels graph.Nodes, mode estimator.Mode)) estimatortest.Subject {
	return subject(func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		spec, err := classifier(g, features, labels, mode)
		if err == nil {
			change(g, spec, features, labels, mode)
		}
		return spec, err
	})
}

// Each rule finds what breaks it, and says it in words.
func TestBrokenEstimators(t *testing.T) {
	good := subject(classifier)
	remembered := map[string]*estimator.Estimator{}
	for name, c := range map[string]struct {
		rule, finding string
		subject       estimatortest.Subject
	}{
		"the options are not handed on": {"Subject", "hand its options on", estimatortest.Subject{
			New: func(...estimator.Option) (*estimator.Estimator, error) {
				return estimator.New(classifier, estimator.ModelDir(t.TempDir()))
			},
			Input: input,
		}},
		"one estimator for all": {"Subject", "same estimator twice", estimatortest.Subject{
			New: func(opts ...estimator.Option) (*estimator.Estimator, error) {
				if remembered["one"] == nil {
					est, err := good.New(opts...)
					if err != nil {
						return nil, err
					}
					remembered["one"] = est
				}
				return remembered["one"], nil
			},
			Input: input,
		}},
		"the input is in batches": {"Subject", "batches of 5", estimatortest.Subject{New: good.New, Input: func() *datasets.Dataset { return input().Batch(5) }}},
		"initial values by chance": {"SameSeed", "variable", subject(func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			chance := graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
				for i := range v.Float32s() {
					v.Float32s()[i] = rand.Float32()
				}
				return nil
			})
			x := nn.Dense(g, features.One(), 4, nn.WithKernelInitializer(chance), nn.WithName("chance"))
			return classifier(g, graph.Nodes{"x": x}, labels, mode)
		})},
		"a loss that is a sum over the batch": {"EvaluateBatchSize", "mean over rows", changed(func(g *graph.Graph, spec *estimator.Spec, features, _ graph.Nodes, mode estimator.Mode) {
			if mode == estimator.Eval {
				spec.Loss = ops.Add(g, spec.Loss, ops.Sum(g, features.One()))
			}
		})},
		"predictions that look at the batch": {"PredictOrder", `prediction "share"`, changed(func(g *graph.Graph, spec *estimator.Spec, features, _ graph.Nodes, _ estimator.Mode) {
			spec.Predictions["share"] = ops.SoftmaxOver(g, features.One(), 0)
		})},
		"the model panics to evaluate": {"EvaluateIsPure", "no evaluation", changed(func(_ *graph.Graph, _ *estimator.Spec, _, _ graph.Nodes, mode estimator.Mode) {
			if mode == estimator.Eval {
				panic("no evaluation")
			}
		})},
		"the model panics to predict": {"ConcurrentPredictions", "no prediction", changed(func(_ *graph.Graph, _ *estimator.Spec, _, _ graph.Nodes, mode estimator.Mode) {
			if mode == estimator.Infer {
				panic("no prediction")
			}
		})},
	} {
		t.Run(name, func(t *testing.T) {
			err := estimatortest.CheckRule(c.rule, c.subject)
			require.ErrorContains(t, err, c.finding)
			require.ErrorContains(t, estimatortest.Check(c.subject), c.rule+": the rule: ")
		})
	}
	if est := remembered["one"]; est != nil {
		require.NoError(t, est.Close())
	}
}
