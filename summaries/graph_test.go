package summaries

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

func written(t *testing.T, def GraphDef) *GraphDef {
	t.Helper()
	w := newWriter(t)
	require.NoError(t, w.Graph(def))
	require.NoError(t, w.Close())
	events, err := ReadFile(w.Path())
	require.NoError(t, err)
	return events[1].Graph
}

func TestGraphReadsBack(t *testing.T) {
	def := GraphDef{Nodes: []NodeDef{
		{Name: "c", Op: "Const", Dtype: "float64"},
		{Name: "f", Op: "Split", Inputs: []string{"c", "c", "later", "c:1", "^c"}, Shape: tensor.Shape{0, -1, 1 << 20}, Dtype: "int64"},
		{Name: "later", Op: "Add", Inputs: []string{"f"}, Dtype: "bool"},
	}}
	require.Equal(t, &def, written(t, def))
	require.Equal(t, &GraphDef{}, written(t, GraphDef{}))
}

func TestDtypes(t *testing.T) {
	for given, want := range map[string]string{"float32": "float32", "int": "int64", "uint": "uint64", "uint8": "uint8", "string": "string", "func()": "", "": ""} {
		got := written(t, GraphDef{Nodes: []NodeDef{{Name: "a", Dtype: given}}})
		require.Equal(t, want, got.Nodes[0].Dtype, "%q", given)
	}
}

// Names that TensorBoard's page does not take are changed, and stay unique.
func TestPlainNames(t *testing.T) {
	got := written(t, GraphDef{Nodes: []NodeDef{
		{Name: "a b", Op: "A\xff"},
		{Name: "a_b"},
		{Name: "a+b", Inputs: []string{"a b", "a_b", "a+b:2", "^Σ", "x:0"}},
		{Name: "Σ"},
		{Name: "_hidden/x-1.y"},
		{Name: "x:0", Inputs: []string{"x:0:1"}},
	}})
	var names []string
	for _, n := range got.Nodes {
		names = append(names, n.Name)
	}
	require.Equal(t, []string{"a_b_", "a_b", "a_b__", "._", "._hidden/x-1.y", "x_0"}, names)
	require.Equal(t, []string{"a_b_", "a_b", "a_b__:2", "^._", "x_0"}, got.Nodes[2].Inputs)
	require.Equal(t, []string{"x_0:1"}, got.Nodes[5].Inputs)
	require.Equal(t, "A\uFFFD", got.Nodes[0].Op)
}
