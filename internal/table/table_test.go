package table_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/internal/table"
)

func TestTable(t *testing.T) {
	tab := table.Table{Head: []string{"name", "é", "n"}, Rows: [][]string{{"a<b", "12", "3"}, {"longer", "x"}}, Left: 1}
	require.Equal(t, "name     é  n\na<b     12  3\nlonger   x\n", tab.Text())
	require.Equal(t, "<table><thead><tr><th>name</th><th>é</th><th>n</th></tr></thead>"+
		"<tbody><tr><td>a&lt;b</td><td>12</td><td>3</td></tr><tr><td>longer</td><td>x</td></tr></tbody></table>", tab.HTML())
	left := table.Table{Rows: [][]string{{"a", "b"}, {" cc", "d"}}, Left: 2, RowHeads: true}
	require.Equal(t, "a    b\n cc  d\n", left.Text(), "no space at the end of a line")
	require.Equal(t, "<table><tbody><tr><th>a</th><td>b</td></tr><tr><th>&ensp;cc</th><td>d</td></tr></tbody></table>", left.HTML())
	require.Empty(t, (&table.Table{}).Text())
}

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{0.123456789: "0.123457", 123456789: "123456789", -2: "-2", 1e300: "1e+300", math.Inf(1): "+Inf"} {
		require.Equal(t, want, table.Number(x))
	}
	require.Equal(t, "NaN", table.Number(math.NaN()))
}
