package session_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/philox"
	"github.com/stheno-ml/stheno/session"
)

// networks are those of the programs in the examples directory of Gorgonia v0.9.18, built
// as there, smaller, and on made-up data. They differ where a run could not be repeated:
// weights come from a fixed generator, and dropout, whose masks come from the clock and
// whose gradient is wrong (a session refuses it), is left out.
//
// What is not here:
//   - mnist reads files and builds nothing;
//   - convnet_cuda is convnet on a GPU: without the build tag cuda its ops are convnet's;
//   - what the programs do around their networks: reading rows, images and weights in
//     Darknet's format, sampling characters, drawing boxes;
//   - the LispMachine, on which charRNN and the fine-tuning of stacked_autoencoder run. It
//     differentiates while it runs; here, as for Gorgonia's other machine, gorgonia.Grad
//     comes first. charRNN itself does not get far: under Go 1.26 its LispMachine panics in
//     the second step. TestLispMachine compares the first.
var networks = []struct {
	name         string
	build        func(n int) *network
	small, large int // sizes for the test and for the benchmark, in the network's own unit
}{
	{"286", issue286, 16, 784},
	{"iris", iris, 15, 150},
	{"iris-cmd", irisPrediction, 1, 1},
	{"logisticregression", logisticRegression, 100, 26733},
	{"stacked_autoencoder-pretrain", pretraining, 8, 196},
	{"stacked_autoencoder-finetune", finetuning, 8, 196},
	{"charRNN", charRNN, 7, 100},
	{"convnet", convnet, 2, 16},
	{"resnet", resnet, 2, 4},
	{"tiny-yolo-v2-coco", tinyYOLOv2, 32, 96},
	{"tiny-yolo-v3-coco", tinyYOLOv3, 32, 96},
}

// network is what one of the programs trains or computes in one go.
type network struct {
	graph *gorgonia.ExprGraph
	parts []part
}

// part is what one machine of a program does.
type part struct {
	// inputs and outputs make a function of a part of the graph; without them the machine
	// runs all of it.
	inputs, outputs gorgonia.Nodes
	// let gives the inputs their values before each run, update uses the results after it.
	let, update func()
	learnables  gorgonia.Nodes
	solver      gorgonia.Solver // nil where nothing is learnt, or update does it
	result      *gorgonia.Value // of gorgonia.Read: the loss or the predictions
}

func tapeMachine(t testing.TB, n *network, p *part) gorgonia.VM {
	if p.inputs == nil {
		return gorgonia.NewTapeMachine(n.graph, gorgonia.BindDualValues(p.learnables...))
	}
	program, locations, err := gorgonia.CompileFunction(n.graph, p.inputs, p.outputs)
	require.NoError(t, err)
	return gorgonia.NewTapeMachine(n.graph, gorgonia.WithPrecompiled(program, locations))
}

func sessionVM(_ testing.TB, n *network, p *part) gorgonia.VM {
	if p.inputs == nil {
		return session.NewVM(n.graph, gorgonia.BindDualValues(p.learnables...))
	}
	return session.NewVM(n.graph.SubgraphRoots(p.outputs...))
}

type newMachine func(testing.TB, *network, *part) gorgonia.VM

// machines makes the machine of each part.
func (n *network) machines(t testing.TB, machine newMachine) []gorgonia.VM {
	var all []gorgonia.VM
	for i := range n.parts {
		vm := machine(t, n, &n.parts[i])
		t.Cleanup(func() { vm.Close() })
		all = append(all, vm)
	}
	return all
}

// step runs and updates once.
func (n *network) step(t testing.TB, machines []gorgonia.VM) {
	for i, p := range n.parts {
		if p.let != nil {
			p.let()
		}
		if err := machines[i].RunAll(); err != nil {
			t.Fatal(err)
		}
		if p.solver != nil {
			if err := p.solver.Step(gorgonia.NodesToValueGrads(p.learnables)); err != nil {
				t.Fatal(err)
			}
		}
		if p.update != nil {
			p.update()
		}
		machines[i].Reset()
	}
}

// train returns the results of some steps.
func (n *network) train(t testing.TB, machine newMachine, steps int) (results [][]float64) {
	machines := n.machines(t, machine)
	for range steps {
		n.step(t, machines)
		for _, p := range n.parts {
			results = append(results, slices.Clone(numbers((*p.result).Data())))
		}
	}
	return results
}

func TestNetworksOfGorgonia(t *testing.T) {
	const steps = 6
	for _, c := range networks {
		t.Run(c.name, func(t *testing.T) {
			stock := c.build(c.small).train(t, tapeMachine, steps)
			ours := c.build(c.small).train(t, sessionVM, steps)
			require.Len(t, ours, len(stock))
			for i := range stock {
				require.Len(t, ours[i], len(stock[i]))
				scale := 0.0
				for _, v := range stock[i] {
					scale = max(scale, math.Abs(v))
				}
				require.NotZero(t, scale)
				require.False(t, math.IsNaN(scale) || math.IsInf(scale, 0))
				require.InDeltaSlice(t, stock[i], ours[i], 1e-5*scale, "result %d", i)
			}
			if n := c.build(c.small); n.parts[0].learnables != nil {
				require.NotEqual(t, stock[0], stock[len(stock)-len(n.parts)], "nothing is learnt")
			}
		})
	}
}

// The two programs for the LispMachine begin with the same loss there.
func TestLispMachine(t *testing.T) {
	r, a := newCharacters(7), newAutoencoders(8)
	a.let()
	for name, c := range map[string]struct {
		cost *gorgonia.Node
		ours *network
	}{
		"charRNN":                      {r.cost(sentence(12, r.vocabulary)), charRNN(7)},
		"stacked_autoencoder-finetune": {a.finetuneCost(), finetuning(8)},
	} {
		t.Run(name, func(t *testing.T) {
			lisp := gorgonia.NewLispMachine(c.cost.Graph().SubgraphRoots(c.cost))
			require.NoError(t, lisp.RunAll())
			want := numbers(c.cost.Value().Data())[0]
			require.NoError(t, lisp.Close())
			require.InEpsilon(t, want, c.ours.train(t, sessionVM, 1)[0][0], 1e-5)
		})
	}
}

// What the networks above leave out is refused.
func TestNetworksWithRandomOpsAreRefused(t *testing.T) {
	g := gorgonia.NewGraph()
	x := given(g, "x", pixels("x", 4, 1, 28, 28))
	pooled := halved(gorgonia.Must(gorgonia.Rectify(conv3(x, weights(g, tensor.Float64, "w0", 8, 1, 3, 3)))))
	gorgonia.Must(gorgonia.Dropout(pooled, 0.2))
	var refused *session.RefusedOpError
	require.ErrorAs(t, session.NewVM(g).RunAll(), &refused)
	require.Equal(t, "Dropout", refused.Op)

	a := newAutoencoders(8)
	a.let()
	a.cost(0, gorgonia.BinomialRandomNode(a.g, tensor.Float64, 1, 0.1))
	require.ErrorAs(t, session.NewVM(a.g).RunAll(), &refused)
	require.Contains(t, refused.Op, "BinomialRandomNode")
}

// BenchmarkExamples compares the two machines on a step of each network: go test -bench
// Examples, with -count for medians.
func BenchmarkExamples(b *testing.B) {
	for _, c := range networks {
		for _, m := range []struct {
			name string
			make newMachine
		}{{"gorgonia", tapeMachine}, {"stheno", sessionVM}} {
			b.Run(c.name+"/"+m.name, func(b *testing.B) {
				n := c.build(c.large)
				machines := n.machines(b, m.make)
				n.step(b, machines)
				b.ReportAllocs()
				for b.Loop() {
					n.step(b, machines)
				}
			})
		}
	}
}

// made returns values around 0 that depend on the name alone.
func made(dt tensor.Dtype, name string, scale float64, shape ...int) *tensor.Dense {
	r := philox.New(1, name, 0)
	t := tensor.New(tensor.Of(dt), tensor.WithShape(shape...))
	for i := range tensor.Shape(shape).TotalSize() {
		v := scale * r.Normal(uint64(i))
		if dt == tensor.Float32 {
			t.Float32s()[i] = float32(v)
		} else {
			t.Float64s()[i] = v
		}
	}
	return t
}

// given is an input node with a value.
func given(g *gorgonia.ExprGraph, name string, value *tensor.Dense) *gorgonia.Node {
	return gorgonia.NewTensor(g, value.Dtype(), value.Dims(), gorgonia.WithName(name),
		gorgonia.WithShape(value.Shape()...), gorgonia.WithValue(value))
}

// weights is a variable with made-up values of the size that Glorot and Bengio propose.
func weights(g *gorgonia.ExprGraph, dt tensor.Dtype, name string, shape ...int) *gorgonia.Node {
	fan := shape[0] + shape[1]
	field := tensor.Shape(shape[2:]).TotalSize()
	return given(g, name, made(dt, name, math.Sqrt(2/float64(fan*field)), shape...))
}

// digits are labels as Gorgonia's mnist package gives them: 0.9 at the class, 0.1 elsewhere.
func digits(n int) *tensor.Dense {
	t := tensor.New(tensor.WithShape(n, 10), tensor.WithBacking(tensor.Range(tensor.Float64, 0, 10*n)))
	for i := range t.Float64s() {
		t.Float64s()[i] = 0.1
	}
	for i, class := range classes(n, 10).Int64s() {
		t.Float64s()[10*i+int(class)] = 0.9
	}
	return t
}

// pixels are between 0.1 and 0.999, as Gorgonia's mnist package gives them.
func pixels(name string, shape ...int) *tensor.Dense {
	t := made(tensor.Float64, name, 1, shape...)
	for i, v := range t.Float64s() {
		t.Float64s()[i] = 0.1 + 0.899/(1+math.Exp(-3*v))
	}
	return t
}
