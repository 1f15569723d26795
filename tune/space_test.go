package tune_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/tune"
)

// Numbers keep their kinds and their bits.
func TestParamsAsJSON(t *testing.T) {
	p := tune.Params{
		"int": 3, "float": 2.0, "third": 1.0 / 3, "tiny": 1e-300, "large": int64(math.MaxInt64), "single": float32(0.1),
		"text": "relu \"6\"", "bool": true,
	}
	text, err := json.Marshal(p)
	require.NoError(t, err)
	require.Contains(t, string(text), `"float":2.0,"int":3,`)
	var back tune.Params
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, tune.Params{
		"int": int64(3), "float": 2.0, "third": 1.0 / 3, "tiny": 1e-300, "large": int64(math.MaxInt64), "single": float64(float32(0.1)),
		"text": "relu \"6\"", "bool": true,
	}, back)
	require.Equal(t, "bool=true float=2 int=3 large=9223372036854775807 single=0.1 text=relu \"6\" third=0.333333 tiny=1e-300", p.String())
	for text, want := range map[string]string{
		`{"a":[1]}`: `"a"`, `{"a":null}`: `"a"`, `{"a":1e999}`: `"a"`, `{"a":99999999999999999999}`: `"a"`, `[1]`: "array",
	} {
		require.ErrorContains(t, json.Unmarshal([]byte(text), &back), want)
	}
}

// What can be read can be written and read again.
func FuzzParams(f *testing.F) {
	for _, text := range []string{`{}`, `{"a":1,"b":-0.0,"c":1e-300,"d":"\u0000","e":false}`, `{"a":1E5}`, `{"a":{}}`, `null`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var p, back tune.Params
		if json.Unmarshal([]byte(text), &p) != nil {
			return
		}
		again, err := json.Marshal(p)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(again, &back), "%s", again)
		require.Equal(t, p, back)
	})
}

func TestDecode(t *testing.T) {
	type hyper struct {
		Rate  float64 `json:"learning_rate"`
		Units int
		Name  string
		On    bool
		Half  float32
	}
	h := hyper{Units: 16, Name: "default"}
	require.NoError(t, tune.Params{"learning_rate": 1.0 / 3, "units": int64(4), "on": true, "half": 0.5}.Decode(&h))
	require.Equal(t, hyper{1.0 / 3, 4, "default", true, 0.5}, h)
	require.NoError(t, tune.Params{"learning_rate": 2}.Decode(&h), "a whole number is a number")
	for want, p := range map[string]tune.Params{
		`unknown field "rate"`: {"rate": 0.1}, "Units of type int": {"units": 0.5}, "Name of type string": {"name": 1}, `"units" is <nil>`: {"units": nil},
	} {
		require.ErrorContains(t, p.Decode(&h), want)
	}
}

func TestSpaceBadInput(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, c := range map[string]struct {
		space tune.Space
		want  []string
	}{
		"empty":               {nil, []string{"no parameters"}},
		"no name":             {tune.Space{"": tune.Int(1, 2)}, []string{"without a name"}},
		"the first by name":   {tune.Space{"b": tune.Int(2, 1), "a": tune.Choice()}, []string{`"a"`, "nothing to choose"}},
		"choice of a slice":   {tune.Space{"a": tune.Choice(1, []int{2})}, []string{`"a"`, "value 1", "[]int"}},
		"choice of NaN":       {tune.Space{"a": tune.Choice(nan)}, []string{`"a"`, "value 0", "NaN"}},
		"reversed":            {tune.Space{"a": tune.Uniform(2, 1)}, []string{`"a"`, "2 and 1"}},
		"NaN":                 {tune.Space{"a": tune.Uniform(nan, 1)}, []string{`"a"`, "NaN and 1"}},
		"infinite":            {tune.Space{"a": tune.Uniform(0, inf)}, []string{`"a"`, "+Inf"}},
		"infinitely apart":    {tune.Space{"a": tune.Uniform(-math.MaxFloat64, math.MaxFloat64)}, []string{`"a"`, "infinitely apart"}},
		"logarithm of 0":      {tune.Space{"a": tune.LogUniform(0, 1)}, []string{`"a"`, "lower bound is 0", "more than 0"}},
		"too large":           {tune.Space{"a": tune.Int(0, math.MaxInt64)}, []string{`"a"`, "2^53"}},
		"of one's own making": {tune.Space{"a": {Low: 1, High: 2}}, []string{`"a"`, `kind is ""`}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, sampler := range []tune.Sampler{tune.Random(c.space, 1), tune.Grid(c.space)} {
				for _, want := range c.want {
					require.ErrorContains(t, sampler.Err(), want)
				}
			}
		})
	}
	for want, space := range map[string]tune.Space{
		`"a" is uniform(0, 1), want a Choice or an Int`: {"a": tune.Uniform(0, 1)},
		"more than 2^31": {"a": tune.Int(1, 1<<20), "b": tune.Int(1, 1<<20)},
	} {
		require.ErrorContains(t, tune.Grid(space).Err(), want)
	}
}

func TestGrid(t *testing.T) {
	g := tune.Grid(tune.Space{"b": tune.Int(-1, 1), "a": tune.Choice("x", 2, 0.5), "c": tune.Choice(true)})
	require.NoError(t, g.Err())
	require.Equal(t, 9, g.Len())
	require.Equal(t, `grid({a: choice("x", 2, 0.5), b: int(-1, 1), c: choice(true)})`, g.String())
	var all []string
	for n := range g.Len() {
		p, err := g.Next(n, nil)
		require.NoError(t, err)
		all = append(all, p.String())
	}
	require.Equal(t, []string{
		"a=x b=-1 c=true", "a=x b=0 c=true", "a=x b=1 c=true", "a=2 b=-1 c=true", "a=2 b=0 c=true", "a=2 b=1 c=true",
		"a=0.5 b=-1 c=true", "a=0.5 b=0 c=true", "a=0.5 b=1 c=true",
	}, all)
}

// draws returns the values that Random proposes for parameter "x".
func draws(t *testing.T, d tune.Dimension, n int) []any {
	t.Helper()
	r := tune.Random(tune.Space{"x": d}, 7)
	require.NoError(t, r.Err())
	require.Equal(t, -1, r.Len())
	all := make([]any, n)
	for i := range all {
		p, err := r.Next(i, nil)
		require.NoError(t, err)
		all[i] = p["x"]
	}
	return all
}

// 4000 draws: the shares are within 3 of a hundred, which is 4 standard deviations, and
// the draws are the same in every run.
func TestRandom(t *testing.T) {
	const n = 4000
	share := func(all []any, in func(any) bool) float64 {
		k := 0
		for _, v := range all {
			if in(v) {
				k++
			}
		}
		return float64(k) / n
	}
	for _, c := range []struct {
		name      string
		dimension tune.Dimension
		within    func(v any) bool
		in        func(v any) bool
		want      float64
	}{
		{"uniform", tune.Uniform(-1, 3), func(v any) bool { return v.(float64) >= -1 && v.(float64) <= 3 }, func(v any) bool { return v.(float64) < 0 }, 0.25},
		{"log-uniform", tune.LogUniform(1e-4, 1), func(v any) bool { return v.(float64) >= 1e-4 && v.(float64) <= 1 }, func(v any) bool { return v.(float64) < 1e-3 }, 0.25},
		{"int", tune.Int(-1, 2), func(v any) bool { return v.(int64) >= -1 && v.(int64) <= 2 }, func(v any) bool { return v.(int64) == 2 }, 0.25},
		{"choice", tune.Choice("a", "b", int32(3), 4), func(v any) bool { return v == "a" || v == "b" || v == int64(3) || v == int64(4) }, func(v any) bool { return v == "b" }, 0.25},
		{"one number", tune.Uniform(2, 2), func(v any) bool { return v == 2.0 }, func(v any) bool { return true }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := draws(t, c.dimension, n)
			require.Equal(t, 1.0, share(all, c.within))
			require.InDelta(t, c.want, share(all, c.in), 0.03)
			require.Equal(t, all, draws(t, c.dimension, n))
		})
	}
}

// A parameter more, or another seed: what is proposed for the others does not, or does,
// change.
func TestRandomDependsOnSeedNameAndNumber(t *testing.T) {
	next := func(s tune.Space, seed uint64, n int) tune.Params {
		p, err := tune.Random(s, seed).Next(n, nil)
		require.NoError(t, err)
		return p
	}
	one := tune.Space{"a": tune.Uniform(0, 1)}
	two := tune.Space{"a": tune.Uniform(0, 1), "b": tune.Uniform(0, 1)}
	p := next(two, 1, 5)
	require.Equal(t, next(one, 1, 5)["a"], p["a"])
	require.NotEqual(t, p["a"], p["b"])
	require.NotEqual(t, p["a"], next(one, 2, 5)["a"])
	require.NotEqual(t, p["a"], next(one, 1, 6)["a"])
	require.NotEqual(t, fmt.Sprint(tune.Random(one, 1)), fmt.Sprint(tune.Random(one, 2)))
}

// At and Place are each other's inverse.
func TestAtAndPlace(t *testing.T) {
	for _, d := range []tune.Dimension{tune.Uniform(-1, 3), tune.LogUniform(1e-4, 10)} {
		for _, u := range []float64{0, 0.25, 0.7, 1} {
			place, err := d.Place(d.At(u))
			require.NoError(t, err)
			require.InDelta(t, u, place, 1e-12, "%v", d)
		}
	}
	for _, d := range []tune.Dimension{tune.Choice("a", 2, 3.5, true), tune.Int(-3, 4), tune.Uniform(2, 2), tune.LogUniform(2, 2), tune.Int(-1<<52, 1<<52)} {
		for _, u := range []float64{0, 0.2, 0.5, 0.99, 1} {
			place, err := d.Place(d.At(u))
			require.NoError(t, err)
			require.Equal(t, d.At(u), d.At(place), "%v", d)
		}
	}
	require.Equal(t, 2.0, tune.Uniform(1, 3).At(0.5))
	require.InDelta(t, 0.01, tune.LogUniform(1e-4, 1).At(0.5), 1e-12)
	for _, c := range []struct {
		d tune.Dimension
		v any
	}{
		{tune.Uniform(0, 1), 1.5}, {tune.Uniform(0, 1), 1}, {tune.LogUniform(1, 2), 0.5}, {tune.Int(1, 3), 4}, {tune.Int(1, 3), 2.0},
		{tune.Choice("a"), "b"}, {tune.Choice(1), 1.0}, {tune.Int(1, 3), nil}, {tune.Uniform(0, 1), "a"},
	} {
		_, err := c.d.Place(c.v)
		require.Error(t, err, "%v of %v", c.v, c.d)
	}
}
