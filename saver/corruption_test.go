package saver

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

// tiny is the file of a small checkpoint.
func tiny(t testing.TB) (content []byte, ckpt Checkpoint) {
	t.Helper()
	ckpt = sample(3)
	content, err := os.ReadFile(save(t, newSaver(t, t.TempDir()), 3))
	require.NoError(t, err)
	return content, ckpt
}

// loadBytes reads a file of the given content.
func loadBytes(t testing.TB, content []byte) (*Checkpoint, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x-3.safetensors")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return Load(path)
}

// inMemory does as Load, without a file: there are thousands of cases.
func inMemory(content []byte, path string) (*Checkpoint, error) {
	r, err := newReader(bytes.NewReader(content), int64(len(content)), path)
	if err != nil {
		return nil, err
	}
	return r.all()
}

func TestTruncatedAtEveryLength(t *testing.T) {
	content, _ := tiny(t)
	path := filepath.Join(t.TempDir(), "x-3.safetensors")
	for n := range content {
		_, err := inMemory(content[:n], path)
		require.ErrorIs(t, err, ErrCorrupt, "%d bytes", n)
		require.ErrorContains(t, err, path)
	}
	require.NoError(t, os.WriteFile(path, append(content, 0), 0o600))
	_, err := Load(path)
	require.ErrorIs(t, err, ErrCorrupt, "a byte more")
}

func TestEveryBitFlipped(t *testing.T) {
	content, want := tiny(t)
	got, err := loadBytes(t, content)
	require.NoError(t, err)
	requireEqual(t, &want, got)
	const path = "x-3.safetensors"
	for i := range content {
		for bit := range 8 {
			content[i] ^= 1 << bit
			if _, err := inMemory(content, path); err == nil {
				t.Errorf("bit %d of byte %d flipped: no error", bit, i)
			} else if !strings.Contains(err.Error(), path) {
				t.Errorf("bit %d of byte %d flipped: %v does not name the file", bit, i, err)
			}
			content[i] ^= 1 << bit
		}
	}
}

// A reader of one tensor detects damage to that tensor, and only that.
func TestReaderDetectsDamage(t *testing.T) {
	content, want := tiny(t)
	content[len(content)-1] ^= 1 // the last tensor: mask, of bools
	path := filepath.Join(t.TempDir(), "x-3.safetensors")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	r, err := Open(path)
	require.NoError(t, err)
	defer r.Close()
	_, err = r.Tensor("mask")
	var corrupt *CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, path, corrupt.Path)
	require.Contains(t, corrupt.What, `"mask"`)
	w, err := r.Tensor("w")
	require.NoError(t, err)
	require.Equal(t, want.Tensors["w"].Data(), w.Data())
}

// foreign makes a file of another program: a header and n bytes of data.
func foreign(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func TestMalformedHeaders(t *testing.T) {
	const good = `{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`
	got, err := loadBytes(t, foreign(good+"   \n\t", 1, 2))
	require.NoError(t, err)
	require.Equal(t, []uint8{1, 2}, got.Tensors["a"].Data())
	require.EqualValues(t, 3, got.Step, "the step in the file's name")
	edit := func(old, new string) string {
		edited := strings.Replace(good, old, new, 1)
		require.NotEqual(t, good, edited)
		return edited
	}
	for _, c := range []struct{ header, what string }{
		{"", "does not start with {"},
		{" " + good, "does not start with {"},
		{"[]", "does not start with {"},
		{"{", "not JSON"},
		{"{\"\xff\":1}", "not UTF-8"},
		{good + "x", "after the last }"},
		{good + good, "after the last }"},
		{edit(`U8`, `u8`), `dtype "u8" is unknown`},
		{edit(`"U8"`, `8`), "expected a string"},
		{edit(`dtype`, `Dtype`), `key "Dtype" is unknown`},
		{edit(`"dtype":"U8",`, ``), "expected dtype, shape and data_offsets"},
		{edit(`"dtype"`, `"shape":[2],"dtype"`), `"shape" twice`},
		{edit(`[2]`, `2`), "expected ["},
		{edit(`[2]`, `[-2]`), "expected a number from 0"},
		{edit(`[2]`, `[2.0]`), "expected a number from 0"},
		{edit(`[2]`, `["2"]`), "expected a number from 0"},
		{edit(`[2]`, `[1e1]`), "expected a number from 0"},
		{edit(`[2]`, `[99999999999999999999]`), "expected a number from 0"},
		{edit(`[2]`, `[9223372036854775807,9223372036854775807]`), "another size"},
		{edit(`[2]`, `[3]`), "another size"},
		{edit(`[2]`, `[`+strings.Repeat("1,", 64)+`2]`), "more than 64 axes"},
		{edit(`[0,2]`, `[0,2,2]`), "expected ]"},
		{edit(`[0,2]`, `[0]`), "expected a number from 0"},
		{edit(`[0,2]`, `[2,0]`), "another size"},
		{edit(`[0,2]`, `[1,3]`), "from 0 to 1"},
		{`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, "inside another"},
		{`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, `"a" twice`},
		{`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "take 1 bytes, the file has 2"},
		{`{"__metadata__":{"k":1},` + good[1:], "expected a string"},
		{`{"__metadata__":{"k":"1","k":"2"},` + good[1:], `"k" twice`},
		{`{"__metadata__":"k",` + good[1:], "expected {"},
		{`{"__metadata__":{"stheno.step":"3"},` + good[1:], "keys of Stheno"},
		{headerStart + "0", "not JSON"},
	} {
		_, err := loadBytes(t, foreign(c.header, 1, 2))
		if c.header == headerStart+"0" {
			require.ErrorIs(t, err, ErrCorrupt)
			continue
		}
		require.ErrorIs(t, err, ErrCorrupt, "%s", c.header)
		require.ErrorContains(t, err, c.what, "%s", c.header)
	}
}

// A header cannot make the reader take more memory than the file has.
func TestHostileSizes(t *testing.T) {
	for _, n := range []uint64{1 << 63, 1<<64 - 1, 1 << 40, maxHeader, maxHeader + 1, 3} {
		b := binary.LittleEndian.AppendUint64(nil, n)
		_, err := loadBytes(t, append(b, "{}"...))
		require.ErrorIs(t, err, ErrCorrupt, "%d", n)
	}
	for _, shape := range []string{"1099511627776", "4294967296,4294967296", "9223372036854775807"} {
		header := fmt.Sprintf(`{"a":{"dtype":"F32","shape":[%s],"data_offsets":[0,4398046511104]}}`, shape)
		_, err := loadBytes(t, foreign(header, 1, 2, 3, 4))
		require.ErrorIs(t, err, ErrCorrupt, "%s", shape)
	}
	// A size that overflows to 0 is not 0.
	_, err := loadBytes(t, foreign(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`))
	require.ErrorIs(t, err, ErrCorrupt)
	// Empty, whatever the other axes.
	got, err := loadBytes(t, foreign(`{"a":{"dtype":"F32","shape":[9223372036854775807,0,9223372036854775807],"data_offsets":[0,0]}}`))
	require.NoError(t, err)
	require.Equal(t, tensor.Shape{1<<63 - 1, 0, 1<<63 - 1}, got.Tensors["a"].Shape())
}

func TestBytesOf(t *testing.T) {
	for _, c := range []struct {
		shape tensor.Shape
		size  int64
		want  int64 // -1 when there is none
	}{
		{nil, 8, 8}, {tensor.Shape{2, 3}, 4, 24}, {tensor.Shape{0, -1}, 4, 0}, {tensor.Shape{-1}, 4, -1}, {tensor.Shape{-1, -1}, 1, -1},
		{tensor.Shape{1 << 32, 1 << 32}, 1, -1}, {tensor.Shape{1 << 62}, 2, -1}, {tensor.Shape{1 << 62}, 1, 1 << 62}, {tensor.Shape{1<<62 + 1}, 1, -1},
	} {
		n, ok := bytesOf(c.shape, c.size)
		if !ok {
			n = -1
		}
		require.Equal(t, c.want, n, "%v", c.shape)
	}
}

func TestBoolsAreZeroOrOne(t *testing.T) {
	_, err := loadBytes(t, foreign(`{"a":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}}`, 1, 0, 2))
	require.ErrorIs(t, err, ErrCorrupt)
	require.ErrorContains(t, err, `tensor "a" has byte 2 at element 2`)
}

func TestUnsupportedDtype(t *testing.T) {
	_, err := loadBytes(t, foreign(`{"half":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}`, 1, 2))
	require.NotErrorIs(t, err, ErrCorrupt)
	for _, text := range []string{`"half"`, "F16", "float32"} {
		require.ErrorContains(t, err, text)
	}
}

// reseal gives an edited header of ours its right checksum: someone did it on purpose.
func reseal(content []byte, old, new string) []byte {
	n := binary.LittleEndian.Uint64(content)
	text := strings.Replace(string(content[8:8+n]), old, new, 1)
	b := append(foreign(text), content[8+n:]...)
	copy(b[8+len(headerStart):], noCRC)
	copy(b[8+len(headerStart):], crcText(crc32.Checksum(b[:8+len(text)], castagnoli)))
	return b
}

func TestOwnMetadataIsChecked(t *testing.T) {
	content, want := tiny(t)
	got, err := loadBytes(t, reseal(content, "", ""))
	require.NoError(t, err)
	requireEqual(t, &want, got)
	for _, c := range []struct{ old, new, what string }{
		{`"stheno.format":"1"`, `"stheno.format":"2"`, "newer version"},
		{`"stheno.format":"1"`, `"stheno.format":"x"`, "expected a number from 1"},
		{`"stheno.format":"1",`, ``, "expected a number from 1"},
		{`"stheno.step":"3"`, `"stheno.step":"-3"`, "expected a number from 0"},
		{`"stheno.step":"3",`, ``, "expected a number from 0"},
		{`"stheno.crc32c":"`, `"stheno.crc32c":"00000000 `, "has 5 checksums, the file has 4 tensors"},
		{`"stheno.crc32c":"`, `"stheno.crc32c":"0`, "expected 8 hexadecimal digits"},
		{`"stheno.int":"[\"count\"]"`, `"stheno.int":"["`, "stheno.int"},
		{`"stheno.int":"[\"count\"]"`, `"stheno.int":"[\"w\"]"`, "expected I64"},
	} {
		_, err := loadBytes(t, reseal(content, c.old, c.new))
		require.ErrorIs(t, err, ErrCorrupt, "%s", c.new)
		require.ErrorContains(t, err, c.what)
	}
}
