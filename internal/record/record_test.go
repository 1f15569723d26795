package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// The check value of crc32c (of "123456789": e3069283) with TensorFlow's mask.
func TestChecksum(t *testing.T) {
	require.Equal(t, uint32(0xc78ab0e5), Checksum([]byte("123456789")))
}

// A record by hand: TensorFlow's frame around "abc".
func TestFrame(t *testing.T) {
	got := Append(nil, []byte("abc"))
	require.Len(t, got, 3+Overhead)
	want := binary.LittleEndian.AppendUint64(nil, 3)
	want = binary.LittleEndian.AppendUint32(want, Checksum(want))
	want = append(want, "abc"...)
	want = binary.LittleEndian.AppendUint32(want, Checksum([]byte("abc")))
	require.Equal(t, want, got)
}

func readAll(r io.Reader) (records []string, err error) {
	reader := NewReader(r)
	for {
		data, err := reader.Next()
		if err != nil {
			if _, again := reader.Next(); again != err {
				return records, errors.New("the second error differs from the first")
			}
			return records, err
		}
		records = append(records, string(data))
	}
}

func file(records ...string) (b []byte) {
	for _, r := range records {
		b = Append(b, []byte(r))
	}
	return b
}

func TestReadBack(t *testing.T) {
	want := []string{"first", "", "the third", strings.Repeat("long", chunk), "last"}
	b := file(want...)
	for name, r := range map[string]io.Reader{
		"whole":        bytes.NewReader(b),
		"half reads":   iotest.HalfReader(bytes.NewReader(b)),
		"data and EOF": iotest.DataErrReader(bytes.NewReader(b)),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readAll(r)
			require.Equal(t, io.EOF, err)
			require.Equal(t, want, got)
		})
	}
}

// Cut anywhere, a file gives the records before the cut and says that it is cut,
// unless the cut is between two records.
func TestCutAnywhere(t *testing.T) {
	records := []string{"one", "", "three"}
	b := file(records...)
	ends := map[int]int{0: 0, 3 + Overhead: 1, 3 + 2*Overhead: 2, len(b): 3}
	whole := 0
	for cut := 0; cut <= len(b); cut++ {
		n, between := ends[cut]
		if between {
			whole = n
		}
		got, err := readAll(bytes.NewReader(b[:cut]))
		if between {
			require.Equal(t, io.EOF, err, "cut at %d", cut)
		} else {
			require.Equal(t, io.ErrUnexpectedEOF, err, "cut at %d", cut)
		}
		require.Equal(t, records[:whole], append([]string{}, got...), "cut at %d", cut)
	}
}

// No flipped bit goes unseen, and the error names the record's place.
func TestFlippedBits(t *testing.T) {
	b := file("one", "two")
	second := 3 + Overhead
	for bit := range 8 * len(b) {
		damaged := bytes.Clone(b)
		damaged[bit/8] ^= 1 << (bit % 8)
		got, err := readAll(bytes.NewReader(damaged))
		var corrupt *CorruptError
		require.ErrorAs(t, err, &corrupt, "bit %d", bit)
		if bit/8 < second {
			require.Empty(t, got)
			require.Zero(t, corrupt.Offset)
		} else {
			require.Equal(t, []string{"one"}, got)
			require.EqualValues(t, second, corrupt.Offset)
			require.ErrorContains(t, err, "at byte 19: the checksum of its ")
		}
	}
}

func TestZerosAtTheEnd(t *testing.T) {
	got, err := readAll(bytes.NewReader(append(file("one"), make([]byte, 10_000)...)))
	require.Equal(t, io.ErrUnexpectedEOF, err)
	require.Equal(t, []string{"one"}, got)
	_, err = readAll(bytes.NewReader(append(append(file("one"), make([]byte, 10_000)...), 1)))
	require.ErrorContains(t, err, "corrupt record at byte 19")
}

func TestLyingLength(t *testing.T) {
	b := binary.LittleEndian.AppendUint64(nil, 1<<62)
	b = binary.LittleEndian.AppendUint32(b, Checksum(b))
	_, err := readAll(bytes.NewReader(append(b, "few bytes"...)))
	require.Equal(t, io.ErrUnexpectedEOF, err)
}

func TestErrorsOfTheReader(t *testing.T) {
	broken := errors.New("broken")
	for _, n := range []int{0, 5, 12, 14, 17} {
		r := io.MultiReader(bytes.NewReader(file("one")[:n]), iotest.ErrReader(broken))
		_, err := readAll(r)
		require.ErrorIs(t, err, broken, "after %d bytes", n)
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	b, data := make([]byte, 0, 100), []byte("data")
	require.Zero(t, testing.AllocsPerRun(100, func() { b = Append(b[:0], data) }))
}

func FuzzReader(f *testing.F) {
	f.Add(file("one", "", "three"))
	f.Add(file("one")[:10])
	f.Add(make([]byte, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		records, err := readAll(bytes.NewReader(b))
		require.Error(t, err)
		again := file(records...)
		require.True(t, bytes.HasPrefix(b, again), "what was read is what is there")
		if err == io.EOF {
			require.Len(t, b, len(again))
		}
	})
}
