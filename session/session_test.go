package session_test

import (
	"context"
	"fmt"
	"hash"
	"hash/fnv"
	"runtime"
	"sync"
	"testing"
	"weak"

	"github.com/chewxy/hm"
	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/session"
)

var ctx = context.Background()

// addOp is an update: it adds its second input to a float32 scalar variable.
type addOp struct{ id int }

func (o addOp) Arity() int    { return 2 }
func (o addOp) Type() hm.Type { a := hm.TypeVariable('a'); return hm.NewFnType(a, a, a) }
func (o addOp) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return tensor.ScalarShape(), nil
}
func (o addOp) ReturnsPtr() bool      { return true }
func (o addOp) CallsExtern() bool     { return false }
func (o addOp) OverwritesInput() int  { return -1 }
func (o addOp) WriteHash(h hash.Hash) { fmt.Fprintf(h, "testadd%d", o.id) }
func (o addOp) Hashcode() uint32      { h := fnv.New32a(); o.WriteHash(h); return h.Sum32() }
func (o addOp) String() string        { return "testadd" }
func (o addOp) UpdatedInputs() []int  { return []int{0} }
func (o addOp) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	v := in[0].(*gorgonia.F32)
	*v += *in[1].(*gorgonia.F32)
	return v, nil
}

func scalar(v float32) graph.Initializer {
	return graph.InitializerFunc(func(t *tensor.Dense, _ graph.Random) error {
		t.Float32s()[0] = v
		return nil
	})
}

func run(t *testing.T, s *session.Session, feed graph.Feed, fetches ...*gorgonia.Node) []any {
	t.Helper()
	values, err := s.Run(ctx, fetches, feed)
	require.NoError(t, err)
	data := make([]any, len(values))
	for i, v := range values {
		data[i] = v.Data()
	}
	return data
}

func newSession(t *testing.T, g *graph.Graph, opts ...session.Option) *session.Session {
	t.Helper()
	s, err := session.New(g, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestReadsComeBeforeWrites(t *testing.T) {
	g := graph.New()
	v := g.Variable("v", tensor.Float32, nil, scalar(10))
	w := g.Variable("w", tensor.Float32, nil, scalar(100))
	one := g.NamedConstant("one", float32(1))
	// Built before the reads, and reading each other's variables.
	up := g.Apply(addOp{1}, v, w)
	cross := g.Apply(addOp{2}, w, v)
	twice := gorgonia.Must(gorgonia.Add(v, v))
	after := gorgonia.Must(gorgonia.Add(up, one))
	mixed := gorgonia.Must(gorgonia.Add(up, v)) // new value of v by up, old value by v
	require.NoError(t, g.Err())
	s := newSession(t, g)
	require.Equal(t, []any{float32(10), float32(20), float32(110), float32(110), float32(111), float32(120)},
		run(t, s, nil, v, twice, up, cross, after, mixed))
	require.Equal(t, []any{float32(110), float32(110)}, run(t, s, nil, v, w))
}

func TestSnapshotInto(t *testing.T) {
	store := session.NewStore()
	require.NoError(t, store.Restore(map[string]*tensor.Dense{
		"a": tensor.New(tensor.WithBacking([]float32{1, 2})), "b": tensor.New(tensor.FromScalar(int64(3))), "c": tensor.New(tensor.WithBacking([]float32{4, 5}))}))
	snapshot := store.Snapshot()
	a, b := snapshot["a"], snapshot["b"]
	snapshot["c"] = tensor.New(tensor.WithBacking([]float32{0, 0, 0}))
	snapshot["gone"] = tensor.New(tensor.WithBacking([]float32{6}))
	require.NoError(t, store.Restore(map[string]*tensor.Dense{"a": tensor.New(tensor.WithBacking([]float32{7, 8})), "b": tensor.New(tensor.FromScalar(int64(9)))}))
	require.Equal(t, []float32{1, 2}, a.Data(), "a copy")
	store.SnapshotInto(snapshot)
	require.Len(t, snapshot, 3)
	require.Same(t, a, snapshot["a"])
	require.Same(t, b, snapshot["b"])
	require.Equal(t, []float32{7, 8}, a.Data())
	require.Equal(t, int64(9), b.Data())
	require.Equal(t, []float32{4, 5}, snapshot["c"].Data(), "one of another shape is replaced")
}

func TestUpdatesRunInTheOrderOfBuilding(t *testing.T) {
	g := graph.New()
	v := g.Variable("v", tensor.Float32, nil, scalar(1))
	two := g.NamedConstant("two", float32(2))
	first := g.Apply(addOp{1}, v, two)
	second := g.Apply(addOp{2}, v, v) // adds the value from before the step
	s := newSession(t, g)
	require.Equal(t, float32(4), run(t, s, nil, second, first)[0])
	require.Equal(t, float32(4), run(t, s, nil, v)[0])
}

func TestStoreIsSharedAndLocalsAreNot(t *testing.T) {
	build := func() (*graph.Graph, *gorgonia.Node, *gorgonia.Node, *gorgonia.Node) {
		g := graph.New()
		v := g.Variable("v", tensor.Float32, nil, scalar(1))
		l := g.LocalVariable("l", tensor.Float32, nil, scalar(1))
		one := g.NamedConstant("one", float32(1))
		g.Apply(addOp{1}, v, one)
		return g, v, l, g.Apply(addOp{2}, l, one)
	}
	store := session.NewStore()
	g1, v1, l1, up1 := build()
	g2, v2, l2, _ := build()
	s1, s2 := newSession(t, g1, session.WithStore(store)), newSession(t, g2, session.WithStore(store))
	run(t, s1, nil, up1)
	require.Equal(t, []any{float32(1), float32(2)}, run(t, s1, nil, v1, l1))
	require.Equal(t, []any{float32(1), float32(1)}, run(t, s2, nil, v2, l2))
	require.Equal(t, []string{"v"}, store.Names())
	require.NoError(t, store.Restore(map[string]*tensor.Dense{"v": tensor.New(tensor.FromScalar(float32(5)))}))
	require.Equal(t, float32(5), run(t, s1, nil, v1)[0])
	require.Equal(t, float32(5), run(t, s2, nil, v2)[0])
	require.ErrorContains(t, store.Restore(map[string]*tensor.Dense{"v": tensor.New(tensor.FromScalar(5.0))}), "float64")
}

// Local variables get their initial values back where the compiled programs look for
// them; what is in the store stays.
func TestInitializeLocals(t *testing.T) {
	g := graph.New()
	v := g.Variable("v", tensor.Float32, nil, scalar(1))
	l := g.LocalVariable("l", tensor.Float32, nil, scalar(1))
	up := g.Apply(addOp{2}, l, g.Apply(addOp{2}, v, g.NamedConstant("one", float32(1))))
	s := newSession(t, g)
	for range 3 {
		run(t, s, nil, up)
	}
	before := run(t, s, nil, v)[0]
	require.Equal(t, float32(1+2+3+4), run(t, s, nil, l)[0])
	compiles := s.Stats().Compiles
	require.NoError(t, s.InitializeLocals())
	require.Equal(t, []any{before, float32(1)}, []any{run(t, s, nil, v)[0], run(t, s, nil, l)[0]})
	run(t, s, nil, up)
	require.Equal(t, float32(1+5), run(t, s, nil, l)[0])
	require.Equal(t, compiles, s.Stats().Compiles)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.InitializeLocals(), session.ErrClosed)
}

func TestStoreDisagrees(t *testing.T) {
	store := session.NewStore()
	a := graph.New()
	a.Variable("w", tensor.Float32, tensor.Shape{2, 3}, nil)
	newSession(t, a, session.WithStore(store))
	b := graph.New()
	b.Variable("w", tensor.Float32, tensor.Shape{3, 2}, nil)
	_, err := session.New(b, session.WithStore(store))
	require.ErrorContains(t, err, `"w" is float32 (3, 2) in this graph but float32 (2, 3) in the store`)
}

func TestFetchedValuesAreCopies(t *testing.T) {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float32, 2)
	w := g.Variable("w", tensor.Float32, tensor.Shape{2}, nil)
	s := newSession(t, g)
	in := []float32{1, 2}
	out, err := s.Run(ctx, gorgonia.Nodes{x, w}, graph.Feed{x: tensor.New(tensor.WithBacking(in))})
	require.NoError(t, err)
	out[0].Data().([]float32)[0] = 9
	out[1].Data().([]float32)[0] = 9
	require.Equal(t, float32(1), in[0])
	require.Equal(t, []float32{0, 0}, run(t, s, nil, w)[0])
}

func TestBadInput(t *testing.T) {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float32, 2, 3)
	y := g.Placeholder("y", tensor.Float32, 2, 3)
	sum := gorgonia.Must(gorgonia.Add(x, y))
	other := graph.New().Placeholder("x", tensor.Float32, 2, 3)
	ok := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(2, 3))
	s := newSession(t, g)
	for _, c := range []struct {
		name    string
		fetches gorgonia.Nodes
		feed    graph.Feed
		want    string
	}{
		{"missing", gorgonia.Nodes{sum}, graph.Feed{x: ok}, `nothing is fed for placeholder "y"`},
		{"dtype", gorgonia.Nodes{sum}, graph.Feed{x: ok, y: tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(2, 3))}, `"y" is float32 (2, 3) but is fed float64 (2, 3)`},
		{"shape", gorgonia.Nodes{sum}, graph.Feed{x: ok, y: tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(2, 4))}, `"y" has shape (2, 3) but is fed shape (2, 4)`},
		{"rank", gorgonia.Nodes{sum}, graph.Feed{x: ok, y: tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(6))}, `fed shape (6)`},
		{"unknown node", gorgonia.Nodes{sum}, graph.Feed{x: ok, y: ok, other: ok}, `belongs to another graph`},
		{"computed node", gorgonia.Nodes{sum}, graph.Feed{sum: tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(1, 3))}, `has shape (2, 3) but is fed shape (1, 3)`},
		{"nil value", gorgonia.Nodes{sum}, graph.Feed{x: ok, y: nil}, `"y" is fed nil`},
		{"no fetches", nil, nil, "nothing to fetch"},
		{"nil fetch", gorgonia.Nodes{nil}, nil, "fetch 0 is nil"},
		{"foreign fetch", gorgonia.Nodes{other}, nil, "another graph"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.Run(ctx, c.fetches, c.feed)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := session.New(nil)
	require.Error(t, err)
	_, err = session.New(g, session.Workers(0))
	require.ErrorContains(t, err, "Workers: 0")
	_, err = session.New(g, session.WithStore(nil))
	require.Error(t, err)
	_, err = session.New(g, session.MaxPrograms(0))
	require.Error(t, err)
	bad := graph.New()
	bad.Placeholder("", tensor.Float32)
	_, err = session.New(bad)
	require.ErrorContains(t, err, "name is empty")
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = s.Run(cancelled, gorgonia.Nodes{sum}, graph.Feed{x: ok, y: ok})
	require.ErrorIs(t, err, context.Canceled)
}

// panicOp panics when it runs.
type panicOp struct{ addOp }

func (panicOp) UpdatedInputs() []int                         { return nil }
func (panicOp) Do(...gorgonia.Value) (gorgonia.Value, error) { panic("boom") }
func (panicOp) String() string                               { return "panicker" }

func TestPanicBecomesAnError(t *testing.T) {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float32)
	n := g.SetName(g.Apply(panicOp{}, x, x), "bad")
	s := newSession(t, g)
	_, err := s.Run(ctx, gorgonia.Nodes{n}, graph.Feed{x: tensor.New(tensor.FromScalar(float32(1)))})
	var ne *session.NodeError
	require.ErrorAs(t, err, &ne)
	require.Equal(t, "bad", ne.Node)
	require.Equal(t, "panicker", ne.Op)
	require.Len(t, ne.Inputs, 2)
	require.Contains(t, ne.Site, "session_test.go:")
	require.ErrorContains(t, err, "boom")
}

func TestOtherBatchSizes(t *testing.T) {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float32, 4, 2)
	w := g.Variable("w", tensor.Float32, tensor.Shape{2, 3}, graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
		for i := range v.Float32s() {
			v.Float32s()[i] = 1
		}
		return nil
	}))
	y := gorgonia.Must(gorgonia.Mul(x, w))
	flat := gorgonia.Must(gorgonia.Reshape(y, tensor.Shape{12}))
	s := newSession(t, g)
	feed := func(rows int) graph.Feed {
		d := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(rows, 2))
		for i := range d.Float32s() {
			d.Float32s()[i] = 1
		}
		return graph.Feed{x: d}
	}
	require.Len(t, run(t, s, feed(4), y)[0], 12)
	require.Equal(t, []float32{2, 2, 2, 2, 2, 2, 2, 2, 2}, run(t, s, feed(3), y)[0])
	require.Len(t, run(t, s, feed(4), flat)[0], 12)
	_, err := s.Run(ctx, gorgonia.Nodes{flat}, feed(3))
	var fixed *session.FixedSizeError
	require.ErrorAs(t, err, &fixed)
	require.Equal(t, "x", fixed.Feed)
	require.Contains(t, fixed.Op, "Reshape")
	require.Equal(t, 3, s.Stats().Compiles)
	run(t, s, feed(3), y)
	require.Equal(t, 3, s.Stats().Compiles, "the program for 3 rows is kept")
}

func TestRebuildForOtherSizes(t *testing.T) {
	type model struct {
		g    *graph.Graph
		x, y *gorgonia.Node
	}
	build := func(rows int) model {
		g := graph.New()
		x := g.Placeholder("x", tensor.Float32, rows, 2)
		w := g.Variable("w", tensor.Float32, nil, scalar(3))
		y := gorgonia.Must(gorgonia.HadamardProd(gorgonia.Must(gorgonia.Reshape(x, tensor.Shape{rows * 2})), w))
		return model{g, x, y}
	}
	m := build(4)
	s := newSession(t, m.g, session.WithRebuild(func(shapes map[*gorgonia.Node]tensor.Shape) (*session.Twin, error) {
		twin := build(shapes[m.x][0])
		return &session.Twin{Graph: twin.g, Node: func(n *gorgonia.Node) *gorgonia.Node {
			return map[*gorgonia.Node]*gorgonia.Node{m.x: twin.x, m.y: twin.y}[n]
		}}, nil
	}))
	for range 3 {
		feed := graph.Feed{m.x: tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float32{1, 2}))}
		require.Equal(t, []float32{3, 6}, run(t, s, feed, m.y)[0])
	}
	require.Equal(t, 1, s.Stats().Rebuilds)
	require.Equal(t, 1, s.Stats().Compiles)
}

func TestProgramsAreBounded(t *testing.T) {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float32, 1, 2)
	y := gorgonia.Must(gorgonia.Square(x))
	s := newSession(t, g, session.MaxPrograms(2))
	for rows := 1; rows <= 5; rows++ {
		run(t, s, graph.Feed{x: tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(rows, 2))}, y)
	}
	require.Equal(t, 2, s.Stats().Programs)
	require.Equal(t, 5, s.Stats().Compiles)
}

// Nothing keeps the graph of a model that was built again for a size and then dropped.
func TestRebuiltModelsAreBounded(t *testing.T) {
	const limit = 2
	build := func(rows int) (g *graph.Graph, x, y *gorgonia.Node) {
		g = graph.New()
		x = g.Placeholder("x", tensor.Float32, rows, 2)
		w := g.Variable("w", tensor.Float32, nil, scalar(3))
		return g, x, gorgonia.Must(gorgonia.HadamardProd(gorgonia.Must(gorgonia.Reshape(x, tensor.Shape{rows * 2})), w))
	}
	g, x, y := build(1)
	var twins []weak.Pointer[graph.Graph]
	s := newSession(t, g, session.MaxPrograms(limit), session.WithRebuild(func(shapes map[*gorgonia.Node]tensor.Shape) (*session.Twin, error) {
		g, tx, ty := build(shapes[x][0])
		twins = append(twins, weak.Make(g))
		return &session.Twin{Graph: g, Node: func(n *gorgonia.Node) *gorgonia.Node {
			return map[*gorgonia.Node]*gorgonia.Node{x: tx, y: ty}[n]
		}}, nil
	}))
	for rows := 2; rows <= 9; rows++ {
		run(t, s, graph.Feed{x: tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(rows, 2))}, y)
	}
	runtime.GC()
	alive := 0
	for _, twin := range twins {
		if twin.Value() != nil {
			alive++
		}
	}
	require.Len(t, twins, 8)
	require.Equal(t, limit, alive)
	runtime.KeepAlive(s)
}

func TestSessionsReadConcurrently(t *testing.T) {
	store := session.NewStore()
	var wg sync.WaitGroup
	for i := range 4 {
		g := graph.New()
		v := g.Variable("v", tensor.Float32, nil, scalar(1))
		one := g.NamedConstant("one", float32(1))
		up := g.Apply(addOp{1}, v, one)
		twice := gorgonia.Must(gorgonia.Add(v, v))
		s := newSession(t, g, session.WithStore(store))
		fetch := twice
		if i == 0 {
			fetch = up
		}
		wg.Go(func() {
			for range 200 {
				if _, err := s.Run(ctx, gorgonia.Nodes{fetch}, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	v, err := store.Value("v")
	require.NoError(t, err)
	require.Equal(t, float32(201), v.Data())
}

func TestAnyNodeCanBeFed(t *testing.T) {
	g := graph.New()
	v := g.Variable("v", tensor.Float32, nil, scalar(1))
	one := g.NamedConstant("one", float32(1))
	up := g.Apply(addOp{1}, v, one)
	twice := gorgonia.Must(gorgonia.Add(v, v))
	four := gorgonia.Must(gorgonia.Add(twice, twice))
	s := newSession(t, g)
	value := tensor.New(tensor.FromScalar(float32(5)))
	require.Equal(t, float32(20), run(t, s, graph.Feed{v: value}, four)[0])
	require.Equal(t, float32(10), run(t, s, graph.Feed{twice: value}, four)[0])
	require.Equal(t, float32(4), run(t, s, nil, four)[0], "the variable itself did not change")
	_, err := s.Run(ctx, gorgonia.Nodes{up}, graph.Feed{v: value})
	require.ErrorContains(t, err, `variable "v" is fed and updated in one run`)
}

func TestClosed(t *testing.T) {
	g := graph.New()
	v := g.Variable("v", tensor.Float32, nil, nil)
	s := newSession(t, g)
	require.NoError(t, s.Close())
	_, err := s.Run(ctx, gorgonia.Nodes{v}, nil)
	require.ErrorIs(t, err, session.ErrClosed)
}
