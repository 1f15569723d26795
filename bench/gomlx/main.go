// Command gomlx is the worker of GoMLX with its Go backend. Build it with
// GOEXPERIMENT=simd, which that backend's matrix products use.
package main

import (
	"fmt"
	"iter"
	"os"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	_ "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/layers/lstm"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/loss"
	"github.com/gomlx/gomlx/ml/train/optimizer"

	"github.com/stheno-ml/stheno/bench/worker"
)

func main() {
	backend, err := compute.NewWithConfig("go")
	if err == nil {
		w := &worker.Worker{
			About:   "GoMLX " + worker.Version("github.com/gomlx/gomlx") + ", Go backend",
			Train:   func(w worker.Workload) (worker.Train, error) { return trainer(backend, w) },
			Predict: func(w worker.Workload) (worker.Predict, error) { return predictor(backend, w) },
		}
		err = w.Main(os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// net returns the logits of a workload.
func net(w worker.Workload, scope *model.Scope, x *graph.Node) *graph.Node {
	switch w.Name {
	case "W4":
		for i, filters := range []int{worker.Filters1, worker.Filters2} {
			x = layers.Convolution(scope.In("conv%d", i), x).Channels(filters).KernelSize(worker.Kernel).NoPadding().Done()
			x = graph.MaxPool(activation.Relu(x)).Window(worker.Pool).Done()
		}
		x = graph.Reshape(x, x.Shape().Dim(0), worker.Flat)
		x = activation.Relu(layers.DenseWithBias(scope.In("hidden"), x, worker.Hidden))
		return layers.DenseWithBias(scope.In("out"), x, worker.Classes)
	case "W6":
		batch := x.Shape().Dim(0)
		e := layers.Embedding(scope.In("embedding"), graph.ExpandAxes(x, -1), dtypes.Float32, worker.Vocabulary, worker.Dim)
		all, _, _ := lstm.New(scope.In("lstm"), graph.Reshape(e, batch, worker.Time, worker.Dim), worker.Units).Done() // [time, 1, batch, units]
		h := graph.Reshape(graph.TransposeAllAxes(all, 2, 1, 0, 3), batch*worker.Time, worker.Units)
		return layers.DenseWithBias(scope.In("out"), h, worker.Vocabulary)
	}
	last := len(w.Layers) - 1
	for i, units := range w.Layers[1:last] {
		x = activation.Relu(layers.DenseWithBias(scope.In("dense%d", i), x, units))
	}
	return layers.DenseWithBias(scope.In("out"), x, w.Layers[last])
}

// batches is a train.Dataset of shuffled batches without an end.
type batches struct {
	w    worker.Workload
	rows *worker.Rows
	feed *worker.Feed
}

func (b *batches) Name() string { return b.w.Name }

func (b *batches) Iter() iter.Seq2[train.Batch, error] {
	return func(yield func(train.Batch, error) bool) {
		for {
			inputs, labels := b.next()
			if !yield(train.Batch{Inputs: []*tensors.Tensor{inputs}, Labels: []*tensors.Tensor{labels}}, nil) {
				return
			}
		}
	}
}

func (b *batches) next() (inputs, labels *tensors.Tensor) {
	w, index := b.w, b.feed.Next()
	if w.Name == "W6" {
		x, y := make([]int64, w.Batch*worker.Time), make([]int64, w.Batch*worker.Time)
		worker.Gather(x, b.rows.IDs, index, worker.Time)
		worker.Gather(y, b.rows.Y, index, worker.Time)
		return tensors.FromFlatDataAndDimensions(x, w.Batch, worker.Time), tensors.FromFlatDataAndDimensions(y, w.Batch*worker.Time, 1)
	}
	x, y := make([]float32, w.Batch*w.Inputs()), make([]int64, w.Batch)
	worker.Gather(x, b.rows.X, index, w.Inputs())
	worker.Gather(y, b.rows.Y, index, 1)
	shape := []int{w.Batch, w.Inputs()}
	if w.Name == "W4" {
		shape = []int{w.Batch, worker.Side, worker.Side, 1}
	}
	inputs = tensors.FromFlatDataAndDimensions(x, shape...)
	if w.Outputs() > 1 {
		return inputs, tensors.FromFlatDataAndDimensions(y, w.Batch, 1)
	}
	zeroOrOne := make([]float32, w.Batch)
	for i, label := range y {
		zeroOrOne[i] = float32(label)
	}
	return inputs, tensors.FromFlatDataAndDimensions(zeroOrOne, w.Batch, 1)
}

func trainer(backend compute.Backend, w worker.Workload) (worker.Train, error) {
	rows := worker.NewRows(w)
	ds := &batches{w: w, rows: rows, feed: worker.NewFeed(rows, w.Batch)}
	var lossFn train.LossFn = loss.SparseCategoricalCrossEntropyLogits
	if w.Outputs() == 1 {
		lossFn = loss.BinaryCrossentropyLogits
	}
	var rule optimizer.Interface = optimizer.Adam().LearningRate(.001).Done()
	if w.Name == "W3" {
		rule = optimizer.StochasticGradientDescent().WithDecay(false).WithLearningRate(.001).Done()
	}
	fn := func(scope *model.Scope, _ any, inputs []*graph.Node) []*graph.Node {
		return []*graph.Node{net(w, scope, inputs[0])}
	}
	loop := train.NewLoop(train.NewTrainer(backend, model.NewStore(), fn, lossFn, rule, nil, nil))
	return func(n int) error {
		_, err := loop.RunSteps(ds, n)
		return err
	}, nil
}

func predictor(backend compute.Backend, w worker.Workload) (worker.Predict, error) {
	if w.Layers == nil {
		return nil, worker.Skip("prediction is measured on multi-layer perceptrons")
	}
	exec, err := model.NewExec(backend, model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		if logits := net(w, scope, x); w.Outputs() == 1 {
			return graph.Sigmoid(logits)
		} else {
			return graph.Softmax(logits)
		}
	})
	if err != nil {
		return nil, err
	}
	row := worker.NewRows(w).X[:w.Inputs()]
	return func() error {
		out, err := exec.Exec(tensors.FromFlatDataAndDimensions(append([]float32(nil), row...), 1, w.Inputs()))
		if err != nil {
			return err
		}
		_ = out[0].Value()
		return nil
	}, nil
}
