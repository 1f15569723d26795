package saver

import (
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

var allDtypes = []tensor.Dtype{tensor.Float32, tensor.Float64, tensor.Int64, tensor.Int32, tensor.Int, tensor.Uint8, tensor.Bool}

var allShapes = []tensor.Shape{{}, {1}, {5}, {0}, {3, 1}, {1, 3}, {1, 1}, {2, 3}, {0, 3}, {3, 0}, {2, 3, 4}, {2, 1, 2, 3, 1, 2}}

func everything() Checkpoint {
	c := Checkpoint{Step: 1<<53 + 1, Tensors: map[string]*tensor.Dense{}, Metadata: map[string]string{
		"": "empty key", "empty": "", "lines": "a\r\n\tb\x00\x1f", "unicode": "größe 世界 🙂 \u2028 <&>", "json": `{"a":"\"\\"}`,
		"header_crc32c": `"stheno.header_crc32c":"00000000"`,
	}}
	for i, dt := range allDtypes {
		for j, shape := range allShapes {
			c.Tensors[fmt.Sprintf("%v/%v", dt, shape)] = fill(dt, shape, i*100+j)
		}
	}
	for i, name := range []string{"", "a b\n", `q"\`, "größe", "世界/kernel", "🙂", "\x00", "a", "a/b", "A", "stheno.header_crc32c", "__metadata", strings.Repeat("long/", 1000)} {
		c.Tensors[name] = fill(tensor.Float32, tensor.Shape{2}, i)
	}
	return c
}

func TestRoundTrip(t *testing.T) {
	want := everything()
	path, err := newSaver(t, t.TempDir()).Save(ctx, want)
	require.NoError(t, err)
	got, err := Load(path)
	require.NoError(t, err)
	requireEqual(t, &want, got)

	r, err := Open(path)
	require.NoError(t, err)
	require.Equal(t, want.Metadata, r.Metadata())
	require.Equal(t, want.Step, r.Step())
	require.True(t, r.Checksums())
	require.Len(t, r.Names(), len(want.Tensors))
	for i, v := range r.Variables() {
		require.Equal(t, r.Names()[i], v.Name)
		one, err := r.Tensor(v.Name)
		require.NoError(t, err)
		require.Equal(t, v.Dtype, one.Dtype())
		require.Equal(t, v.Shape, one.Shape())
		require.Equal(t, dense.Bytes(want.Tensors[v.Name]), dense.Bytes(one))
	}
	_, err = r.Tensor("no such")
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorContains(t, err, `"no such"`)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close(), "twice")
	_, err = r.Tensor("a")
	require.Error(t, err, "closed")
}

func TestSpecialValues(t *testing.T) {
	nan := math.Float32frombits(0x7fc12345)
	c := Checkpoint{Tensors: map[string]*tensor.Dense{
		"f": tensor.New(tensor.WithBacking([]float32{nan, float32(math.Inf(-1)), float32(math.Copysign(0, -1)), 1e-45})),
		"i": tensor.New(tensor.WithBacking([]int{math.MinInt, math.MaxInt})),
	}}
	path, err := newSaver(t, t.TempDir()).Save(ctx, c)
	require.NoError(t, err)
	got, err := Load(path)
	require.NoError(t, err)
	requireEqual(t, &c, got)
	require.Equal(t, []int{math.MinInt, math.MaxInt}, got.Tensors["i"].Data())
}

func TestNothingToSave(t *testing.T) {
	path, err := newSaver(t, t.TempDir()).Save(ctx, Checkpoint{})
	require.NoError(t, err)
	got, err := Load(path)
	require.NoError(t, err)
	requireEqual(t, &Checkpoint{}, got)
}

// A view's elements are not one run of memory.
func TestViews(t *testing.T) {
	full := tensor.New(tensor.WithShape(4, 3), tensor.WithBacking(tensor.Range(tensor.Float32, 0, 12)))
	column, err := full.Slice(nil, tensor.S(1))
	require.NoError(t, err)
	rows, err := full.Slice(tensor.S(1, 3))
	require.NoError(t, err)
	transposed := full.Clone().(*tensor.Dense)
	require.NoError(t, transposed.T())
	path, err := newSaver(t, t.TempDir()).Save(ctx, Checkpoint{Tensors: map[string]*tensor.Dense{
		"column": column.(*tensor.Dense), "rows": rows.(*tensor.Dense), "transposed": transposed,
	}})
	require.NoError(t, err)
	got, err := Load(path)
	require.NoError(t, err)
	require.Equal(t, []float32{1, 4, 7, 10}, got.Tensors["column"].Data())
	require.Equal(t, []float32{3, 4, 5, 6, 7, 8}, got.Tensors["rows"].Data())
	require.Equal(t, tensor.Shape{3, 4}, got.Tensors["transposed"].Shape())
	require.Equal(t, []float32{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}, got.Tensors["transposed"].Data())
}

func TestSameCheckpointSameBytes(t *testing.T) {
	var first []byte
	for range 10 {
		path, err := newSaver(t, t.TempDir()).Save(ctx, everything())
		require.NoError(t, err)
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		if first == nil {
			first = b
		}
		require.Equal(t, first, b)
	}
	n := binary.LittleEndian.Uint64(first)
	require.Zero(t, n%8, "the data is aligned")
	require.True(t, strings.HasPrefix(string(first[8:]), headerStart))
}

// The bytes of a file that the first release wrote. When this fails, the format has
// changed: old files must still load, and docs/format/checkpoint.md says how.
func TestFormatIsStable(t *testing.T) {
	want := sample(3)
	path := filepath.Join("testdata", "v1.safetensors")
	got, err := Load(path)
	require.NoError(t, err)
	requireEqual(t, &want, got)
	old, err := os.ReadFile(path)
	require.NoError(t, err)
	now, err := os.ReadFile(save(t, newSaver(t, t.TempDir()), 3))
	require.NoError(t, err)
	require.Equal(t, old, now)
}

func TestLargeTensor(t *testing.T) {
	c := Checkpoint{Tensors: map[string]*tensor.Dense{"big": fill(tensor.Float32, tensor.Shape{5 << 20}, 1), "small": fill(tensor.Uint8, tensor.Shape{3}, 2)}}
	path, err := newSaver(t, t.TempDir()).Save(ctx, c)
	require.NoError(t, err)
	got, err := Load(path)
	require.NoError(t, err)
	requireEqual(t, &c, got)
}

func TestSaveRefuses(t *testing.T) {
	w := map[string]*tensor.Dense{"w": fill(tensor.Float32, tensor.Shape{1}, 0)}
	for name, c := range map[string]struct {
		ckpt  Checkpoint
		names []string
	}{
		"step":            {Checkpoint{Step: -1}, []string{"-1"}},
		"nil tensor":      {Checkpoint{Tensors: map[string]*tensor.Dense{"dense/w": nil}}, []string{`"dense/w"`, "nil"}},
		"dtype":           {Checkpoint{Tensors: map[string]*tensor.Dense{"c": tensor.New(tensor.Of(tensor.Complex64), tensor.WithShape(1))}}, []string{`"c"`, "complex64", "float32"}},
		"name":            {Checkpoint{Tensors: map[string]*tensor.Dense{"\xff": w["w"]}}, []string{`"\xff"`, "UTF-8"}},
		"reserved name":   {Checkpoint{Tensors: map[string]*tensor.Dense{"__metadata__": w["w"]}}, []string{`"__metadata__"`}},
		"reserved key":    {Checkpoint{Tensors: w, Metadata: map[string]string{"stheno.x": ""}}, []string{`"stheno.x"`, "reserved"}},
		"metadata value":  {Checkpoint{Tensors: w, Metadata: map[string]string{"state": "\xff"}}, []string{`"state"`, "UTF-8"}},
		"metadata key":    {Checkpoint{Tensors: w, Metadata: map[string]string{"\xff": ""}}, []string{`"\xff"`, "UTF-8"}},
		"too many axes":   {Checkpoint{Tensors: map[string]*tensor.Dense{"deep": dense.New(tensor.Uint8, make(tensor.Shape, 65))}}, []string{`"deep"`, "65", "64"}},
		"header too long": {Checkpoint{Metadata: map[string]string{"long": strings.Repeat("x", maxHeader)}}, []string{"100000000"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := newSaver(t, dir).Save(ctx, c.ckpt)
			for _, text := range c.names {
				require.ErrorContains(t, err, text)
			}
			require.Empty(t, listing(t, dir), "nothing is written")
		})
	}
}

func TestSaveCancelled(t *testing.T) {
	dir := t.TempDir()
	s := newSaver(t, dir)
	first := save(t, s, 1)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err := s.Save(cancelled, sample(2))
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{"checkpoint", filepath.Base(first)}, listing(t, dir))

	// In the middle of the data.
	half := &cancelAt{Context: ctx, left: 3}
	_, err = s.Save(half, sample(2))
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{"checkpoint", filepath.Base(first)}, listing(t, dir), "the temporary file is gone")
	save(t, s, 2)
}

// cancelAt ends when it is asked for the last time.
type cancelAt struct {
	context.Context
	left int
}

func (c *cancelAt) Err() error {
	if c.left--; c.left <= 0 {
		return context.Canceled
	}
	return nil
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, filepath.Join(dir, "none"))
	_, err = Load(dir)
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, "regular file")
}

func TestNewRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	state := filepath.Join(dir, "state")
	require.NoError(t, os.MkdirAll(filepath.Join(state, "checkpoint"), 0o777))
	for _, c := range []struct {
		dir   string
		opts  []Option
		names []string
	}{
		{"", nil, []string{`""`}},
		{file, nil, []string{file}},
		{filepath.Join(file, "below"), nil, []string{filepath.Join(file, "below")}},
		{state, nil, []string{filepath.Join(state, "checkpoint"), "is a directory"}},
		{dir, []Option{KeepMax(-1)}, []string{"KeepMax(-1)"}},
		{dir, []Option{KeepEveryNHours(-1)}, []string{"KeepEveryNHours(-1)"}},
		{dir, []Option{KeepEveryNHours(math.NaN())}, []string{"KeepEveryNHours(NaN)"}},
		{dir, []Option{Basename("")}, []string{`Basename("")`}},
		{dir, []Option{Basename("a/b")}, []string{`Basename("a/b")`}},
		{dir, []Option{Basename("../b")}, []string{`Basename("../b")`}},
		{dir, []Option{Basename(".hidden")}, []string{`Basename(".hidden")`}},
		{dir, []Option{Basename("\xff")}, []string{`Basename("\xff")`}},
		{dir, []Option{Logger(nil)}, []string{"Logger(nil)"}},
	} {
		_, err := New(c.dir, c.opts...)
		require.Error(t, err, "%+v", c)
		for _, text := range c.names {
			require.ErrorContains(t, err, text)
		}
	}
	if runtime.GOOS == "linux" {
		_, err := New("/proc/self", quiet)
		require.ErrorContains(t, err, "/proc/self cannot be written")
	}
}

func TestNewCreatesTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := newSaver(t, dir)
	require.Equal(t, filepath.Join(dir, "model.ckpt-7.safetensors"), save(t, s, 7))
	s = newSaver(t, dir, Basename("größe x"))
	require.Equal(t, filepath.Join(dir, "größe x-7.safetensors"), save(t, s, 7))
}

// Files get the permissions of any other new file, not those of a secret.
func TestPermissions(t *testing.T) {
	dir := t.TempDir()
	path := save(t, newSaver(t, dir), 1)
	other := filepath.Join(dir, "other")
	f, err := os.Create(other)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	want, err := os.Stat(other)
	require.NoError(t, err)
	for _, p := range []string{path, filepath.Join(dir, StateFile)} {
		got, err := os.Stat(p)
		require.NoError(t, err)
		require.Equal(t, want.Mode(), got.Mode())
	}
}
