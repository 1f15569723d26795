package dense

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

func TestScalarMemory(t *testing.T) {
	s := New(tensor.Int64, tensor.ScalarShape())
	Elements(s).([]int64)[0] = 7
	require.Equal(t, int64(7), s.Data())
	require.Len(t, Bytes(s), 8)
	c := Clone(s)
	require.Equal(t, int64(7), c.Data())
	Elements(c).([]int64)[0] = 8
	require.Equal(t, int64(7), s.Data())
}

func TestEveryDtype(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64, tensor.Int64, tensor.Int32, tensor.Int, tensor.Uint8, tensor.Bool} {
		require.True(t, Supported(dt))
		named, ok := Named(dt.String())
		require.True(t, ok)
		require.Equal(t, dt, named)
		a := New(dt, tensor.Shape{2, 3})
		b := Bytes(a)
		require.Len(t, b, 6*int(dt.Size()), dt.String())
		for i := range b {
			b[i] = byte(i % 2)
		}
		c := New(dt, tensor.Shape{2, 3})
		require.NoError(t, Copy(c, a))
		require.Equal(t, Bytes(a), Bytes(c))
	}
	require.False(t, Supported(tensor.String))
	_, ok := Named(tensor.String.String())
	require.False(t, ok)
	require.Nil(t, Bytes(New(tensor.Complex64, tensor.Shape{2})))
}

func TestCopyRefuses(t *testing.T) {
	a := New(tensor.Float32, tensor.Shape{2, 3})
	require.ErrorContains(t, Copy(a, New(tensor.Float64, tensor.Shape{2, 3})), "float64 (2, 3)")
	require.ErrorContains(t, Copy(a, New(tensor.Float32, tensor.Shape{3, 2})), "(3, 2)")
}

func TestCloneOfAView(t *testing.T) {
	a := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6}))
	require.NoError(t, a.T())
	c := Clone(a)
	require.Equal(t, []float32{1, 4, 2, 5, 3, 6}, c.Float32s())
	v, err := a.Slice(nil, tensor.S(1))
	require.NoError(t, err)
	require.Equal(t, []float32{4, 5, 6}, Clone(v.(*tensor.Dense)).Float32s())
}

func TestSameShape(t *testing.T) {
	require.False(t, SameShape(tensor.Shape{3, 1}, tensor.Shape{3}))
	require.True(t, SameShape(tensor.Shape{}, tensor.ScalarShape()))
}
