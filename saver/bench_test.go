package saver

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

// big is 64 MiB in 16 tensors.
func big() Checkpoint {
	c := Checkpoint{Tensors: map[string]*tensor.Dense{}}
	for i := range 16 {
		c.Tensors[string(rune('a'+i))] = fill(tensor.Float32, tensor.Shape{1024, 1024}, i)
	}
	return c
}

func BenchmarkSave(b *testing.B) {
	s := newSaver(b, b.TempDir(), KeepMax(1))
	c := big()
	b.SetBytes(64 << 20)
	b.ReportAllocs()
	for b.Loop() {
		c.Step++
		_, err := s.Save(ctx, c)
		require.NoError(b, err)
	}
}

func BenchmarkLoad(b *testing.B) {
	path, err := newSaver(b, b.TempDir()).Save(ctx, big())
	require.NoError(b, err)
	b.SetBytes(64 << 20)
	b.ReportAllocs()
	for b.Loop() {
		_, err := Load(path)
		require.NoError(b, err)
	}
}

func BenchmarkSaveSmall(b *testing.B) {
	s := newSaver(b, b.TempDir(), KeepMax(1))
	b.ReportAllocs()
	for step := int64(0); b.Loop(); step++ {
		save(b, s, step)
	}
}

func BenchmarkOpen(b *testing.B) {
	path := filepath.Join("testdata", "v1.safetensors")
	b.ReportAllocs()
	for b.Loop() {
		r, err := Open(path)
		require.NoError(b, err)
		require.NoError(b, r.Close())
	}
}
