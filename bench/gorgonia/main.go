// Command gorgonia is the worker of stock Gorgonia as its examples show it: a tape
// machine, a solver, and gonum's matrix products.
//
// It is not quite equal: convolutions have no bias, as in Gorgonia's own example, and the
// characters of W6 are one-hot rows times a matrix, because there is no lookup.
package main

import (
	"fmt"
	"os"

	_ "go4.org/unsafe/assume-no-moving-gc"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/bench/worker"
)

func main() {
	w := &worker.Worker{About: "Gorgonia " + worker.Version("gorgonia.org/gorgonia") + ", gonum", Train: train, Predict: predict}
	if err := w.Main(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// net builds a model. Its methods panic; the worker reports that.
type net struct {
	g      *G.ExprGraph
	params G.Nodes
}

func (m *net) input(name string, shape ...int) (*G.Node, *tensor.Dense) {
	n := G.NewTensor(m.g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name))
	return n, tensor.New(tensor.WithShape(shape...), tensor.Of(tensor.Float32))
}

func (m *net) param(init G.InitWFn, shape ...int) *G.Node {
	p := G.NewTensor(m.g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(fmt.Sprintf("p%d", len(m.params))), G.WithInit(init))
	m.params = append(m.params, p)
	return p
}

func (m *net) weights(shape ...int) *G.Node { return m.param(G.GlorotN(1), shape...) }
func (m *net) bias(units int) *G.Node       { return m.param(G.Zeroes(), 1, units) }

func (m *net) affine(h, w, b *G.Node) *G.Node {
	return G.Must(G.BroadcastAdd(G.Must(G.Mul(h, w)), b, nil, []byte{0}))
}

func (m *net) dense(h *G.Node, units int) *G.Node {
	return m.affine(h, m.weights(h.Shape()[1], units), m.bias(units))
}

func (m *net) perceptron(h *G.Node, layers []int) *G.Node {
	for _, units := range layers[1 : len(layers)-1] {
		h = G.Must(G.Rectify(m.dense(h, units)))
	}
	return m.dense(h, layers[len(layers)-1])
}

func (m *net) images(x *G.Node, batch int) *G.Node {
	h := x
	for _, filters := range []int{worker.Filters1, worker.Filters2} {
		w := m.weights(filters, h.Shape()[1], worker.Kernel, worker.Kernel)
		h = G.Must(G.Conv2d(h, w, tensor.Shape{worker.Kernel, worker.Kernel}, []int{0, 0}, []int{1, 1}, []int{1, 1}))
		h = G.Must(G.MaxPool2D(G.Must(G.Rectify(h)), tensor.Shape{worker.Pool, worker.Pool}, []int{0, 0}, []int{worker.Pool, worker.Pool}))
	}
	h = G.Must(G.Reshape(h, tensor.Shape{batch, worker.Flat}))
	return m.dense(G.Must(G.Rectify(m.dense(h, worker.Hidden))), worker.Classes)
}

func crossEntropy(logits, y *G.Node) *G.Node {
	products := G.Must(G.HadamardProd(G.Must(G.LogSoftMax(logits, 1)), y))
	return G.Must(G.Neg(G.Must(G.Mean(G.Must(G.Sum(products, 1))))))
}

// lstm returns the mean loss over all steps, each with an input and labels of its own.
func (m *net) lstm(xs, ys []*G.Node, batch int) *G.Node {
	embedding := m.weights(worker.Vocabulary, worker.Dim)
	var kernel, recurrent, bias [4]*G.Node
	for k := range kernel {
		kernel[k], recurrent[k], bias[k] = m.weights(worker.Dim, worker.Units), m.weights(worker.Units, worker.Units), m.bias(worker.Units)
	}
	out, outBias := m.weights(worker.Units, worker.Vocabulary), m.bias(worker.Vocabulary)
	h := G.NewMatrix(m.g, tensor.Float32, G.WithShape(batch, worker.Units), G.WithName("h"), G.WithInit(G.Zeroes()))
	c := G.NewMatrix(m.g, tensor.Float32, G.WithShape(batch, worker.Units), G.WithName("c"), G.WithInit(G.Zeroes()))
	var loss *G.Node
	for t := range xs {
		e := G.Must(G.Mul(xs[t], embedding))
		var gates [4]*G.Node
		for k := range gates {
			z := G.Must(G.BroadcastAdd(G.Must(G.Add(G.Must(G.Mul(e, kernel[k])), G.Must(G.Mul(h, recurrent[k])))), bias[k], nil, []byte{0}))
			if k == 3 {
				gates[k] = G.Must(G.Tanh(z))
			} else {
				gates[k] = G.Must(G.Sigmoid(z))
			}
		}
		c = G.Must(G.Add(G.Must(G.HadamardProd(gates[0], c)), G.Must(G.HadamardProd(gates[1], gates[3]))))
		h = G.Must(G.HadamardProd(gates[2], G.Must(G.Tanh(c))))
		l := crossEntropy(m.affine(h, out, outBias), ys[t])
		if loss == nil {
			loss = l
		} else {
			loss = G.Must(G.Add(loss, l))
		}
	}
	return loss
}

func let(n *G.Node, t *tensor.Dense) {
	if err := G.Let(n, t); err != nil {
		panic(err)
	}
}

func oneHot(to []float32, labels []int64, classes int) {
	clear(to)
	for i, label := range labels {
		to[i*classes+int(label)] = 1
	}
}

func train(w worker.Workload) (worker.Train, error) {
	m := &net{g: G.NewGraph()}
	rows := worker.NewRows(w)
	feed := worker.NewFeed(rows, w.Batch)
	labels := make([]int64, w.Batch)
	var loss *G.Node
	var next func()
	if w.Name == "W6" {
		var xs, ys []*G.Node
		var xt, yt []*tensor.Dense
		for t := range worker.Time {
			x, xv := m.input(fmt.Sprintf("x%d", t), w.Batch, worker.Vocabulary)
			y, yv := m.input(fmt.Sprintf("y%d", t), w.Batch, worker.Vocabulary)
			xs, ys, xt, yt = append(xs, x), append(ys, y), append(xt, xv), append(yt, yv)
		}
		loss = m.lstm(xs, ys, w.Batch)
		column := func(to *tensor.Dense, from []int64, index []int, t int) {
			for i, row := range index {
				labels[i] = from[row*worker.Time+t]
			}
			oneHot(to.Float32s(), labels, worker.Vocabulary)
		}
		next = func() {
			index := feed.Next()
			for t := range xs {
				column(xt[t], rows.IDs, index, t)
				column(yt[t], rows.Y, index, t)
				let(xs[t], xt[t])
				let(ys[t], yt[t])
			}
		}
	} else {
		shape := []int{w.Batch, w.Inputs()}
		if w.Name == "W4" {
			shape = []int{w.Batch, 1, worker.Side, worker.Side}
		}
		x, xt := m.input("x", shape...)
		y, yt := m.input("y", w.Batch, w.Outputs())
		switch {
		case w.Name == "W4":
			loss = crossEntropy(m.images(x, w.Batch), y)
		case w.Outputs() == 1:
			loss = G.Must(G.Mean(G.Must(G.BinaryXent(G.Must(G.Sigmoid(m.perceptron(x, w.Layers))), y))))
		default:
			loss = crossEntropy(m.perceptron(x, w.Layers), y)
		}
		next = func() {
			index := feed.Next()
			worker.Gather(xt.Float32s(), rows.X, index, w.Inputs())
			worker.Gather(labels, rows.Y, index, 1)
			if w.Outputs() == 1 {
				for i, label := range labels {
					yt.Float32s()[i] = float32(label)
				}
			} else {
				oneHot(yt.Float32s(), labels, w.Outputs())
			}
			let(x, xt)
			let(y, yt)
		}
	}
	if _, err := G.Grad(loss, m.params...); err != nil {
		return nil, err
	}
	vm := G.NewTapeMachine(m.g, G.BindDualValues(m.params...))
	var solver G.Solver = G.NewAdamSolver()
	if w.Name == "W3" {
		solver = G.NewVanillaSolver(G.WithLearnRate(.001))
	}
	gradients := G.NodesToValueGrads(m.params)
	return func(n int) error {
		for range n {
			next()
			if err := vm.RunAll(); err != nil {
				return err
			}
			if err := solver.Step(gradients); err != nil {
				return err
			}
			vm.Reset()
		}
		return nil
	}, nil
}

func predict(w worker.Workload) (worker.Predict, error) {
	if w.Layers == nil {
		return nil, worker.Skip("prediction is measured on multi-layer perceptrons")
	}
	m := &net{g: G.NewGraph()}
	x, xt := m.input("x", 1, w.Inputs())
	copy(xt.Float32s(), worker.NewRows(w).X)
	logits := m.perceptron(x, w.Layers)
	var p *G.Node
	if w.Outputs() == 1 {
		p = G.Must(G.Sigmoid(logits))
	} else {
		p = G.Must(G.SoftMax(logits))
	}
	vm := G.NewTapeMachine(m.g)
	return func() error {
		let(x, xt)
		err := vm.RunAll()
		if p.Value() == nil {
			return fmt.Errorf("there is no result")
		}
		vm.Reset()
		return err
	}, nil
}
