package summaries

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/internal/record"
)

// goldenBytes is a whole event file and the places where its records begin.
func goldenBytes(t testing.TB) (b []byte, starts []int) {
	t.Helper()
	b, err := os.ReadFile("testdata/golden.tfevents")
	require.NoError(t, err)
	records := record.NewReader(bytes.NewReader(b))
	for {
		at := records.Offset()
		if _, err := records.Next(); err != nil {
			return b, starts
		}
		starts = append(starts, int(at))
	}
}

// The corruption table of docs/format/events.md.
func TestCorruption(t *testing.T) {
	good, starts := goldenBytes(t)
	cut := func(n int) []byte { return bytes.Clone(good[:n]) }
	flip := func(at int) []byte { b := bytes.Clone(good); b[at] ^= 4; return b }
	last := len(starts) - 1
	for name, c := range map[string]struct {
		file   []byte
		events int
		err    string // "" when the damage is the end of the file
	}{
		"empty file":                      {nil, 0, ""},
		"cut within the first header":     {cut(5), 0, ""},
		"cut within a header":             {cut(starts[3] + 11), 3, ""},
		"cut within the data":             {cut(starts[3] + 20), 3, ""},
		"cut within the last checksum":    {cut(len(good) - 1), last, ""},
		"cut between two records":         {cut(starts[3]), 3, ""},
		"zeros at the end":                {append(cut(starts[3]), make([]byte, 5000)...), 3, ""},
		"a bit of a length":               {flip(starts[3]), 3, "corrupt record at byte 339: the checksum of its length"},
		"a bit of a length's checksum":    {flip(starts[3] + 8), 3, "at byte 339: the checksum of its length"},
		"a bit of the data":               {flip(starts[3] + 15), 3, "at byte 339: the checksum of its"},
		"a bit of the data's checksum":    {flip(starts[4] - 1), 3, "at byte 339: the checksum of its"},
		"a bit of the last record":        {flip(len(good) - 6), last, "the checksum of its"},
		"text":                            {[]byte("this is no event file, but text"), 0, "at byte 0: the checksum of its length"},
		"zeros, then more":                {append(append(cut(starts[3]), make([]byte, 500)...), 1), 3, "at byte 339: the checksum of its length"},
		"a whole record that is no event": {record.Append(cut(starts[3]), []byte("\x0a")), 3, "the event at byte 339: protobuf field at byte 0"},
		"a record without data":           {record.Append(cut(starts[3]), nil), 4, ""},
		"a field that is not known":       {record.Append(cut(starts[3]), []byte("\xf8\x01\x07")), 4, ""},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, 339, starts[3], "the golden file's fourth record")
			path := filepath.Join(t.TempDir(), "events.out.tfevents.1")
			require.NoError(t, os.WriteFile(path, c.file, 0o644))
			events, err := ReadFile(path)
			require.Len(t, events, c.events)
			if c.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.err)
			require.ErrorContains(t, err, path)
			more, err := ReadDir(filepath.Dir(path))
			require.Len(t, more, c.events)
			require.ErrorContains(t, err, c.err)
			_, _, err = Scalars(filepath.Dir(path), "loss")
			require.ErrorContains(t, err, c.err)
		})
	}
}

// A damaged message within a good record names the place and the part.
func TestMalformedMessages(t *testing.T) {
	for name, c := range map[string]struct{ event, err string }{
		"session log":      {"\x3a\x01\x08", "session log: protobuf field at byte 0"},
		"summary":          {"\x2a\x01\x08", "summary: protobuf field"},
		"value":            {"\x2a\x06\x0a\x04\x0a\x01a\x15", `summary value "a": protobuf field at byte 3`},
		"histogram":        {"\x2a\x05\x0a\x03\x2a\x01\x09", `histogram: protobuf field`},
		"limits":           {"\x2a\x07\x0a\x05\x2a\x03\x32\x01x", "histogram: field 6: 1 bytes"},
		"uneven histogram": {"\x2a\x0e\x0a\x0c\x2a\x0a\x32\x0812345678", "1 limits and 0 counts"},
		"metadata":         {"\x2a\x05\x0a\x03\x4a\x01\x0a", "metadata: protobuf field"},
		"plugin":           {"\x2a\x07\x0a\x05\x4a\x03\x0a\x01\x0a", "metadata: plugin: protobuf field"},
		"tensor":           {"\x2a\x05\x0a\x03\x42\x01\x0a", "tensor: protobuf field"},
		"tensor's shape":   {"\x2a\x07\x0a\x05\x42\x03\x12\x01\x0a", "tensor: shape: protobuf field"},
		"dimension":        {"\x2a\x09\x0a\x07\x42\x05\x12\x03\x12\x01\x0a", "shape: dimension: protobuf field"},
		"graph":            {"\x22\x01\x0a", "graph: protobuf field"},
		"node":             {"\x22\x06\x0a\x04\x0a\x01n\x0a", `graph: node "n": protobuf field`},
		"attribute":        {"\x22\x05\x0a\x03\x2a\x01\x0a", "attribute: protobuf field"},
		"dtype":            {"\x22\x0e\x0a\x0c\x2a\x0a\x0a\x05dtype\x12\x01\x30", "attribute dtype: protobuf field"},
		"shapes":           {"\x22\x1b\x0a\x19\x2a\x17\x0a\x0e_output_shapes\x12\x05\x0a\x03\x3a\x01\x0a", "attribute _output_shapes: shape: protobuf field"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decodeEvent([]byte(c.event))
			require.ErrorContains(t, err, c.err)
		})
	}
}

func TestReadDir(t *testing.T) {
	dir := t.TempDir()
	events, err := ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, events)
	_, err = ReadDir(filepath.Join(dir, "missing"))
	require.ErrorIs(t, err, fs.ErrNotExist)

	for i := range 3 {
		w, err := NewWriter(dir)
		require.NoError(t, err)
		require.NoError(t, w.Scalar("a", float64(i), int64(i)))
		require.NoError(t, w.Close())
	}
	w, err := NewWriter(filepath.Join(dir, "eval.tfevents"))
	require.NoError(t, err)
	require.NoError(t, w.Scalar("a", 100, 100))
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint"), []byte("no events"), 0o644))

	steps, values, err := Scalars(dir, "a")
	require.NoError(t, err)
	require.Equal(t, []int64{0, 1, 2}, steps)
	require.Equal(t, []float64{0, 1, 2}, values)
	steps, values, err = Scalars(dir, "b")
	require.NoError(t, err)
	require.Empty(t, steps)
	require.Empty(t, values)
	_, _, err = Scalars(filepath.Join(dir, "missing"), "a")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// A run is killed after step 5; it goes on from the checkpoint of step 3.
func TestScalarsAfterARestart(t *testing.T) {
	dir := t.TempDir()
	run := func(restored, from, to int64, value float64) {
		w, err := NewWriter(dir)
		require.NoError(t, err)
		if restored >= 0 {
			require.NoError(t, w.SessionLog(SessionStart, restored, "", ""))
		}
		for step := from; step <= to; step++ {
			require.NoError(t, w.Scalars(map[string]float64{"loss": value, "other": 0}, step))
		}
		require.NoError(t, w.SessionLog(SessionCheckpoint, 1, "nothing is dropped for this", ""))
		require.NoError(t, w.SessionLog(SessionStop, 0, "", "nor for this"))
		require.NoError(t, w.Close())
	}
	run(-1, 1, 5, 1)
	run(3, 4, 6, 2)
	steps, values, err := Scalars(dir, "loss")
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2, 3, 4, 5, 6}, steps)
	require.Equal(t, []float64{1, 1, 1, 2, 2, 2}, values)
	run(0, 1, 1, 3)
	steps, values, err = Scalars(dir, "loss")
	require.NoError(t, err)
	require.Equal(t, []int64{1}, steps)
	require.Equal(t, []float64{3}, values)
}

func FuzzReadFile(f *testing.F) {
	good, starts := goldenBytes(f)
	for i, at := range starts {
		end := len(good)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		f.Add(good[at+12 : end-4])
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		e, err := decodeEvent(event)
		if err != nil {
			return
		}
		// What is read back from what we write of it is the same.
		w := newWriter(t)
		for _, v := range e.Values {
			if v.Plugin == pluginScalars && w.checkTag(v.Tag) == nil && v.Scalar == v.Scalar {
				require.NoError(t, w.Scalar(v.Tag, v.Scalar, e.Step))
				require.NoError(t, w.Flush())
				steps, values, err := Scalars(w.Dir(), v.Tag)
				require.NoError(t, err)
				require.Equal(t, e.Step, steps[len(steps)-1])
				require.Equal(t, float64(float32(v.Scalar)), values[len(values)-1])
			}
		}
		if e.Graph != nil {
			_ = w.Graph(*e.Graph)
		}
	})
}
