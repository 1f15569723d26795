// Command gorgonia has a graph written with stock Gorgonia calls. Five lines around it
// buy checkpoints, resume, summaries and progress.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
)

const batch = 30 // stock ops keep it: 120 training rows and 30 test rows make whole batches

func main() {
	dir := flag.String("dir", filepath.Join(os.TempDir(), "stheno-gorgonia"), "model directory")
	steps := flag.Int64("steps", 600, "train until the global step is this")
	seed := flag.Uint64("seed", 1, "seed of the shuffle")
	saveEvery := flag.Int64("save-every", 100, "steps between checkpoints")
	flag.Parse()
	err := run(*dir, *steps, *seed, *saveEvery)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(estimator.ExitCode(err))
}

func run(dir string, steps int64, seed uint64, saveEvery int64) error {
	// The graph, as a Gorgonia user writes it: softmax regression on the iris flowers.
	expr := G.NewGraph()
	x := G.NewMatrix(expr, G.Float32, G.WithName("x"), G.WithShape(batch, 4))
	y := G.NewMatrix(expr, G.Float32, G.WithName("y"), G.WithShape(batch, 3))
	w := G.NewMatrix(expr, G.Float32, G.WithName("w"), G.WithShape(4, 3), G.WithInit(G.Zeroes()))
	probabilities := G.Must(G.SoftMax(G.Must(G.Mul(x, w))))
	loss := G.Must(G.Mean(G.Must(G.Square(G.Must(G.Sub(probabilities, y))))))

	// The five lines: from here to Train.
	g, err := graph.FromExpr(expr, w)
	if err != nil {
		return err
	}
	trainOp := optim.Adam(0.05).Minimize(g, loss)
	train, test := datasets.Iris().Split(0.8)
	ctx, caught := estimator.UntilSignal(context.Background())
	defer caught()
	bind := func(b datasets.Batch) (graph.Feed, error) {
		oneHot := tensor.New(tensor.WithShape(batch, 3), tensor.Of(G.Float32))
		for i, label := range b.Labels[datasets.DefaultLabel].Int64s() {
			oneHot.Float32s()[3*i+int(label)] = 1
		}
		return graph.Feed{x: b.Features[datasets.DefaultFeature], y: oneHot}, nil
	}
	res, err := graphactions.Train(ctx, g, dir, trainOp, loss, graphactions.MaxSteps(steps), graphactions.Seed(seed),
		graphactions.Input(train.Shuffle(120).Batch(batch).Repeat(-1), bind), graphactions.SaveModelSteps(saveEvery),
		graphactions.LogEverySteps(0), graphactions.Monitors(hooks.NewProgress(os.Stderr)))
	if err != nil {
		return err
	}
	accuracy := metrics.Accuracy(nn.Argmax(g, y), nn.Argmax(g, probabilities))
	_, _, err = graphactions.Evaluate(ctx, g, filepath.Join(dir, "eval"), res.Checkpoint, nil,
		graphactions.Input(test.Batch(batch), bind), graphactions.Metrics(map[string]metrics.Metric{"accuracy": accuracy}))
	fmt.Printf("%v\naccuracy %.3f\n", res, accuracy.Value())
	return err
}
