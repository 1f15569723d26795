package session_test

import (
	"fmt"

	. "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// issue286 has one hidden layer and n inputs.
func issue286(n int) *network {
	const batch = 10
	g := NewGraph()
	x, y := given(g, "x", pixels("x", batch, n)), given(g, "y", digits(batch))
	w0, w1 := weights(g, Float64, "w0", n, 300), weights(g, Float64, "w1", 300, 10)
	hidden := Must(Rectify(Must(Mul(x, w0))))
	out := Must(SoftMax(Must(Mul(hidden, w1))))
	cost := Must(Neg(Must(Mean(Must(HadamardProd(out, y))))))
	loss := new(Value)
	Read(cost, loss)
	return trainable(g, cost, loss, NewRMSPropSolver(WithBatchSize(batch)), w0, w1)
}

// trainable is a network of one machine that runs the whole graph.
func trainable(g *ExprGraph, cost *Node, loss *Value, solver Solver, learnables ...*Node) *network {
	if _, err := Grad(cost, learnables...); err != nil {
		panic(err)
	}
	return &network{g, []part{{learnables: learnables, solver: solver, result: loss}}}
}

// iris is the linear regression of the species on n rows of four sizes and a one.
func iris(n int) *network {
	g := NewGraph()
	rows := made(Float64, "rows", 1, n, 5)
	species := tensor.New(tensor.Of(Float64), tensor.WithShape(n))
	for i := range n {
		rows.Float64s()[5*i+4] = 1
		species.Float64s()[i] = float64(1 + i%3)
	}
	x, y := NodeFromAny(g, rows, WithName("x")), NodeFromAny(g, species, WithName("y"))
	theta := given(g, "theta", made(Float64, "theta", 1, 5))
	cost := Must(Mean(Must(Square(Must(Sub(Must(Mul(x, theta)), y))))))
	loss := new(Value)
	Read(cost, loss)
	return trainable(g, cost, loss, NewVanillaSolver(WithLearnRate(0.001)), theta)
}

// irisPrediction is the program that loads the regression: one row times theta.
func irisPrediction(int) *network {
	g := NewGraph()
	theta := NodeFromAny(g, made(Float64, "theta", 1, 5), WithName("theta"))
	row := made(Float64, "row", 1, 5)
	x := NodeFromAny(g, row, WithName("x"))
	predicted := new(Value)
	Read(Must(Mul(x, theta)), predicted)
	next := func() { row.Float64s()[0] += 0.1 } // what the user types
	return &network{g, []part{{let: next, result: predicted}}}
}

// logisticRegression computes its own updates, and the program moves them to the
// variables after each run.
func logisticRegression(n int) *network {
	g := NewGraph()
	rows, labels := made(Float64, "rows", 1, n, 10), tensor.New(tensor.Of(Float64), tensor.WithShape(n))
	for i, class := range classes(n, 2).Int64s() {
		labels.Float64s()[i] = float64(class)
	}
	x := NewMatrix(g, Float64, WithName("x"), WithShape(n, 10))
	y := NewVector(g, Float64, WithName("y"), WithShape(n))
	w := NewVector(g, Float64, WithName("w"), WithShape(10))
	b := NewScalar(g, Float64, WithName("bias"))
	one := NewConstant(1.0)

	probability := Must(Sigmoid(Must(Add(Must(Mul(x, w)), b))))
	positive := Must(HadamardProd(Must(Neg(y)), Must(Log(probability))))
	negative := Must(HadamardProd(Must(Sub(one, y)), Must(Log(Must(Sub(one, probability))))))
	loss := Must(Mean(Must(Sub(positive, negative))))
	penalty := Must(Mul(NewConstant(0.01), Must(Sum(Must(Square(w))))))
	cost := Must(Add(loss, penalty))
	gradients, err := Grad(cost, w, b)
	if err != nil {
		panic(err)
	}
	rate := NewConstant(0.1)
	newW := Must(Sub(w, Must(Mul(rate, gradients[0]))))
	newB := Must(Sub(b, Must(Mul(rate, gradients[1]))))
	result := new(Value)
	read := Read(cost, result)

	let := func(n *Node, v any) {
		if err := Let(n, v); err != nil {
			panic(err)
		}
	}
	let(w, made(Float64, "w", 1, 10))
	let(b, 0.0)
	return &network{g, []part{{
		inputs: Nodes{x, y}, outputs: Nodes{newW, newB, read},
		let: func() { let(x, rows); let(y, labels) },
		update: func() {
			v, err := CloneValue(newW.Value())
			if err != nil {
				panic(err)
			}
			let(w, v)
			let(b, newB.Value().Data())
		},
		// The update is in the graph: there is no solver.
		learnables: Nodes{w, b}, result: result,
	}}}
}

// autoencoders are the layers of stacked_autoencoder: three hidden ones, each of which can
// be undone by its own transposed weights, and a softmax.
type autoencoders struct {
	g              *ExprGraph
	x              *Node
	inputs         Nodes // of each layer
	w, b, back     Nodes // weights and bias of each layer, and the bias of its reconstruction
	probabilities  *Node
	batch, visible int
}

func newAutoencoders(visible int) *autoencoders {
	const batch = 10
	hidden := visible * 5 / 4
	g := NewGraph()
	a := &autoencoders{g: g, batch: batch, visible: visible}
	a.x = NewMatrix(g, Float64, WithName("x"), WithShape(batch, visible))
	h, size := a.x, visible
	dense := func(h *Node, name string, from, to int) *Node {
		a.w = append(a.w, weights(g, Float64, "w"+name, from, to))
		a.b = append(a.b, given(g, "b"+name, made(Float64, "b", 0, batch, to)))
		return Must(Add(Must(Mul(h, a.w[len(a.w)-1])), a.b[len(a.b)-1]))
	}
	for i := range 3 {
		a.inputs = append(a.inputs, h)
		h = Must(Sigmoid(dense(h, fmt.Sprint(i), size, hidden)))
		a.back = append(a.back, given(g, fmt.Sprint("back", i), made(Float64, "b", 0, batch, size)))
		size = hidden
	}
	a.probabilities = Must(SoftMax(dense(h, "out", size, 10)))
	return a
}

// cost of layer i is the cross-entropy of its input and what it makes of its corrupted
// input. corruption is a factor: in Gorgonia's program a random scalar, 0 or 1.
func (a *autoencoders) cost(i int, corruption *Node) *Node {
	corrupted := Must(HadamardProd(corruption, a.inputs[i]))
	h := Must(Sigmoid(Must(Add(Must(Mul(corrupted, a.w[i])), a.b[i]))))
	out := Must(Sigmoid(Must(Add(Must(Mul(h, Must(Transpose(a.w[i])))), a.back[i]))))
	return Must(Mean(Must(BinaryXent(out, a.inputs[i]))))
}

func (a *autoencoders) let() {
	if err := Let(a.x, pixels("x", a.batch, a.visible)); err != nil {
		panic(err)
	}
}

// pretraining fits one layer after the other, each by a function of its own.
func pretraining(visible int) *network {
	a := newAutoencoders(visible)
	n := &network{graph: a.g}
	for i := range a.inputs {
		cost := a.cost(i, NewScalar(a.g, Float64, WithName(fmt.Sprint("corruption", i)), WithValue(1.0)))
		learnables := Nodes{a.w[i], a.b[i], a.back[i]}
		gradients, err := Grad(cost, learnables...)
		if err != nil {
			panic(err)
		}
		loss := new(Value)
		n.parts = append(n.parts, part{
			inputs: Nodes{a.x}, outputs: append(gradients, Read(cost, loss)), let: a.let,
			learnables: learnables, solver: NewVanillaSolver(WithBatchSize(float64(a.batch))), result: loss,
		})
	}
	return n
}

// finetuning fits all layers to the classes.
func finetuning(visible int) *network {
	a := newAutoencoders(visible)
	cost := a.finetuneCost()
	loss := new(Value)
	Read(cost, loss)
	n := trainable(a.g, cost, loss, NewVanillaSolver(), append(a.w, a.b...)...)
	n.parts[0].let = a.let
	return n
}

// finetuneCost is the mean of -log(probability of the class), taken row by row.
func (a *autoencoders) finetuneCost() *Node {
	lost := Must(Neg(Must(Log(a.probabilities))))
	var losses Nodes
	for i, class := range classes(a.batch, 10).Int64s() {
		losses = append(losses, Must(Slice(lost, S(i), S(int(class)))))
	}
	return Must(Div(Must(ReduceAdd(losses)), NewConstant(float64(a.batch))))
}
