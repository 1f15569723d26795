package ops_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

func vector[T any](x ...T) *tensor.Dense { return matrix(tensor.Shape{len(x)}, x...) }

func matrix[T any](s tensor.Shape, x ...T) *tensor.Dense {
	return tensor.New(tensor.WithShape(s...), tensor.WithBacking(append([]T(nil), x...)))
}

// evaluate builds an op over constants and returns its value.
func evaluate(t *testing.T, b build, in ...*tensor.Dense) gorgonia.Value {
	t.Helper()
	v, err := try(b, in...)
	require.NoError(t, err)
	return v
}

func try(b build, in ...*tensor.Dense) (gorgonia.Value, error) {
	g := graph.New(graph.Seed(5), graph.Training(true))
	var nodes gorgonia.Nodes
	feed := graph.Feed{}
	for i, v := range in {
		n := g.Placeholder(fmt.Sprint("in", i), v.Dtype(), v.Shape()...)
		nodes = append(nodes, n)
		feed[n] = v
	}
	out := b(g, nodes...)
	s, err := session.New(g)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	values, err := s.Run(ctx, gorgonia.Nodes{out}, feed)
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

// Values by their definitions, at points where a careless formula fails.
func TestValues(t *testing.T) {
	big := vector(-1000.0, 0, 1000)
	for name, c := range map[string]struct {
		build build
		in    []*tensor.Dense
		want  []float64
	}{
		"Sigmoid of large numbers":    {one(ops.Sigmoid), []*tensor.Dense{big}, []float64{0, 0.5, 1}},
		"Softplus of large numbers":   {one(ops.Softplus), []*tensor.Dense{big}, []float64{0, math.Ln2, 1000}},
		"Softmax of large numbers":    {one(ops.Softmax), []*tensor.Dense{vector(1000.0, 1000)}, []float64{0.5, 0.5}},
		"LogSoftmax of large numbers": {one(ops.LogSoftmax), []*tensor.Dense{vector(1000.0, 0)}, []float64{0, -1000}},
		"Softmax of one class":        {one(ops.Softmax), []*tensor.Dense{matrix(tensor.Shape{2, 1}, 3.0, -7)}, []float64{1, 1}},
		"GELU":                        {one(ops.GELU), []*tensor.Dense{vector(-1.0, 0, 2)}, []float64{-0.15865525393145707, 0, 1.9544997361036416}},
		"Swish":                       {one(ops.Swish), []*tensor.Dense{vector(-1.0, 0, 2)}, []float64{-0.2689414213699951, 0, 1.7615941559557649}},
		"SELU":                        {one(ops.SELU), []*tensor.Dense{vector(-1.0, 0, 2)}, []float64{-1.1113307378125625, 0, 2.101401974710961}},
		"ReLU6":                       {one(ops.ReLU6), []*tensor.Dense{vector(-1.0, 3, 8)}, []float64{0, 3, 6}},
		"Softsign":                    {one(ops.Softsign), []*tensor.Dense{vector(-1.0, 0, 3)}, []float64{-0.5, 0, 0.75}},
		"Sub of a row":                {two(ops.Sub), []*tensor.Dense{matrix(tensor.Shape{2, 2}, 1.0, 2, 3, 4), vector(1.0, 1)}, []float64{0, 1, 2, 3}},
		"Div of a column":             {two(ops.Div), []*tensor.Dense{matrix(tensor.Shape{2, 2}, 1.0, 2, 3, 4), matrix(tensor.Shape{2, 1}, 1.0, 2)}, []float64{1, 2, 1.5, 2}},
		"Add of an outer pair":        {two(ops.Add), []*tensor.Dense{matrix(tensor.Shape{2, 1}, 1.0, 2), matrix(tensor.Shape{1, 2}, 10.0, 20)}, []float64{11, 21, 12, 22}},
		"MatMul":                      {two(ops.MatMul), []*tensor.Dense{matrix(tensor.Shape{2, 2}, 1.0, 2, 3, 4), matrix(tensor.Shape{2, 1}, 5.0, 6)}, []float64{17, 39}},
		"SoftmaxCrossEntropy of impossible classes": {two(ops.SoftmaxCrossEntropy), []*tensor.Dense{matrix(tensor.Shape{1, 2}, 0, math.Inf(-1)), matrix(tensor.Shape{1, 2}, 1.0, 0)}, []float64{0}},
		"SigmoidCrossEntropy of large numbers":      {two(ops.SigmoidCrossEntropy), []*tensor.Dense{vector(-1000.0, 1000, 1000), vector(0.0, 1, 0)}, []float64{0, 0, 1000}},
		"WeightedMean":                              {two(ops.WeightedMean), []*tensor.Dense{vector(1.0, 2, 3), vector(2.0, 0, 1)}, []float64{2.5}},
		"WeightedMean of nothing":                   {two(ops.WeightedMean), []*tensor.Dense{vector(1.0, 2), vector(0.0, 0)}, []float64{0}},
		"WeightedMean masks NaN":                    {two(ops.WeightedMean), []*tensor.Dense{vector(1.0, math.NaN()), vector(1.0, 0)}, []float64{1}},
		"Mean over middle axes": {func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return ops.Mean(g, in[0], 1, 2) },
			[]*tensor.Dense{matrix(tensor.Shape{2, 2, 1, 2}, 1.0, 2, 3, 4, 5, 6, 7, 8)}, []float64{2, 3, 6, 7}},
	} {
		t.Run(name, func(t *testing.T) {
			data := evaluate(t, c.build, c.in...).Data()
			if x, ok := data.(float64); ok {
				data = []float64{x}
			}
			require.InDeltaSlice(t, c.want, data, 1e-12)
		})
	}
}

func TestReLUKeepsNaN(t *testing.T) {
	require.True(t, math.IsNaN(evaluate(t, one(ops.ReLU), vector(math.NaN())).Data().([]float64)[0]))
}

// Sums over many float32 keep their precision.
func TestSumIsAccurate(t *testing.T) {
	x := make([]float32, 1_000_000)
	for i := range x {
		x[i] = 0.1
	}
	got := evaluate(t, func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return ops.Sum(g, in[0]) }, vector(x...))
	require.InDelta(t, 100_000, got.Data(), 0.01)
}

func TestArgMax(t *testing.T) {
	got := evaluate(t, one(ops.ArgMax), matrix(tensor.Shape{3, 3}, float32(1), 3, 3, 5, 5, 5, -3, -2, -1))
	require.Equal(t, []int64{1, 0, 2}, got.Data())
}

func TestCast(t *testing.T) {
	cast := func(dt tensor.Dtype) build {
		return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return ops.Cast(g, in[0], dt) }
	}
	require.Equal(t, []int64{-1, 2}, evaluate(t, cast(tensor.Int64), vector(-1.9, 2.9)).Data())
	require.Equal(t, []float32{1, 255}, evaluate(t, cast(tensor.Float32), vector(uint8(1), 255)).Data())
	require.Equal(t, []float64{1, 0}, evaluate(t, cast(tensor.Float64), vector(true, false)).Data())
	require.Equal(t, []int32{7}, evaluate(t, cast(tensor.Int32), vector(int64(7))).Data())
	same := vector(1.5)
	require.Equal(t, []float64{1.5}, evaluate(t, cast(tensor.Float64), same).Data())
	_, err := try(cast(tensor.Bool), same)
	require.ErrorContains(t, err, "ops.Cast: to bool is not supported")
}

// Every integer dtype can be a label.
func TestSparseLabels(t *testing.T) {
	logits := matrix(tensor.Shape{2, 3}, float32(1), 2, 3, 1, 2, 3)
	want := []float64{2.40760596, 0.40760596}
	for _, labels := range []*tensor.Dense{vector(int64(0), 2), vector(int32(0), 2), vector(0, 2), vector(uint8(0), 2)} {
		got := evaluate(t, two(ops.SparseSoftmaxCrossEntropy), logits, labels).Data().([]float32)
		require.InDelta(t, want[0], got[0], 1e-6)
		require.InDelta(t, want[1], got[1], 1e-6)
	}
	_, err := try(two(ops.SparseSoftmaxCrossEntropy), logits, vector(int64(0), 3))
	require.ErrorContains(t, err, "the label of row 1 is 3, want 0 to 2")
	_, err = try(two(ops.SparseSoftmaxCrossEntropy), logits, vector(int64(-1), 0))
	require.ErrorContains(t, err, "the label of row 0 is -1")
}

func TestDropout(t *testing.T) {
	const n = 10_000
	ones := make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	g := graph.New(graph.Seed(5))
	x := g.Placeholder("x", tensor.Float32, n)
	step := g.GlobalStep()
	a, b := ops.Dropout(g, x, step, 0.3, "a"), ops.Dropout(g, x, step, 0.3, "b")
	require.Same(t, x, ops.Dropout(g, x, step, 0, "c"))
	gradient := g.Gradients(ops.Sum(g, a), x)[0]
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	at := func(global int64) [][]float32 {
		out, err := s.Run(ctx, gorgonia.Nodes{a, b, gradient}, graph.Feed{x: vector(ones...), step: tensor.New(tensor.FromScalar(global))})
		require.NoError(t, err)
		return [][]float32{out[0].Data().([]float32), out[1].Data().([]float32), out[2].Data().([]float32)}
	}
	first, again, next := at(1), at(1), at(2)
	require.Equal(t, first, again, "a function of the step")
	require.NotEqual(t, first[0], next[0], "another step, another mask")
	require.NotEqual(t, first[0], first[1], "another name, another mask")
	require.Equal(t, first[0], first[2], "the gradient has the same mask")
	dropped := 0
	for _, v := range first[0] {
		if v == 0 {
			dropped++
			continue
		}
		require.InDelta(t, 1/0.7, v, 1e-6)
	}
	require.InDelta(t, 0.3*n, dropped, 4*math.Sqrt(n*0.3*0.7))
}

// One graph serves batches of any size.
func TestOtherBatchSizes(t *testing.T) {
	g := graph.New(graph.Training(true))
	x := g.Placeholder("x", tensor.Float64, 4, 2)
	y := g.Placeholder("y", tensor.Int64, 4)
	w := g.Variable("w", tensor.Float64, tensor.Shape{2, 3}, nil)
	b := g.Variable("b", tensor.Float64, tensor.Shape{3}, nil)
	logits := ops.Dense(g, ops.Dropout(g, ops.ReLU(g, x), g.GlobalStep(), 0.5, "d"), w, b)
	loss := ops.Mean(g, ops.SparseSoftmaxCrossEntropy(g, logits, y))
	grads := g.Gradients(loss, w, b)
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	for _, n := range []int{4, 1, 7, 4} {
		out, err := s.Run(ctx, append(gorgonia.Nodes{loss, ops.ArgMax(g, logits)}, grads...), graph.Feed{
			x: tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(n, 2)), y: tensor.New(tensor.Of(tensor.Int64), tensor.WithShape(n)),
		})
		require.NoError(t, err)
		require.InDelta(t, math.Log(3), out[0].Data(), 1e-12)
		require.Equal(t, tensor.Shape{n}, out[1].Shape())
		require.Equal(t, tensor.Shape{2, 3}, out[2].Shape())
		require.InDeltaSlice(t, []float64{1.0/3 - 1, 1.0 / 3, 1.0 / 3}, out[3].Data(), 1e-12)
	}
	require.Zero(t, s.Stats().Rebuilds)
}

func TestState(t *testing.T) {
	g := graph.New()
	v := g.Variable("v", tensor.Float32, tensor.Shape{2}, nil)
	n := g.Variable("n", tensor.Int64, nil, nil)
	x := g.Placeholder("x", tensor.Float32, 2)
	set := ops.Assign(g, v, x)
	add := ops.AssignAdd(g, v, x)
	count := ops.AssignAdd(g, n, g.NamedConstant("two", int64(2)))
	all := ops.Group(g, "all", add, count)
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	run := func(fetch *gorgonia.Node, x0 float32) any {
		out, err := s.Run(ctx, gorgonia.Nodes{fetch}, graph.Feed{x: vector(x0, 1)})
		require.NoError(t, err)
		return out[0].Data()
	}
	require.Equal(t, []float32{5, 1}, run(set, 5))
	require.Equal(t, int64(0), run(all, 2))
	require.Equal(t, []float32{7, 2}, run(v, 0))
	require.Equal(t, int64(2), run(n, 0))
}

// One update of a variable may be built twice, in many graphs.
func TestUpdatesCanBeBuiltTwice(t *testing.T) {
	for range 10 {
		g := graph.New()
		v := g.LocalVariable("v", tensor.Float32, nil, nil)
		two := g.NamedConstant("two", float32(2))
		both := ops.Group(g, "both", ops.AssignAdd(g, v, two), ops.AssignAdd(g, v, two))
		require.NoError(t, g.Err())
		s, err := session.New(g)
		require.NoError(t, err)
		_, err = s.Run(ctx, gorgonia.Nodes{both}, nil)
		require.NoError(t, err)
		out, err := s.Run(ctx, gorgonia.Nodes{v}, nil)
		require.NoError(t, err)
		require.Equal(t, float32(4), out[0].Data())
		require.NoError(t, s.Close())
	}
}

func TestBadInput(t *testing.T) {
	f32 := func(s ...int) *tensor.Dense { return tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(s...)) }
	f64 := func(s ...int) *tensor.Dense { return tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(s...)) }
	i64 := func(s ...int) *tensor.Dense { return tensor.New(tensor.Of(tensor.Int64), tensor.WithShape(s...)) }
	three := func(f func(g *graph.Graph, a, b, c *gorgonia.Node) *gorgonia.Node) build {
		return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return f(g, in[0], in[1], in[2]) }
	}
	dropout := func(rate float64) build {
		return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			return ops.Dropout(g, in[0], in[1], rate, "d")
		}
	}
	for _, c := range []struct {
		name, want string
		build      build
		in         []*tensor.Dense
	}{
		{"nil", "ops.Add: input 1 is nil", func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return ops.Add(g, in[0], nil) }, []*tensor.Dense{f32(2)}},
		{"integers", `ops.ReLU: input 0, "in0", has dtype int64`, one(ops.ReLU), []*tensor.Dense{i64(2)}},
		{"mixed dtypes", `ops.Mul: inputs "in0" and "in1" have dtypes float32 and float64`, two(ops.Mul), []*tensor.Dense{f32(2), f64(2)}},
		{"broadcast", "Add: shapes (2) and (3) cannot be broadcast", two(ops.Add), []*tensor.Dense{f32(2), f32(3)}},
		{"inner sizes", "the inner sizes 3 and 4 differ", two(ops.MatMul), []*tensor.Dense{f32(2, 3), f32(4, 2)}},
		{"vectors", "want two matrices", two(ops.MatMul), []*tensor.Dense{f32(3), f32(3, 2)}},
		{"dense rows", "want [batch, ..., inputs]", three(ops.Dense), []*tensor.Dense{f32(3), f32(3, 2), f32(2)}},
		{"dense kernel", "the kernel (4, 2), want [3, units]", three(ops.Dense), []*tensor.Dense{f32(5, 3), f32(4, 2), f32(2)}},
		{"dense bias", "the bias has shape (3), want [2]", three(ops.Dense), []*tensor.Dense{f32(5, 3), f32(3, 2), f32(3)}},
		{"axis", "axis 2, want -2 to 1", func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return ops.Sum(g, in[0], 2) }, []*tensor.Dense{f32(2, 2)}},
		{"axis twice", "axis -1 is given twice", func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return ops.Sum(g, in[0], 1, -1) }, []*tensor.Dense{f32(2, 2)}},
		{"float labels", `labels "in1" have dtype float32, want integers`, two(ops.SparseSoftmaxCrossEntropy), []*tensor.Dense{f32(2, 3), f32(2)}},
		{"label shape", "logits have shape (2, 3) and labels (3), want (2)", two(ops.SparseSoftmaxCrossEntropy), []*tensor.Dense{f32(2, 3), i64(3)}},
		{"probabilities", "want the same", two(ops.SoftmaxCrossEntropy), []*tensor.Dense{f32(2, 3), f32(2, 2)}},
		{"loss shapes", "SquaredError: shapes (2, 1) and (2) differ", two(ops.SquaredError), []*tensor.Dense{f32(2, 1), f32(2)}},
		{"weights", "can not be broadcast", two(ops.WeightedMean), []*tensor.Dense{f32(4, 3), f32(3)}},
		{"rate", "rate is 1, want at least 0 and below 1", dropout(1), []*tensor.Dense{f32(2), i64()}},
		{"step", `step "in1" is float32`, dropout(0.5), []*tensor.Dense{f32(2), f32()}},
		{"rows", "rows of shape (4) cannot become (3)", func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return ops.ReshapeRows(g, in[0], 3) }, []*tensor.Dense{f32(2, 4)}},
		{"squeeze", "want a last axis of size 1", one(ops.Squeeze), []*tensor.Dense{f32(2, 4)}},
		{"flatten", "a scalar has no rows", one(ops.Flatten), []*tensor.Dense{f32()}},
		{"softmax of a scalar", "is a scalar", one(ops.Softmax), []*tensor.Dense{f32()}},
		{"assign to a placeholder", "is updated and must be a variable", two(ops.AssignAdd), []*tensor.Dense{f32(2), f32(2)}},
		{"assign dtype", `variable "in0" is float32, the value "in1" is float64`, two(ops.Assign), []*tensor.Dense{f32(2), f64(2)}},
		{"empty group", "there are no nodes", func(g *graph.Graph, _ ...*gorgonia.Node) *gorgonia.Node { return ops.Group(g, "g") }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := try(c.build, c.in...)
			require.ErrorContains(t, err, c.want)
			var at *graph.BuildError
			require.ErrorAs(t, err, &at)
			require.Contains(t, at.Site, "_test.go:", "the error names the caller's line")
		})
	}
}

// A poisoned input is passed on, and the first error stays.
func TestPoisonIsPassedOn(t *testing.T) {
	g := graph.New()
	bad := g.Placeholder("", tensor.Float32, 2)
	x := g.Placeholder("x", tensor.Float32, 2)
	first := g.Err()
	for _, n := range []*gorgonia.Node{
		ops.Add(g, bad, x), ops.ReLU(g, bad), ops.Sum(g, bad), ops.Softmax(g, bad), ops.MatMul(g, x, bad), ops.Dense(g, bad, x, nil),
		ops.SparseSoftmaxCrossEntropy(g, bad, x), ops.WeightedMean(g, bad, x), ops.Dropout(g, bad, g.GlobalStep(), 0.5, "d"),
		ops.Flatten(g, bad), ops.ArgMax(g, bad), ops.Cast(g, bad, tensor.Int64), ops.AssignAdd(g, bad, x), ops.Group(g, "g", bad),
	} {
		require.True(t, g.Poisoned(n))
	}
	require.Equal(t, first, g.Err())
}

func Example() {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float64, 2, 3)
	y := ops.Softmax(g, x)
	loss := ops.Mean(g, ops.Square(g, y))
	gradient := g.Gradients(loss, x)[0]
	s, err := session.New(g)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	out, err := s.Run(context.Background(), gorgonia.Nodes{loss, gradient}, graph.Feed{x: tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(2, 3))})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f %v\n", out[0].Data(), out[1].Shape())
	// Output: 0.1111 (2, 3)
}
