package nn

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// State is the state of a recurrent layer, [batch, units]. Only LSTM has C.
type State struct{ H, C *gorgonia.Node }

// recurrentOptions are what only recurrent layers have a use for.
type recurrentOptions struct {
	lengths        *gorgonia.Node
	sequences      bool
	backwards      bool
	initial        State
	final          *State
	initializer    graph.Initializer
	plainBias      bool
	merge          string
	side           string // the prefix of the name inside Bidirectional
	mergeIsAllowed bool
}

// WithLengths says how many steps of each row count: integers [batch] from 0 to time.
// Later steps copy the state forward and give 0; nothing there has an effect.
func WithLengths(lengths *gorgonia.Node) LayerOption {
	return func(l *layer) { l.recurrent.lengths = lengths; l.given = append(l.given, "WithLengths") }
}

// ReturnSequences makes the layer return the output of every step, [batch, time, units],
// instead of that of each row's last step.
func ReturnSequences() LayerOption {
	return func(l *layer) { l.recurrent.sequences = true; l.given = append(l.given, "ReturnSequences") }
}

// ReturnState stores the states after each row's last step in s, for a decoder that starts
// from them (see [WithInitialState]).
func ReturnState(s *State) LayerOption {
	return func(l *layer) { l.recurrent.final = s; l.given = append(l.given, "ReturnState") }
}

// WithInitialState replaces the initial state of zeros. A nil part stays zero.
func WithInitialState(s State) LayerOption {
	return func(l *layer) { l.recurrent.initial = s; l.given = append(l.given, "WithInitialState") }
}

// GoBackwards runs over each row from its last step to the first and returns the outputs
// in that order, as Keras does. Steps beyond the length stay at the end.
func GoBackwards() LayerOption {
	return func(l *layer) { l.recurrent.backwards = true; l.given = append(l.given, "GoBackwards") }
}

// WithRecurrentInitializer replaces Orthogonal(1).
func WithRecurrentInitializer(i graph.Initializer) LayerOption {
	return func(l *layer) {
		l.recurrent.initializer = i
		l.given = append(l.given, "WithRecurrentInitializer")
	}
}

// WithoutUnitForgetBias leaves the bias of LSTM's forget gate as the bias initialiser made
// it. By default it begins at 1 (Jozefowicz, Zaremba and Sutskever 2015).
func WithoutUnitForgetBias() LayerOption {
	return func(l *layer) { l.recurrent.plainBias = true; l.given = append(l.given, "WithoutUnitForgetBias") }
}

// WithMerge says how [Bidirectional] joins both directions: "concat" (the default),
// "sum", "mul" or "ave".
func WithMerge(mode string) LayerOption {
	return func(l *layer) { l.recurrent.merge = mode; l.given = append(l.given, "WithMerge") }
}

// recurrentKind is one of the recurrent layers.
type recurrentKind struct {
	name, defaultName string
	gates             int
	bias              func(units int) tensor.Shape
	op                func(g *graph.Graph, r ops.Recurrent) (sequence *gorgonia.Node, s State)
	cellState         bool
}

func plainBias(gates int) func(units int) tensor.Shape {
	return func(units int) tensor.Shape { return tensor.Shape{gates * units} }
}

// LSTM is a layer of long short-term memory, see [ops.LSTM]: x [batch, time, inputs], the
// result [batch, units] is the output of each row's last step, or with [ReturnSequences]
// [batch, time, units]. Its variables are kernel [inputs, 4*units], GlorotUniform,
// recurrent_kernel [units, 4*units], Orthogonal, and bias [4*units], zeros but 1 for the
// forget gate; the gates are in Keras' order i, f, c, o. A graph is built for one number
// of time steps; [WithLengths] masks shorter rows. Layers stack by ReturnSequences.
//
// Options: WithName, WithLengths, ReturnSequences, ReturnState, WithInitialState,
// GoBackwards, WithKernelInitializer, WithRecurrentInitializer, WithBiasInitializer,
// WithoutBias, WithoutUnitForgetBias, WithKernelRegularizer, WithRecurrentRegularizer,
// WithBiasRegularizer.
func LSTM(g *graph.Graph, x *gorgonia.Node, units int, opts ...LayerOption) *gorgonia.Node {
	return recurrent(g, recurrentKind{
		name: "LSTM", defaultName: "lstm", gates: 4, bias: plainBias(4), cellState: true,
		op: func(g *graph.Graph, r ops.Recurrent) (*gorgonia.Node, State) {
			sequence, h, c := ops.LSTM(g, r)
			return sequence, State{h, c}
		},
	}, x, units, opts)
}

// GRU is a layer of gated recurrent units, see [ops.GRU], with Keras' default reset_after:
// x and the result are those of [LSTM]. Its variables are kernel [inputs, 3*units],
// GlorotUniform, recurrent_kernel [units, 3*units], Orthogonal, and bias [2, 3*units],
// zeros; the gates are in Keras' order z, r, h.
//
// Options: those of LSTM but WithoutUnitForgetBias.
func GRU(g *graph.Graph, x *gorgonia.Node, units int, opts ...LayerOption) *gorgonia.Node {
	return recurrent(g, recurrentKind{
		name: "GRU", defaultName: "gru", gates: 3, bias: func(units int) tensor.Shape { return tensor.Shape{2, 3 * units} },
		op: func(g *graph.Graph, r ops.Recurrent) (*gorgonia.Node, State) {
			sequence, h := ops.GRU(g, r)
			return sequence, State{H: h}
		},
	}, x, units, opts)
}

// SimpleRNN is a fully connected recurrent layer with tanh, see [ops.SimpleRNN]: x and the
// result are those of [LSTM]. Its variables are kernel [inputs, units], GlorotUniform,
// recurrent_kernel [units, units], Orthogonal, and bias [units], zeros.
//
// Options: those of LSTM but WithoutUnitForgetBias.
func SimpleRNN(g *graph.Graph, x *gorgonia.Node, units int, opts ...LayerOption) *gorgonia.Node {
	return recurrent(g, recurrentKind{
		name: "SimpleRNN", defaultName: "simple_rnn", gates: 1, bias: plainBias(1),
		op: func(g *graph.Graph, r ops.Recurrent) (*gorgonia.Node, State) {
			sequence, h := ops.SimpleRNN(g, r)
			return sequence, State{H: h}
		},
	}, x, units, opts)
}

func (k *recurrentKind) check(g *graph.Graph, l *layer, x *gorgonia.Node, units int) error {
	allowed := []string{
		"WithName", "WithLengths", "ReturnSequences", "ReturnState", "WithInitialState", "GoBackwards", "WithKernelInitializer",
		"WithRecurrentInitializer", "WithBiasInitializer", "WithoutBias", "WithKernelRegularizer", "WithRecurrentRegularizer", "WithBiasRegularizer",
	}
	if k.cellState {
		allowed = append(allowed, "WithoutUnitForgetBias")
	}
	if l.recurrent.mergeIsAllowed {
		allowed = append(allowed, "WithMerge")
	}
	if err := l.only(allowed...); err != nil {
		return err
	}
	switch {
	case x == nil:
		return fmt.Errorf("x is nil")
	case units < 1:
		return fmt.Errorf("units is %d, want at least 1", units)
	case x.Dims() != 3:
		return fmt.Errorf("x has shape %v, want [batch, time, inputs]", x.Shape())
	case slices.Contains(l.given, "WithLengths") && l.recurrent.lengths == nil:
		return fmt.Errorf("WithLengths: the node is nil")
	case slices.Contains(l.given, "ReturnState") && l.recurrent.final == nil:
		return fmt.Errorf("ReturnState: nil, want where to store the state")
	case l.recurrent.initial.C != nil && !k.cellState:
		return fmt.Errorf("WithInitialState: C is given, but there is no cell state")
	}
	if dt := x.Dtype(); dt != tensor.Float32 && dt != tensor.Float64 {
		return fmt.Errorf("x has dtype %v, want float32 or float64: use ops.Cast", dt)
	}
	return nil
}

func recurrent(g *graph.Graph, k recurrentKind, x *gorgonia.Node, units int, opts []LayerOption) *gorgonia.Node {
	l := newLayer(opts)
	if err := k.check(g, l, x, units); err != nil {
		return g.Fail(fmt.Errorf("nn.%s: %w", k.name, err))
	}
	if g.Poisoned(x) {
		return x
	}
	if l.recurrent.side != "" {
		l.name = l.recurrent.side + k.defaultName
	}
	scope := l.scope(g, k.defaultName)
	dt, width := x.Dtype(), k.gates*units
	r := ops.Recurrent{X: x, Lengths: l.recurrent.lengths, H: l.recurrent.initial.H, C: l.recurrent.initial.C}
	r.Kernel = scope.Variable("kernel", dt, tensor.Shape{x.Shape()[2], width}, l.kernelInitializer)
	initializer := l.recurrent.initializer
	if initializer == nil {
		initializer = Orthogonal(1)
	}
	r.RecurrentKernel = scope.Variable("recurrent_kernel", dt, tensor.Shape{units, width}, initializer)
	if !l.noBias {
		bias := l.biasInitializer
		if k.cellState && !l.recurrent.plainBias {
			bias = unitForgetBias(bias, units)
		}
		r.Bias = scope.Variable("bias", dt, k.bias(units), bias)
	}
	l.regularize(g, r.Kernel, r.Bias)
	if l.regularizers.recurrent != nil {
		Regularize(g, l.regularizers.recurrent, r.RecurrentKernel)
	}
	if l.recurrent.backwards {
		r.X = ops.ReverseSequence(g, x, r.Lengths)
	}
	sequence, last := k.op(g, r)
	if l.recurrent.final != nil {
		*l.recurrent.final = last
	}
	if l.recurrent.sequences {
		return scope.SetName(sequence, "sequence")
	}
	return scope.SetName(last.H, "output")
}

// unitForgetBias is the initialiser, then 1 for the second quarter.
func unitForgetBias(initializer graph.Initializer, units int) graph.Initializer {
	return graph.InitializerFunc(func(v *tensor.Dense, r graph.Random) error {
		if initializer != nil {
			if err := initializer.Initialize(v, r); err != nil {
				return err
			}
		}
		for i := units; i < 2*units; i++ {
			if v.Dtype() == tensor.Float32 {
				v.Float32s()[i] = 1
			} else {
				v.Float64s()[i] = 1
			}
		}
		return nil
	})
}

// RecurrentLayer is [LSTM], [GRU] or [SimpleRNN].
type RecurrentLayer func(g *graph.Graph, x *gorgonia.Node, units int, opts ...LayerOption) *gorgonia.Node

// Bidirectional runs a recurrent layer over each row from the first step to the last, and
// another one of the same kind and options the other way (Schuster and Paliwal 1997), and
// joins their outputs step by step: x [batch, time, inputs], the result [batch, 2*units]
// or, with [ReturnSequences], [batch, time, 2*units]. With [WithLengths] the other way
// begins at each row's last step. The variables are in the scopes
// bidirectional/forward_lstm and bidirectional/backward_lstm, for LSTM.
//
// Options: those of the layer but ReturnState, WithInitialState and GoBackwards; WithMerge.
func Bidirectional(g *graph.Graph, x *gorgonia.Node, units int, layer RecurrentLayer, opts ...LayerOption) *gorgonia.Node {
	l := newLayer(opts)
	merge := l.recurrent.merge
	if !slices.Contains(l.given, "WithMerge") {
		merge = "concat"
	}
	join, ok := map[string]func(a, b *gorgonia.Node) *gorgonia.Node{
		"concat": func(a, b *gorgonia.Node) *gorgonia.Node { return ops.Concat(g, -1, a, b) },
		"sum":    func(a, b *gorgonia.Node) *gorgonia.Node { return ops.Add(g, a, b) },
		"mul":    func(a, b *gorgonia.Node) *gorgonia.Node { return ops.Mul(g, a, b) },
		"ave":    func(a, b *gorgonia.Node) *gorgonia.Node { return ops.Mul(g, ops.Add(g, a, b), half(g, a.Dtype())) },
	}[merge]
	if !ok {
		return g.Fail(fmt.Errorf("nn.Bidirectional: WithMerge: %q, want concat, sum, mul or ave", merge))
	}
	for _, option := range []string{"ReturnState", "WithInitialState", "GoBackwards"} {
		if slices.Contains(l.given, option) {
			return g.Fail(fmt.Errorf("nn.Bidirectional: %s: it has no meaning here", option))
		}
	}
	if layer == nil {
		return g.Fail(fmt.Errorf("nn.Bidirectional: layer is nil, want LSTM, GRU or SimpleRNN"))
	}
	scope := l.scope(g, "bidirectional")
	forward := layer(scope, x, units, append(slices.Clone(opts), side("forward_"))...)
	backward := layer(scope, x, units, append(slices.Clone(opts), side("backward_"), GoBackwards())...)
	if g.Poisoned(forward) || g.Poisoned(backward) {
		return g.Fail(nil)
	}
	if l.recurrent.sequences {
		backward = ops.ReverseSequence(g, backward, l.recurrent.lengths)
	}
	return scope.SetName(join(forward, backward), "output")
}

// side is how Bidirectional tells a layer which one it is.
func side(prefix string) LayerOption {
	return func(l *layer) { l.recurrent.side, l.recurrent.mergeIsAllowed = prefix, true }
}

func half(g *graph.Graph, dt tensor.Dtype) *gorgonia.Node {
	if dt == tensor.Float32 {
		return g.NamedConstant("half_float32", float32(0.5))
	}
	return g.NamedConstant("half_float64", 0.5)
}
