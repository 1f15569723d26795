package datasets_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
)

func TestCSV(t *testing.T) {
	content := "\xef\xbb\xbfname, a,b,kind,target\r\n\"x\ny\",1,2.5,red,3\r\nz, 4 ,5,blue,6\r\n"
	schema := datasets.NewSchema(datasets.Features("b", " a"), datasets.Category("kind", "blue", "red"), datasets.Target("target"))
	for _, path := range []string{write(t, "a.csv", content), write(t, "a.csv.gz", zipped(t, content))} {
		ds := datasets.CSV(path, schema).Batch(9)
		require.NoError(t, ds.Err())
		require.Equal(t, `feature "kind" int64 (), feature "x" float32 (2), label "y" float32 ()`, ds.Spec().String())
		all, err := ds.Collect(ctx)
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.Equal(t, []float32{2.5, 1, 5, 4}, all[0].Features["x"].Float32s(), "in the schema's order")
		require.Equal(t, []int64{1, 0}, all[0].Features["kind"].Int64s())
		require.Equal(t, []float32{3, 6}, all[0].Labels["y"].Float32s())
	}
}

func TestCSVShapesAndDtypes(t *testing.T) {
	path := write(t, "a.csv", "# made by hand\n1;2;3;4;true;200\n5;6;7;8;false;0\n")
	schema := datasets.Schema{NoHeader: true, Comma: ';', Comment: '#', Shapes: map[string]tensor.Shape{"m": {2, 2}}}
	for _, name := range []string{"a", "b", "c", "d"} {
		schema.Columns = append(schema.Columns, datasets.Column{Name: name, Dtype: tensor.Float64, Into: "m"})
	}
	schema.Columns = append(schema.Columns, datasets.Column{Name: "flag", Dtype: tensor.Bool, Into: "flag"},
		datasets.Column{Name: "byte", Dtype: tensor.Uint8, Role: datasets.RoleLabel})
	all, err := datasets.CSV(path, schema).Batch(2).Collect(ctx)
	require.NoError(t, err)
	require.Equal(t, "(2, 2, 2)", fmt.Sprint(all[0].Features["m"].Shape()))
	require.Equal(t, []float64{1, 2, 3, 4, 5, 6, 7, 8}, all[0].Features["m"].Float64s())
	require.Equal(t, []bool{true, false}, all[0].Features["flag"].Bools())
	require.Equal(t, []uint8{200, 0}, all[0].Labels["y"].Uint8s())
}

func TestCSVMissing(t *testing.T) {
	path := write(t, "a.csv", "a,b\nNA,1\n2,NA\n3,4\n")
	schema := datasets.Schema{Missing: []string{"NA"}, DropMissing: true,
		Columns: []datasets.Column{{Name: "a", Default: "9"}, {Name: "b"}}}
	it := open(t, datasets.CSV(path, schema).Batch(9))
	b, err := it.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, []float32{9, 1, 3, 4}, b.Features["x"].Float32s())
	require.EqualValues(t, 1, it.Skipped())
}

func TestSkipMalformed(t *testing.T) {
	path := write(t, "a.csv", "a,y\n1,0\nword,1\n2,0,7\n3\n4,1\n5,\"1\"\"\"x\n6,0\n")
	schema := datasets.NewSchema(datasets.Features("a"), datasets.Class("y"))
	for _, ahead := range []int{0, 2} {
		it := open(t, datasets.CSV(path, schema, datasets.SkipMalformed()).Batch(2).Prefetch(ahead))
		var got []string
		for range 2 {
			b, err := it.Next(ctx)
			require.NoError(t, err)
			got = append(got, fmt.Sprint(b.Features["x"].Float32s()))
		}
		require.Equal(t, []string{"[1 4]", "[6]"}, got)
		require.EqualValues(t, 4, it.Skipped())
	}
	// Without it, the rows before the malformed one come, then the error, for ever.
	it := open(t, datasets.CSV(path, schema))
	_, err := it.Next(ctx)
	require.NoError(t, err)
	for range 2 {
		_, err = it.Next(ctx)
		var row *datasets.RowError
		require.ErrorAs(t, err, &row)
		require.Equal(t, datasets.RowError{File: path, Line: 3, Column: 1, Name: "a", Text: "word", Want: "want a number"}, *row)
	}
}

// Lines are those of the file, whatever is quoted.
func TestCSVLineNumbers(t *testing.T) {
	path := write(t, "a.csv", "a,note\n1,\"two\n\nlines\"\n\nx,3\n")
	_, err := datasets.CSV(path, datasets.NewSchema(datasets.Features("a"))).Collect(ctx)
	require.ErrorContains(t, err, path+`: line 6, column 1 ("a"): "x": want a number`)
}

func TestInferSchema(t *testing.T) {
	path := write(t, "a.csv", "size,kind,y\n1,b,1\nNA,a,0\n2.5,b,2\n")
	schema, err := datasets.InferSchema(path, "y")
	require.NoError(t, err)
	schema.DropMissing = true
	ds := datasets.CSV(path, schema).Batch(3)
	require.Equal(t, `feature "kind" int64 (), feature "x" float32 (1), label "y" int64 ()`, ds.Spec().String())
	all, err := ds.Collect(ctx)
	require.NoError(t, err)
	require.Equal(t, []int64{1, 1}, all[0].Features["kind"].Int64s())
	require.Equal(t, []int64{1, 2}, all[0].Labels["y"].Int64s())

	path = write(t, "b.csv", "a,y\n1,10\n2,30\n")
	schema, err = datasets.InferSchema(path, "y")
	require.NoError(t, err)
	require.Equal(t, `feature "x" float32 (1), label "y" float32 ()`, datasets.CSV(path, schema).Spec().String(), "10 and 30 are no class numbers")
}

// Iterators read a file each, in step or not.
func TestCSVIteratorsAreIndependent(t *testing.T) {
	ds := countCSV(t, 100).Shuffle(7).Batch(3)
	want := drain(t, open(t, ds), 99)
	a, b := open(t, ds), open(t, ds)
	first := drain(t, a, 5)
	require.Equal(t, want, drain(t, b, 99))
	require.Equal(t, want, append(first, drain(t, a, 99)...))
}

func TestCSVSkipsWithoutParsing(t *testing.T) {
	var s strings.Builder
	s.WriteString("a\n")
	for i := range 1000 {
		fmt.Fprintf(&s, "%d\n", i)
	}
	all, err := datasets.CSV(write(t, "a.csv", s.String()), datasets.NewSchema(datasets.Features("a"))).Skip(997).Batch(9).Collect(ctx)
	require.NoError(t, err)
	require.Equal(t, []float32{997, 998, 999}, all[0].Features["x"].Float32s())
}
