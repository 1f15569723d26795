// Command chars trains an LSTM to continue a text, character by character, and writes what
// it would write itself: samples. The text is embedded, or any file.
package main

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
)

var (
	dir         = flag.String("dir", filepath.Join(os.TempDir(), "stheno-chars"), "model directory")
	steps       = flag.Int64("steps", 600, "train until the global step is this")
	seed        = flag.Uint64("seed", 1, "seed of initial values, shuffles and samples")
	saveEvery   = flag.Int64("save-every", 100, "steps between checkpoints")
	length      = flag.Int("length", 400, "characters to write")
	temperature = flag.Float64("temperature", 0.7, "below 1 the sample keeps to what is likely, 0 takes the likeliest character")
	prompt      = flag.String("prompt", "\n\nQu. ", "the sample goes on from this")
)

// model predicts at each of a row's characters the one that follows.
func model(vocabulary int) estimator.ModelFn {
	return func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		h := nn.LSTM(g, nn.Embedding(g, features.One(), vocabulary, 128), 128, nn.ReturnSequences())
		logits := nn.Dense(g, h, vocabulary)
		spec := &estimator.Spec{Predictions: graph.Nodes{"logits": logits}}
		if mode != estimator.Infer {
			spec.Loss = nn.SparseSoftmaxCrossEntropy(g, logits, labels.One())
		}
		if mode == estimator.Train {
			spec.TrainOp = optim.Adam(0.01).Minimize(g, spec.Loss)
		}
		return spec, nil
	}
}

func main() {
	flag.Parse()
	err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(estimator.ExitCode(err))
}

func run() error {
	c, err := readCorpus()
	if err != nil {
		return err
	}
	s, err := newSampler(c, *prompt, *temperature, *length, *seed)
	if err != nil {
		return err
	}
	est, err := estimator.New(model(len(c.vocabulary)), estimator.ModelDir(*dir), estimator.Seed(*seed),
		estimator.SaveCheckpointsSteps(*saveEvery), estimator.LogStepCountSteps(0), estimator.HandleSignals())
	if err != nil {
		return err
	}
	defer est.Close()
	res, err := est.Fit(c.train.Shuffle(10_000).Batch(32).Repeat(-1), estimator.MaxSteps(*steps), estimator.Monitors(hooks.NewProgress(os.Stderr)))
	if err != nil {
		return err
	}
	ev, err := est.Evaluate(c.test.Batch(32))
	if err != nil {
		return err
	}
	sample, err := s.sample(est)
	fmt.Printf("%v\n%s%s\nuniform %.3f\nbits %.3f\n", res, *prompt, sample, math.Log2(float64(len(c.vocabulary))), ev["loss"]/math.Ln2)
	return err
}
