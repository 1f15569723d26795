package datasets_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
)

// Bad input is an error that names the argument or the place, what was found, and what
// was expected. The error is there before any row is asked for, unless it is about a
// later row.
func TestBadInput(t *testing.T) {
	good := count(4)
	dir := t.TempDir()
	xy := datasets.NewSchema(datasets.Features("x"), datasets.Class("y"))
	file := func(content string) string { return write(t, "rows.csv", content) }
	csv := func(content string) *datasets.Dataset { return datasets.CSV(file(content), xy) }
	column := func(c datasets.Column) *datasets.Dataset {
		return datasets.CSV(file("x\n1\n"), datasets.Schema{Columns: []datasets.Column{c}})
	}
	images, labels := write(t, "images", twoImages), write(t, "labels", twoLabels)
	idx := func(content string) *datasets.Dataset { return datasets.IDX(write(t, "bad", content), labels) }
	never := func() (datasets.Batch, error) { panic("called") }
	spec := datasets.Spec{Features: map[string]datasets.TensorSpec{"x": {Dtype: tensor.Float32}}}
	give := func(b datasets.Batch) *datasets.Dataset {
		return datasets.Func(spec, func() (datasets.Batch, error) { return b, nil })
	}
	turn := func(f func(datasets.Batch) (datasets.Batch, error)) *datasets.Dataset { return good.Map(f) }
	dense := func(shape ...int) *tensor.Dense {
		return tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))
	}

	for name, c := range map[string]struct {
		ds   *datasets.Dataset
		want []string
		late bool // the error comes with the rows
	}{
		"batch 0":           {ds: good.Batch(0), want: []string{"Batch", "is 0", "at least 1"}},
		"the first error":   {ds: good.Batch(-3).Shuffle(0), want: []string{"Batch", "is -3"}},
		"batch twice":       {ds: good.Batch(2).Batch(2), want: []string{"Batch", "batches already", "Unbatch"}},
		"unbatch rows":      {ds: good.Unbatch(), want: []string{"Unbatch", "rows already"}},
		"shuffle 0":         {ds: good.Shuffle(0), want: []string{"Shuffle", "buffer is 0", "at least 1"}},
		"repeat -2":         {ds: good.Repeat(-2), want: []string{"Repeat", "-2", "-1 (for ever)"}},
		"take -1":           {ds: good.Take(-1), want: []string{"Take", "-1", "at least 0"}},
		"skip -1":           {ds: good.Skip(-1), want: []string{"Skip", "-1", "at least 0"}},
		"shard 0":           {ds: good.Shard(0, 0), want: []string{"Shard", "is 0", "at least 1"}},
		"shard index":       {ds: good.Shard(3, 3), want: []string{"Shard", "index is 3", "0 to 2"}},
		"prefetch -1":       {ds: good.Prefetch(-1), want: []string{"Prefetch", "-1"}},
		"prefetch too much": {ds: good.Prefetch(math.MaxInt), want: []string{"Prefetch", "at most 1000"}},
		"filter batches":    {ds: good.Batch(2).Filter(odd), want: []string{"Filter", "before Batch"}},
		"nil filter":        {ds: good.Filter(nil), want: []string{"Filter", "nil"}},
		"nil map":           {ds: good.Map(nil), want: []string{"Map", "nil"}},
		"map spec":          {ds: good.MapSpec(datasets.Spec{}, double), want: []string{"MapSpec", "no features"}},
		"map panics":        {ds: turn(func(datasets.Batch) (datasets.Batch, error) { panic("oh") }), want: []string{"Map", "the first row", "panic: oh", "badinput_test.go"}},
		"map of nothing":    {ds: turn(func(datasets.Batch) (datasets.Batch, error) { return datasets.Batch{}, nil }), want: []string{"Map", "no features"}},
		"map changes rows": {ds: turn(func(datasets.Batch) (datasets.Batch, error) {
			return datasets.Batch{Features: map[string]*tensor.Dense{"x": dense(3)}}, nil
		}), want: []string{"Map", "3 rows for 1"}},
		"map of a scalar": {ds: turn(func(datasets.Batch) (datasets.Batch, error) {
			return datasets.Batch{Features: map[string]*tensor.Dense{"x": tensor.New(tensor.FromScalar(float32(1)))}}, nil
		}), want: []string{"Map", `"x" is a scalar`}},
		"split 0":              {ds: second(good.Split(0)), want: []string{"Split", "is 0", "more than 0"}},
		"split 1":              {ds: second(good.Split(1)), want: []string{"Split", "is 1", "less than 1"}},
		"split too small":      {ds: second(good.Split(0.01)), want: []string{"Split", "0.01 of 4 rows", "empty"}},
		"split after shuffle":  {ds: second(good.Shuffle(2).Split(0.5)), want: []string{"Split", "after Shuffle"}},
		"split a file":         {ds: second(csv("x,y\n1,2\n").Split(0.5)), want: []string{"Split", "Load"}},
		"no rows":              {ds: datasets.FromTensors([][]float32{}, []int64{}).Batch(2), want: []string{"FromTensors", "no rows"}},
		"no features":          {ds: datasets.FromTensors(nil, []int64{1}), want: []string{"features is nil"}},
		"empty features":       {ds: datasets.FromTensors(map[string]any{}, nil), want: []string{"features is an empty map"}},
		"empty labels":         {ds: datasets.FromTensors([]float32{1}, map[string]any{}), want: []string{"labels is an empty map"}},
		"unequal rows":         {ds: datasets.FromTensors([][]float32{{1, 2}, {3, 4}}, []int64{1, 2, 3}), want: []string{`feature "x"`, "(2, 2)", `label "y"`, "(3)"}},
		"same names":           {ds: datasets.FromTensors(map[string]any{"a": []int{1}, "b": []int{1}}, map[string]any{"a": []int{1}, "b": []int{1}}), want: []string{"2 names", "a, b"}},
		"ragged":               {ds: datasets.FromTensors([][]float32{{1, 2}, {3}}, nil), want: []string{"features", "[1] has 1 elements, others have 2"}},
		"strings":              {ds: datasets.FromTensors([]string{"a"}, nil), want: []string{"features", "[]string", "want a *tensor.Dense or slices"}},
		"a number":             {ds: datasets.FromTensors(3, nil), want: []string{"features", "int", "want"}},
		"a nil tensor":         {ds: datasets.FromTensors((*tensor.Dense)(nil), nil), want: []string{"features", "nil"}},
		"a scalar":             {ds: datasets.FromTensors(tensor.New(tensor.FromScalar(float32(1))), nil), want: []string{`"x" is a scalar`}},
		"dtype":                {ds: datasets.FromTensors(tensor.New(tensor.WithBacking([]complex64{1, 2})), nil), want: []string{"complex64", "not supported"}},
		"no file":              {ds: datasets.CSV(filepath.Join(dir, "none.csv"), xy), want: []string{"CSV", "none.csv", "no such file"}},
		"empty file":           {ds: csv(""), want: []string{"rows.csv", "no header"}},
		"only a header":        {ds: csv("x,y\n"), want: []string{"rows.csv", "no rows"}},
		"column missing":       {ds: csv("x,z\n1,2\n"), want: []string{"rows.csv", `no column "y"`, `"x" "z"`}},
		"column twice":         {ds: csv("x,y,y\n1,2,3\n"), want: []string{"rows.csv", `two columns "y"`}},
		"a word":               {ds: csv("x,y\nword,1\n"), want: []string{"rows.csv: line 2, column 1 (\"x\")", `"word"`, "a number"}},
		"a later word":         {ds: csv("x,y\n1,1\n2,1.5\n"), want: []string{"rows.csv: line 3, column 2 (\"y\")", `"1.5"`, "a whole number"}, late: true},
		"too few columns":      {ds: csv("x,y\n1,1\n1\n"), want: []string{"rows.csv: line 3", "1 columns, want 2"}, late: true},
		"too many columns":     {ds: csv("x,y\n1,1,1\n"), want: []string{"rows.csv: line 2", "3 columns, want 2"}},
		"a stray quote":        {ds: csv("x,y\n1,\"2\"3\n"), want: []string{"rows.csv: line 2", "quote"}},
		"overflow":             {ds: csv("x,y\n1e99,1\n"), want: []string{"line 2, column 1", `"1e99"`, "too large for float32"}},
		"whole overflow":       {ds: csv("x,y\n1,99999999999999999999\n"), want: []string{"column 2", "too large for int64"}},
		"NaN":                  {ds: csv("x,y\nNaN,1\n"), want: []string{"column 1", `"NaN"`, "finite"}},
		"infinity":             {ds: csv("x,y\n-inf,1\n"), want: []string{"column 1", `"-inf"`, "finite"}},
		"missing":              {ds: csv("x,y\n ,1\n"), want: []string{"line 2, column 1", "missing", "Default"}},
		"not in vocabulary":    {ds: datasets.CSV(file("x,y\n1,c\n"), datasets.NewSchema(datasets.Features("x"), datasets.Class("y", "a", "b"))), want: []string{"column 2", `"c"`, "vocabulary", `"a" "b"`}},
		"truncated zip":        {ds: csv(zipped(t, "x,y\n1,1\n")[:20]), want: []string{"rows.csv", "truncated"}, late: true},
		"no columns":           {ds: datasets.CSV(file("x\n1\n"), datasets.Schema{}), want: []string{"schema", "no features"}},
		"listed twice":         {ds: datasets.CSV(file("x\n1\n"), datasets.NewSchema(datasets.Features("x", "x"))), want: []string{"schema", `"x" is listed twice`}},
		"role":                 {ds: column(datasets.Column{Name: "x", Role: 7}), want: []string{"schema", `column 1 ("x")`, "role is 7"}},
		"column dtype":         {ds: column(datasets.Column{Name: "x", Dtype: tensor.Complex64}), want: []string{"schema", "complex64", "float32"}},
		"vocabulary dtype":     {ds: column(datasets.Column{Name: "x", Dtype: tensor.Float32, Vocabulary: []string{"a"}}), want: []string{"schema", "float32", "int64 or int32"}},
		"vocabulary twice":     {ds: column(datasets.Column{Name: "x", Vocabulary: []string{"a", "a"}}), want: []string{"schema", `"a"`, "twice"}},
		"default":              {ds: column(datasets.Column{Name: "x", Default: "word"}), want: []string{"schema", `default "word"`, "a number"}},
		"mixed tensor":         {ds: datasets.CSV(file("a,b\n1,1\n"), datasets.Schema{Columns: []datasets.Column{{Name: "a"}, {Name: "b", Dtype: tensor.Int64}}}), want: []string{"schema", `"b" is int64`, "float32"}},
		"shape":                {ds: datasets.CSV(file("x\n1\n"), datasets.Schema{Columns: datasets.Features("x"), Shapes: map[string]tensor.Shape{"x": {2, 2}}}), want: []string{"schema", "(2, 2)", "4 columns, there are 1"}},
		"shape of nothing":     {ds: datasets.CSV(file("x\n1\n"), datasets.Schema{Columns: datasets.Features("x"), Shapes: map[string]tensor.Shape{"z": {1}}}), want: []string{"schema", `"z"`, "no column"}},
		"comma":                {ds: datasets.CSV(file("x\n1\n"), datasets.Schema{Columns: datasets.Features("x"), Comma: '"'}), want: []string{"rows.csv", "delimiter"}},
		"no images":            {ds: datasets.IDX(filepath.Join(dir, "none"), labels), want: []string{"IDX", "none", "no such file"}},
		"images are labels":    {ds: datasets.IDX(labels, labels), want: []string{"IDX", "labels", "1 axis"}},
		"labels are images":    {ds: datasets.IDX(images, images), want: []string{"IDX", "images", "one axis"}},
		"magic":                {ds: idx("GIF89a"), want: []string{"bad", "47 49 46 38", "not an IDX file"}},
		"idx dtype":            {ds: idx("\x00\x00\x0d\x01"), want: []string{"bad", "float32", "uint8"}},
		"idx too short":        {ds: idx("\x00\x00"), want: []string{"bad", "ends within the magic number"}},
		"idx sizes":            {ds: idx(twoImages[:10]), want: []string{"bad", "ends within the sizes"}},
		"idx too large":        {ds: idx("\x00\x00\x08\x03\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff"), want: []string{"bad", "axis 1", "too large"}},
		"idx without pixels":   {ds: idx("\x00\x00\x08\x02\x00\x00\x00\x02\x00\x00\x00\x00"), want: []string{"bad", "axis 1 has size 0"}},
		"idx without rows":     {ds: datasets.IDX(write(t, "none", "\x00\x00\x08\x02\x00\x00\x00\x00\x00\x00\x00\x01"), ""), want: []string{"none", "no rows"}},
		"idx counts":           {ds: datasets.IDX(images, write(t, "three", "\x00\x00\x08\x01\x00\x00\x00\x03\x01\x02\x03")), want: []string{"images has 2 images", "three has 3 labels"}},
		"nil func":             {ds: datasets.Func(spec, nil), want: []string{"Func", "nil"}},
		"func spec":            {ds: datasets.Func(datasets.Spec{}, never), want: []string{"Func", "no features"}},
		"func spec dtype":      {ds: datasets.Func(datasets.Spec{Features: map[string]datasets.TensorSpec{"x": {Dtype: tensor.Complex64}}}, never), want: []string{"Func", `"x"`, "complex64"}},
		"func spec shape":      {ds: datasets.Func(datasets.Spec{Features: map[string]datasets.TensorSpec{"x": {Dtype: tensor.Float32, Shape: tensor.Shape{-1}}}}, never), want: []string{"Func", `"x"`, "at least 1"}},
		"func repeated":        {ds: give(datasets.Batch{}).Repeat(2), want: []string{"Repeat", "Func"}},
		"func panics":          {ds: datasets.Func(spec, never), want: []string{"Func", "call 1", "panic: called"}, late: true},
		"func gives nothing":   {ds: give(datasets.Batch{}), want: []string{"Func", "call 1", `feature "x" is missing`}, late: true},
		"func gives others":    {ds: give(datasets.Batch{Features: map[string]*tensor.Dense{"x": dense(2), "z": dense(2)}}), want: []string{"Func", `feature "z" is not in the spec`}, late: true},
		"func gives shape":     {ds: give(datasets.Batch{Features: map[string]*tensor.Dense{"x": dense(2, 3)}}), want: []string{"Func", "(2, 3)", "float32 ()"}, late: true},
		"func gives dtype":     {ds: give(datasets.Batch{Features: map[string]*tensor.Dense{"x": tensor.New(tensor.WithBacking([]int64{1, 2}))}}), want: []string{"Func", "int64", "float32"}, late: true},
		"func gives a label":   {ds: give(datasets.Batch{Features: map[string]*tensor.Dense{"x": dense(2)}, Labels: map[string]*tensor.Dense{"y": dense(2)}}), want: []string{"Func", `label "y"`}, late: true},
		"endless nothing":      {ds: good.Skip(4).Repeat(-1), want: []string{"Repeat", "no rows"}, late: true},
		"standardize infinity": {ds: datasets.FromTensors([]float32{1, inf}, nil).Standardize().Batch(2), want: []string{`"x"`, "row 1", "finite"}, late: true},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.ds.Err()
			if c.late {
				require.NoError(t, err)
				err = c.ds.ForEach(ctx, func(datasets.Batch) error { return nil })
			} else {
				_, again := c.ds.Batch(2).Shuffle(3).Repeat(2).Iterator()
				require.Equal(t, err, again, "errors stay")
				require.Equal(t, datasets.Spec{}, c.ds.Spec())
			}
			require.Error(t, err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

var inf = float32(math.Inf(1))

func second(_, ds *datasets.Dataset) *datasets.Dataset { return ds }

func TestEmptyIsErrEmpty(t *testing.T) {
	for _, ds := range []*datasets.Dataset{
		datasets.FromTensors([][]float32{}, []int64{}).Batch(2),
		datasets.FromTensors([]float32{}, nil),
		datasets.FromTensors(map[string]any{"a": []int{}}, nil),
		datasets.CSV(write(t, "a.csv", "x\n"), datasets.NewSchema(datasets.Features("x"))),
		datasets.CSV(write(t, "a.csv", ""), datasets.NewSchema(datasets.Features("x"))),
		datasets.IDX(write(t, "none", "\x00\x00\x08\x02\x00\x00\x00\x00\x00\x00\x00\x01"), "").Batch(3),
	} {
		require.ErrorIs(t, ds.Err(), datasets.ErrEmpty)
	}
	_, err := count(3).Filter(func(datasets.Batch) (bool, error) { return false, nil }).Repeat(-1).Load(ctx)
	require.ErrorIs(t, err, datasets.ErrInfinite)
}

func TestBadInferSchema(t *testing.T) {
	for content, want := range map[string]string{
		"":                "no header",
		"a,y\n":           "no rows",
		"a,b\n1,2\n":      `no column "y"`,
		"a,y\n1,2\n1\n":   "line 3: 1 columns, want 2",
		"a,y\nNA,1\n,2\n": `column 1 ("a"): it holds nothing but missing values`,
		"a,y\n1,\"2\"3\n": "line 2",
	} {
		path := write(t, "rows.csv", content)
		_, err := datasets.InferSchema(path, "y")
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, want)
	}
	_, err := datasets.InferSchema("none.csv", "")
	require.ErrorContains(t, err, "none.csv")
}
