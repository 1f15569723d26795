package raw_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/raw"
)

func TestSlice(t *testing.T) {
	d := tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, 2}))
	raw.Slice[float32](d)[1] = 5
	require.Equal(t, []float32{1, 5}, d.Data())
	require.Nil(t, raw.Slice[float64](d), "another type")
	require.Equal(t, []int64{7}, raw.Slice[int64](tensor.New(tensor.WithShape(1), tensor.WithBacking([]int64{7}))))
	require.Equal(t, []int32{7}, raw.Slice[int32](tensor.New(tensor.WithShape(1), tensor.WithBacking([]int32{7}))))
	require.Equal(t, []int{7}, raw.Slice[int](tensor.New(tensor.WithShape(1), tensor.WithBacking([]int{7}))))
	require.Equal(t, []uint8{7}, raw.Slice[uint8](tensor.New(tensor.WithShape(1), tensor.WithBacking([]uint8{7}))))
	f := gorgonia.NewF64(3)
	raw.Slice[float64](f)[0] = 4
	require.Equal(t, 4.0, f.Data())
	require.Nil(t, raw.Slice[float32](f))
	require.Equal(t, []float32{1}, raw.Slice[float32](gorgonia.NewF32(1)))
	require.Equal(t, []int64{1}, raw.Slice[int64](gorgonia.NewI64(1)))
	require.Equal(t, []int32{1}, raw.Slice[int32](gorgonia.NewI32(1)))
	require.Equal(t, []int{1}, raw.Slice[int](gorgonia.NewI(1)))
	require.Equal(t, []uint8{1}, raw.Slice[uint8](gorgonia.NewU8(1)))
	require.Nil(t, raw.Slice[int64](gorgonia.NewB(true)))
	require.Equal(t, []float32{3}, raw.Slice[float32](tensor.New(tensor.FromScalar(float32(3)))), "a tensor without axes")
	require.Zero(t, testing.AllocsPerRun(100, func() { raw.Slice[float32](d) }))
}
