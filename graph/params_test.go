package graph_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/graph"
)

func TestParams(t *testing.T) {
	given := map[string]any{
		"units": []int{10, 20}, "json": []any{3.0, 4.0}, "rate": 0.5, "layers": 4, "whole": 2.0, "byte": uint8(7),
		"name": "deep", "on": true, "nested": map[string]any{"list": []string{"a"}}, "wait": time.Second,
	}
	g := graph.New(graph.Params(given))
	given["layers"] = 5
	given["units"].([]int)[0] = 11
	given["nested"].(map[string]any)["list"].([]string)[0] = "b"
	require.Equal(t, []string{"byte", "json", "layers", "name", "nested", "on", "rate", "units", "wait", "whole"}, g.UnreadParams())
	require.Equal(t, []int{10, 20}, g.IntsParam("units"))
	require.Equal(t, []int{3, 4}, g.Scope("dnn").IntsParam("json"))
	require.Equal(t, 0.5, g.FloatParam("rate"))
	require.Equal(t, 4, g.IntParam("layers"))
	require.Equal(t, 2, g.IntParam("whole"))
	require.Equal(t, 7, g.IntParam("byte"))
	require.Equal(t, 4.0, g.FloatParam("layers"))
	require.Equal(t, 7.0, g.FloatParam("byte"))
	require.Equal(t, "deep", g.StringParam("name"))
	require.True(t, g.BoolParam("on"))
	require.Equal(t, time.Second, g.Param("wait"))
	nested := g.Param("nested").(map[string]any)
	require.Equal(t, map[string]any{"list": []string{"a"}}, nested)
	nested["list"].([]string)[0] = "c"
	require.Equal(t, map[string]any{"list": []string{"a"}}, g.Param("nested"), "what is handed out is a copy")
	require.Empty(t, g.UnreadParams())

	require.Equal(t, 9, g.IntParam("missing", 9))
	require.Equal(t, 0.25, g.FloatParam("missing", 0.25))
	require.Equal(t, "x", g.StringParam("missing", "x"))
	require.True(t, g.BoolParam("missing", true))
	require.Equal(t, []int{1}, g.IntsParam("missing", []int{1}))
	require.Equal(t, "y", g.Param("missing", "y"))
	require.NoError(t, g.Err())
}

func TestParamsThatAreWrong(t *testing.T) {
	for name, c := range map[string]struct {
		read func(g *graph.Graph)
		want string
	}{
		"missing":       {func(g *graph.Graph) { g.IntParam("unit") }, `IntParam: there is no param "unit", have ["rate" "units"]`},
		"not whole":     {func(g *graph.Graph) { g.IntParam("rate") }, `IntParam: param "rate" is 0.5 (float64), want a whole number`},
		"not a number":  {func(g *graph.Graph) { g.FloatParam("units") }, `FloatParam: param "units" is [1 2.5] ([]interface {}), want a number`},
		"not text":      {func(g *graph.Graph) { g.StringParam("rate") }, `StringParam: param "rate"`},
		"not a boolean": {func(g *graph.Graph) { g.BoolParam("rate") }, `BoolParam: param "rate"`},
		"not a list":    {func(g *graph.Graph) { g.IntsParam("rate") }, `want a list of whole numbers`},
		"list of parts": {func(g *graph.Graph) { g.IntsParam("units") }, `want a list of whole numbers`},
		"any":           {func(g *graph.Graph) { g.Param("none") }, `Param: there is no param "none"`},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New(graph.Params(map[string]any{"rate": 0.5, "units": []any{1, 2.5}}))
			c.read(g)
			require.ErrorContains(t, g.Err(), c.want)
			require.ErrorContains(t, g.Err(), "params_test.go", "the place is named")
		})
	}
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"function":      {func() {}, `param "p" is a func(), want numbers, text, booleans, or slices and maps of them`},
		"pointer":       {new(int), `is a *int`},
		"struct":        {struct{}{}, `is a struct {}`},
		"nil":           {nil, `param "p" is nil`},
		"nil in a list": {[]any{1, nil}, `param "p" at 1 is nil`},
		"NaN in a map":  {map[string]any{"x": math.NaN()}, `param "p" at "x" is NaN, want a finite number`},
		"infinite":      {float32(math.Inf(-1)), `is -Inf`},
		"numbered map":  {map[int]int{}, `is a map[int]int`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := graph.CopyParams(map[string]any{"a": 1, "p": c.value})
			require.ErrorContains(t, err, c.want)
			g := graph.New(graph.Params(map[string]any{"p": c.value}))
			require.Zero(t, g.IntParam("p"))
			require.ErrorContains(t, g.Err(), c.want)
		})
	}
}
