// Command gorgonia has a graph written with stock Gorgonia calls. Five lines around it
// buy checkpoints, resume, summaries and progress.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/optim"
)

const batch = 40 // of 120 training rows: no short last batch

func main() {
	dir := flag.String("dir", filepath.Join(os.TempDir(), "stheno-gorgonia"), "model directory")
	steps := flag.Int64("steps", 600, "train until the global step is this")
	seed := flag.Uint64("seed", 1, "seed of the shuffle")
	saveEvery := flag.Int64("save-every", 100, "steps between checkpoints")
	flag.Parse()
	if err := run(*dir, *steps, *seed, *saveEvery); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(estimator.ExitCode(err))
	}
}

func run(dir string, steps int64, seed uint64, saveEvery int64) error {
	// The graph, as a Gorgonia user writes it: softmax regression on the iris flowers.
	expr := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(expr, tensor.Float32, gorgonia.WithName("x"), gorgonia.WithShape(batch, 4))
	y := gorgonia.NewMatrix(expr, tensor.Float32, gorgonia.WithName("y"), gorgonia.WithShape(batch, 3))
	w := gorgonia.NewMatrix(expr, tensor.Float32, gorgonia.WithName("w"), gorgonia.WithShape(4, 3), gorgonia.WithInit(gorgonia.Zeroes()))
	probabilities := gorgonia.Must(gorgonia.SoftMax(gorgonia.Must(gorgonia.Mul(x, w))))
	diff := gorgonia.Must(gorgonia.Sub(probabilities, y))
	loss := gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(diff))))

	// The five lines. bind makes a feed of a batch.
	g, err := graph.FromExpr(expr, w)
	if err != nil {
		return err
	}
	trainOp := optim.Adam(0.05).Minimize(g, loss)
	train, test := datasets.Iris().Split(0.8)
	bind := func(b datasets.Batch) (graph.Feed, error) {
		return graph.Feed{x: b.Features[datasets.DefaultFeature], y: oneHot(b.Labels[datasets.DefaultLabel])}, nil
	}
	res, err := graphactions.Train(context.Background(), g, dir, trainOp, loss, graphactions.MaxSteps(steps),
		graphactions.Input(train.Shuffle(120).Batch(batch).Repeat(-1), bind), graphactions.Seed(seed),
		graphactions.SaveModelSteps(saveEvery), graphactions.LogEverySteps(0), graphactions.Monitors(hooks.NewProgress(os.Stderr)))
	if err != nil {
		return err
	}
	fmt.Println(res)
	return evaluate(g, res.Checkpoint, probabilities, test, bind)
}
