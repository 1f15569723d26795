package nn_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/philox"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/ops/opstest"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

func TestRecurrentVariables(t *testing.T) {
	g := graph.New(graph.Seed(1))
	x := g.Placeholder("x", tensor.Float32, 2, 5, 3)
	var state nn.State
	first := nn.LSTM(g, x, 4, nn.ReturnSequences())
	last := nn.LSTM(g, first, 2, nn.ReturnState(&state))
	gru := nn.GRU(g, x, 4, nn.WithName("encoder"), nn.WithoutBias())
	gruBias := nn.GRU(g, x, 1)
	simple := nn.SimpleRNN(g, x, 4)
	both := nn.Bidirectional(g, x, 4, nn.LSTM, nn.ReturnSequences())
	require.NoError(t, g.Err())
	for n, shape := range map[*gorgonia.Node]tensor.Shape{
		first: {2, 5, 4}, last: {2, 2}, state.H: {2, 2}, state.C: {2, 2}, gru: {2, 4}, gruBias: {2, 1}, simple: {2, 4}, both: {2, 5, 8},
	} {
		require.Equal(t, shape, n.Shape())
	}
	require.Same(t, last, state.H)
	var names []string
	for _, v := range g.Variables() {
		names = append(names, fmt.Sprint(v.Name, v.Shape))
	}
	require.Equal(t, []string{
		"lstm/kernel(3, 16)", "lstm/recurrent_kernel(4, 16)", "lstm/bias(16)",
		"lstm_1/kernel(4, 8)", "lstm_1/recurrent_kernel(2, 8)", "lstm_1/bias(8)",
		"encoder/kernel(3, 12)", "encoder/recurrent_kernel(4, 12)",
		"gru/kernel(3, 3)", "gru/recurrent_kernel(1, 3)", "gru/bias(2, 3)",
		"simple_rnn/kernel(3, 4)", "simple_rnn/recurrent_kernel(4, 4)", "simple_rnn/bias(4)",
		"bidirectional/forward_lstm/kernel(3, 16)", "bidirectional/forward_lstm/recurrent_kernel(4, 16)", "bidirectional/forward_lstm/bias(16)",
		"bidirectional/backward_lstm/kernel(3, 16)", "bidirectional/backward_lstm/recurrent_kernel(4, 16)", "bidirectional/backward_lstm/bias(16)",
	}, names)
	bias, err := g.VariableNamed("lstm_1/bias").Initial()
	require.NoError(t, err)
	require.Equal(t, []float32{0, 0, 1, 1, 0, 0, 0, 0}, bias.Float32s(), "the forget gate begins open")

	g = graph.New()
	nn.LSTM(g, g.Placeholder("x", tensor.Float64, 2, 5, 3), 1, nn.WithoutUnitForgetBias(), nn.WithBiasInitializer(nn.Constant(2)), nn.WithRecurrentInitializer(nn.Ones()))
	bias, err = g.VariableNamed("lstm/bias").Initial()
	require.NoError(t, err)
	require.Equal(t, []float64{2, 2, 2, 2}, bias.Float64s())
	recurrent, err := g.VariableNamed("lstm/recurrent_kernel").Initial()
	require.NoError(t, err)
	require.Equal(t, []float64{1, 1, 1, 1}, recurrent.Float64s())
}

// A layer is its op over its variables, and the options go where they belong.
func TestRecurrentLayersAreTheirOps(t *testing.T) {
	g := graph.New(graph.Seed(3))
	x := g.Placeholder("x", tensor.Float64, 3, 4, 2)
	lengths := g.Placeholder("lengths", tensor.Int64, 3)
	h0 := g.Placeholder("h0", tensor.Float64, 3, 2)
	state := nn.State{}
	opts := []nn.LayerOption{nn.WithLengths(lengths), nn.WithInitialState(nn.State{H: h0}), nn.ReturnSequences(), nn.ReturnState(&state), nn.WithBiasInitializer(nn.RandomNormal(0, 1))}
	lstm := nn.LSTM(g, x, 2, opts...)
	c := state.C
	gru := nn.GRU(g, x, 2, append(opts, nn.GoBackwards())...)
	last := state.H
	of := func(scope string, x *gorgonia.Node) ops.Recurrent {
		v := func(name string) *gorgonia.Node { return g.VariableNamed(scope + "/" + name).Node }
		return ops.Recurrent{X: x, Kernel: v("kernel"), RecurrentKernel: v("recurrent_kernel"), Bias: v("bias"), Lengths: lengths, H: h0}
	}
	wantLSTM, _, wantC := ops.LSTM(g, of("lstm", x))
	wantGRU, wantLast := ops.GRU(g, of("gru", ops.ReverseSequence(g, x, lengths)))
	feed := graph.Feed{x: random(3, 4, 2), lengths: tensor.New(tensor.WithBacking([]int64{4, 2, 0})), h0: random(3, 2)}
	out := run(t, g, feed, lstm, c, gru, last, wantLSTM, wantC, wantGRU, wantLast)
	require.Equal(t, out[4:], out[:4])
}

func random(shape ...int) *tensor.Dense {
	r, x := philox.New(1, fmt.Sprint(shape), 0), make([]float64, tensor.Shape(shape).TotalSize())
	for i := range x {
		x[i] = r.Normal(uint64(i))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
}

// Each direction sees the valid steps only, the second one in reverse, and their outputs
// for a step are joined at that step.
func TestBidirectional(t *testing.T) {
	for merge, join := range map[string]func(a, b float64) float64{
		"sum": func(a, b float64) float64 { return a + b }, "mul": func(a, b float64) float64 { return a * b },
		"ave": func(a, b float64) float64 { return (a + b) / 2 }, "concat": nil,
	} {
		t.Run(merge, func(t *testing.T) {
			g := graph.New(graph.Seed(3))
			x := g.Placeholder("x", tensor.Float64, 2, 3, 1)
			lengths := g.Placeholder("lengths", tensor.Int64, 2)
			both := nn.Bidirectional(g, x, 1, nn.SimpleRNN, nn.ReturnSequences(), nn.WithLengths(lengths), nn.WithMerge(merge))
			final := nn.Bidirectional(g, x, 1, nn.SimpleRNN, nn.WithLengths(lengths), nn.WithMerge(merge), nn.WithName("final"))
			direction := func(scope string, x *gorgonia.Node) (*gorgonia.Node, *gorgonia.Node) {
				v := func(name string) *gorgonia.Node { return g.VariableNamed(scope + "_simple_rnn/" + name).Node }
				return ops.SimpleRNN(g, ops.Recurrent{X: x, Kernel: v("kernel"), RecurrentKernel: v("recurrent_kernel"), Bias: v("bias")})
			}
			reversed := g.Placeholder("reversed", tensor.Float64, 2, 3, 1)
			a, _ := direction("bidirectional/forward", x)
			b, _ := direction("bidirectional/backward", reversed)
			aFinal, _ := direction("final/forward", x)
			bFinal, _ := direction("final/backward", reversed)
			out := run(t, g, graph.Feed{
				x:        tensor.New(tensor.WithShape(2, 3, 1), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6})),
				reversed: tensor.New(tensor.WithShape(2, 3, 1), tensor.WithBacking([]float64{3, 2, 1, 5, 4, 6})),
				lengths:  tensor.New(tensor.WithBacking([]int64{3, 2})),
			}, both, final, a, b, aFinal, bFinal)
			f := func(i int) []float64 { return out[i].([]float64) }
			got, forward, backward := f(0), f(2), f(3)
			// Step t of row b, and the step of the reversed row that is about the same x.
			for _, c := range []struct{ at, there int }{{0, 2}, {1, 1}, {2, 0}, {3, 4}, {4, 3}} {
				if join == nil {
					require.InDelta(t, forward[c.at], got[2*c.at], 1e-12)
					require.InDelta(t, backward[c.there], got[2*c.at+1], 1e-12)
				} else {
					require.InDelta(t, join(forward[c.at], backward[c.there]), got[c.at], 1e-12)
				}
			}
			require.Zero(t, got[len(got)-1], "past the length")
			ends := []float64{f(4)[2], f(5)[2], f(4)[4], f(5)[4]} // after the last valid step of both rows
			if join == nil {
				require.InDeltaSlice(t, ends, f(1), 1e-12)
			} else {
				require.InDeltaSlice(t, []float64{join(ends[0], ends[1]), join(ends[2], ends[3])}, f(1), 1e-12)
			}
		})
	}
}

func TestRecurrentLayerGradients(t *testing.T) {
	lengths := func(g *graph.Graph) nn.LayerOption {
		return nn.WithLengths(g.NamedConstant("lengths", tensor.New(tensor.WithBacking([]int64{3, 0, 2}))))
	}
	for name, build := range map[string]func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node{
		"stacked LSTM": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.LSTM(g, nn.LSTM(g, x, 3, nn.ReturnSequences(), lengths(g)), 2, lengths(g))
		},
		"bidirectional GRU": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Bidirectional(g, x, 2, nn.GRU, nn.ReturnSequences(), lengths(g))
		},
		"bidirectional LSTM, last outputs": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Bidirectional(g, x, 2, nn.LSTM, nn.WithMerge("ave"), lengths(g))
		},
		"simple RNN backwards": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.SimpleRNN(g, x, 2, nn.GoBackwards()) },
		"encoder and decoder": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			var s nn.State
			nn.LSTM(g, x, 2, nn.ReturnState(&s), lengths(g))
			return nn.LSTM(g, x, 2, nn.WithInitialState(s), nn.ReturnSequences())
		},
	} {
		t.Run(name, func(t *testing.T) {
			opstest.CheckGradient(t, opstest.Case{Shapes: []tensor.Shape{{3, 3, 2}}, Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return build(g, in[0]) }})
		})
	}
}

// The class of a row is its first symbol; the rest, of any length, is noise. Only a layer
// that carries a state over the whole row can learn it.
func TestRecurrentLayersRemember(t *testing.T) {
	const batch, time, symbols, steps = 64, 12, 4, 300
	for name, layer := range map[string]nn.RecurrentLayer{"LSTM": nn.LSTM, "GRU": nn.GRU} {
		t.Run(name, func(t *testing.T) {
			g := graph.New(graph.Seed(5), graph.Training(true))
			x := g.Placeholder("x", tensor.Int64, batch, time)
			lengths := g.Placeholder("lengths", tensor.Int64, batch)
			y := g.Placeholder("y", tensor.Int64, batch)
			h := layer(g, ops.OneHot(g, x, symbols, tensor.Float32), 16, nn.WithLengths(lengths))
			logits := nn.Dense(g, h, symbols)
			loss := nn.SparseSoftmaxCrossEntropy(g, logits, y)
			train := optim.Adam(0.02).Minimize(g, loss)
			predicted := nn.Argmax(g, logits)
			require.NoError(t, g.Err())
			s, err := session.New(g)
			require.NoError(t, err)
			defer s.Close()
			feed := func(step int64) (graph.Feed, []int64) {
				r := philox.New(9, "rows", step)
				text, n, first := make([]int64, batch*time), make([]int64, batch), make([]int64, batch)
				for i := range text {
					text[i] = int64(r.Intn(uint64(i), symbols))
				}
				for b := range n {
					n[b] = int64(1 + r.Intn(uint64(len(text)+b), time))
					first[b] = text[b*time]
				}
				return graph.Feed{
					x: tensor.New(tensor.WithShape(batch, time), tensor.WithBacking(text)), lengths: tensor.New(tensor.WithBacking(n)), y: tensor.New(tensor.WithBacking(first)),
				}, first
			}
			for step := range int64(steps) {
				f, _ := feed(step)
				_, err := s.Run(context.Background(), gorgonia.Nodes{train}, f)
				require.NoError(t, err)
			}
			right := 0
			for step := range int64(10) {
				f, want := feed(steps + step)
				out, err := s.Run(context.Background(), gorgonia.Nodes{predicted}, f)
				require.NoError(t, err)
				for b, class := range out[0].Data().([]int64) {
					if class == want[b] {
						right++
					}
				}
			}
			accuracy := float64(right) / (10 * batch)
			t.Logf("accuracy %.4f", accuracy)
			require.Greater(t, accuracy, 0.95)
		})
	}
}

func TestRecurrentTrainingAllocatesNothing(t *testing.T) {
	g, fetches, feed := characters(nn.LSTM, 3, 4, 5, 6, 7)
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	outputs := make([]gorgonia.Value, len(fetches))
	step := func() { require.NoError(t, s.RunInto(context.Background(), outputs, fetches, feed, nil)) }
	step()
	require.Zero(t, testing.AllocsPerRun(20, step))
}

func TestRecurrentLayersBadInput(t *testing.T) {
	for _, c := range []struct {
		name, want string
		build      func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node
	}{
		{"nil x", "nn.LSTM: x is nil", func(g *graph.Graph, _ *gorgonia.Node) *gorgonia.Node { return nn.LSTM(g, nil, 2) }},
		{"units", "nn.GRU: units is 0, want at least 1", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.GRU(g, x, 0) }},
		{"axes", "nn.SimpleRNN: x has shape (4, 6), want [batch, time, inputs]", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.SimpleRNN(g, nn.Flatten(g, x), 2)
		}},
		{"dtype", "nn.LSTM: x has dtype int64", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.LSTM(g, ops.Cast(g, x, tensor.Int64), 2)
		}},
		{"activation", "nn.LSTM: WithActivation: it has no meaning here", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.LSTM(g, x, 2, nn.WithActivation(nn.ReLU))
		}},
		{"forget bias", "nn.GRU: WithoutUnitForgetBias: it has no meaning here", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.GRU(g, x, 2, nn.WithoutUnitForgetBias())
		}},
		{"merge", "nn.LSTM: WithMerge: it has no meaning here", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.LSTM(g, x, 2, nn.WithMerge("sum"))
		}},
		{"merge mode", `nn.Bidirectional: WithMerge: "max", want concat, sum, mul or ave`, func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Bidirectional(g, x, 2, nn.LSTM, nn.WithMerge("max"))
		}},
		{"state of both", "nn.Bidirectional: ReturnState: it has no meaning here", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Bidirectional(g, x, 2, nn.LSTM, nn.ReturnState(&nn.State{}))
		}},
		{"layer", "nn.Bidirectional: layer is nil", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.Bidirectional(g, x, 2, nil) }},
		{"lengths", "nn.LSTM: WithLengths: the node is nil", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.LSTM(g, x, 2, nn.WithLengths(nil))
		}},
		{"return state", "nn.LSTM: ReturnState: nil", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.LSTM(g, x, 2, nn.ReturnState(nil)) }},
		{"cell state", "nn.GRU: WithInitialState: C is given", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.GRU(g, x, 2, nn.WithInitialState(nn.State{C: x}))
		}},
		{"dense", "nn.Dense: ReturnSequences: it has no meaning here", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Dense(g, x, 2, nn.ReturnSequences())
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			n := c.build(g, g.Placeholder("x", tensor.Float32, 4, 3, 2))
			require.ErrorContains(t, g.Err(), c.want)
			require.True(t, g.Poisoned(n))
		})
	}
}

func ExampleLSTM() {
	g := graph.New(graph.Seed(1))
	x := g.Placeholder("x", tensor.Float32, 32, 20, 8)
	lengths := g.Placeholder("lengths", tensor.Int64, 32)
	h := nn.LSTM(g, x, 64, nn.WithLengths(lengths), nn.ReturnSequences())
	h = nn.LSTM(g, h, 32, nn.WithLengths(lengths))
	fmt.Println(h.Shape(), g.Err())
	// Output: (32, 32) <nil>
}
