package summaries

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

func newWriter(t *testing.T, opts ...Option) *Writer {
	t.Helper()
	w, err := NewWriter(t.TempDir(), opts...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// inFile returns how many events a reader sees, the version's not counted.
func inFile(t *testing.T, w *Writer) int {
	t.Helper()
	events, err := ReadFile(w.Path())
	require.NoError(t, err)
	require.Equal(t, FileVersion, events[0].FileVersion)
	return len(events) - 1
}

func TestFileName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on the way")
	before := time.Now().Unix()
	w, err := NewWriter(dir)
	require.NoError(t, err)
	require.Zero(t, inFile(t, w), "the version is there at once")
	require.Equal(t, dir, w.Dir())
	parts := regexp.MustCompile(`^events\.out\.tfevents\.(\d{10})\.(.+)\.(\d+)\.\d+$`).FindStringSubmatch(filepath.Base(w.Path()))
	require.NotNil(t, parts, w.Path())
	require.GreaterOrEqual(t, parts[1], fmt.Sprintf("%010d", before))
	host, err := os.Hostname()
	require.NoError(t, err)
	require.Equal(t, host, parts[2])
	require.Equal(t, fmt.Sprint(os.Getpid()), parts[3])
	require.NoError(t, w.Close())
}

// Files are read in the order of their names, so that must be the order in which they
// were begun, also beyond the ninth of a second.
func TestNamesAscend(t *testing.T) {
	dir, last := t.TempDir(), ""
	for range 120 {
		w, err := NewWriter(dir)
		require.NoError(t, err)
		require.Greater(t, w.Path(), last)
		last = w.Path()
		require.NoError(t, w.Close())
	}
}

func TestNameAfter(t *testing.T) {
	plain := func(seconds, counter int64) string { return fileName(seconds, counter) }
	for name, c := range map[string]struct{ last, want string }{
		"the first":                 {"", plain(1000, 5)},
		"an older one":              {plain(999, 7), plain(1000, 5)},
		"one of this second":        {plain(1000, 4), plain(1000, 5)},
		"one that sorts after":      {plain(1000, 9), plain(1001, 5)},
		"the clock was set back":    {plain(2000, 4), plain(2000, 5)},
		"back, and sorts after":     {plain(2000, 9), plain(2001, 5)},
		"another host":              {"events.out.tfevents.0000001000.~.1.0", plain(1001, 5)},
		"of another program":        {"x.tfevents", plain(1000, 5)},
		"of another program, older": {"a.tfevents", plain(1000, 5)},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, nameAfter(c.last, 1000, 5)) })
	}
}

func TestBuffering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWriter(t, FlushEvery(10*time.Second))
		write := func() { require.NoError(t, w.Scalar("a", 1, 1)) }
		write()
		require.Equal(t, 1, inFile(t, w), "the first event does not wait")
		write()
		time.Sleep(9 * time.Second)
		write()
		require.Equal(t, 1, inFile(t, w))
		require.NoError(t, w.Flush())
		require.Equal(t, 3, inFile(t, w))
		write()
		require.Equal(t, 3, inFile(t, w))
		time.Sleep(time.Second)
		write()
		require.Equal(t, 5, inFile(t, w), "ten seconds have passed")
		write()
		require.Equal(t, 5, inFile(t, w))
		require.NoError(t, w.Close())
		require.Equal(t, 6, inFile(t, w))
	})
}

func TestBufferIsBounded(t *testing.T) {
	w := newWriter(t, FlushEvery(time.Hour), BufferSize(1000))
	for i := range 1000 {
		require.NoError(t, w.Scalar("a", 1, int64(i)))
		require.Less(t, len(w.buf), 1000)
	}
	require.Greater(t, inFile(t, w), 900)
	big := tensor.New(tensor.WithBacking(tensor.Range(tensor.Float64, 0, 100_000)))
	require.NoError(t, w.Histogram("h", big, 1))
	require.NoError(t, w.Flush())
	require.LessOrEqual(t, cap(w.buf), 4*defaultBufferSize)
}

func TestWriteThrough(t *testing.T) {
	for name, option := range map[string]Option{"FlushEvery": FlushEvery(0), "BufferSize": BufferSize(0)} {
		w := newWriter(t, option)
		for i := range 3 {
			require.NoError(t, w.Scalar("a", 1, 1))
			require.Equal(t, i+1, inFile(t, w), name)
		}
	}
}

func TestScalarValues(t *testing.T) {
	w := newWriter(t)
	want := []float64{0, math.Copysign(0, -1), 0.1, -3, math.NaN(), math.Inf(1), math.Inf(-1), 1e300}
	steps := []int64{0, 1, 2, 127, 128, -5, math.MaxInt64, math.MinInt64}
	for i := range want {
		require.NoError(t, w.Scalar("x", want[i], steps[i]))
	}
	require.NoError(t, w.Close())
	gotSteps, got, err := Scalars(w.Dir(), "x")
	require.NoError(t, err)
	require.Equal(t, steps, gotSteps)
	for i := range want {
		require.Equal(t, math.Float32bits(float32(want[i])), math.Float32bits(float32(got[i])), "%v", want[i])
	}
}

func TestScalarsIsOneEvent(t *testing.T) {
	w := newWriter(t)
	require.NoError(t, w.Scalars(nil, 1))
	require.NoError(t, w.Scalars(map[string]float64{"b": 2, "c": 3, "a": 1}, 7))
	require.NoError(t, w.Scalars(map[string]float64{"only": 4}, 8))
	require.NoError(t, w.Flush())
	events, err := ReadFile(w.Path())
	require.NoError(t, err)
	require.Len(t, events, 3)
	require.Equal(t, []Value{{Tag: "a", Plugin: "scalars", Scalar: 1}, {Tag: "b", Plugin: "scalars", Scalar: 2}, {Tag: "c", Plugin: "scalars", Scalar: 3}}, events[1].Values)
	require.Len(t, events[2].Values, 1)
}

// Bad arguments are errors that name them, and the writer works on.
func TestBadArguments(t *testing.T) {
	w := newWriter(t)
	vector := tensor.New(tensor.WithBacking([]float32{1, float32(math.NaN()), 3, float32(math.Inf(-1)), float32(math.NaN())}))
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"Scalar, empty tag":       {w.Scalar("", 1, 1), "the tag is empty"},
		"Scalar, tag not UTF-8":   {w.Scalar("a\xff", 1, 1), `tag "a\xff" is not valid UTF-8`},
		"Scalars, one empty tag":  {w.Scalars(map[string]float64{"a": 1, "": 2}, 1), "the tag is empty"},
		"Histogram, empty tag":    {w.Histogram("", vector, 1), "the tag is empty"},
		"Histogram, nil":          {w.Histogram("h", nil, 1), `histogram "h": the tensor is nil`},
		"Histogram, zero value":   {w.Histogram("h", &tensor.Dense{}, 1), "has no dtype"},
		"Histogram, not finite":   {w.Histogram("h", vector, 1), `histogram "h": 2 of the 5 elements are NaN and 1 are infinite (the first at 1 is NaN), want finite numbers`},
		"Histogram, infinite":     {w.Histogram("h", tensor.New(tensor.WithBacking([]float64{1, 2, math.Inf(1)})), 1), "0 of the 3 elements are NaN and 1 are infinite (the first at 2 is +Inf)"},
		"Histogram, dtype":        {w.Histogram("h", tensor.New(tensor.WithBacking([]bool{true})), 1), `histogram "h": the tensor's dtype is bool, want float32`},
		"Histogram, string":       {w.Histogram("h", tensor.New(tensor.WithBacking([]string{"a"})), 1), "dtype is string"},
		"SessionLog, status":      {w.SessionLog(4, 1, "", ""), "session status is 4, want SessionStart"},
		"Graph, no name":          {w.Graph(GraphDef{Nodes: []NodeDef{{Op: "Add"}}}), `node 0 (op "Add") has no name`},
		"Graph, a name twice":     {w.Graph(GraphDef{Nodes: []NodeDef{{Name: "a"}, {Name: "a"}}}), `two nodes are named "a"`},
		"Graph, unknown input":    {w.Graph(GraphDef{Nodes: []NodeDef{{Name: "a", Inputs: []string{"b"}}}}), `input "b" of node "a" is no node`},
		"Graph, unknown output":   {w.Graph(GraphDef{Nodes: []NodeDef{{Name: "a", Inputs: []string{"b:1"}}}}), `input "b:1" of node "a" is no node`},
		"Graph, unknown control":  {w.Graph(GraphDef{Nodes: []NodeDef{{Name: "a", Inputs: []string{"^b"}}}}), `input "^b" of node "a" is no node`},
		"zero Writer":             {new(Writer).Scalar("a", 1, 1), "not made by NewWriter"},
		"NewWriter, empty dir":    {second(NewWriter("")), "the directory is empty"},
		"Open, empty dir":         {second(Open("")), "the directory is empty"},
		"NewWriter, nil option":   {second(NewWriter(t.TempDir(), nil)), "nil option"},
		"NewWriter, FlushEvery":   {second(NewWriter(t.TempDir(), FlushEvery(-1))), "FlushEvery is -1ns"},
		"NewWriter, BufferSize":   {second(NewWriter(t.TempDir(), BufferSize(-1))), "BufferSize is -1"},
		"NewWriter, dir is file":  {second(NewWriter(w.Path())), w.Path()},
		"Open, dir is file":       {second(Open(w.Path())), w.Path()},
		"ReadFile, missing":       {second(ReadFile("missing")), "missing"},
		"ReadDir, missing":        {second(ReadDir("missing")), "missing"},
		"ReadDir, dir is no dir":  {second(ReadDir(w.Path())), w.Path()},
		"ReadDir, dir is nothing": {second(ReadDir("")), ""},
	} {
		require.ErrorContains(t, c.err, c.want, name)
		require.ErrorContains(t, c.err, "summaries: ", name)
	}
	require.NoError(t, new(Writer).Close())
	require.NoError(t, w.Scalar("a", 1, 1))
	require.NoError(t, w.Flush())
	require.Equal(t, 1, inFile(t, w), "nothing of a refused event was written")
}

func second[T any](_ T, err error) error { return err }

func TestClose(t *testing.T) {
	w := newWriter(t)
	require.NoError(t, w.Scalar("a", 1, 1))
	require.NoError(t, w.Scalar("a", 2, 2))
	require.NoError(t, w.Close())
	require.Equal(t, 2, inFile(t, w))
	require.NoError(t, w.Close(), "again")
	for name, err := range map[string]error{
		"Scalar": w.Scalar("a", 3, 3), "Scalars": w.Scalars(map[string]float64{"a": 1}, 3), "Graph": w.Graph(GraphDef{}),
		"Histogram": w.Histogram("h", tensor.New(tensor.WithBacking([]float32{1})), 3), "SessionLog": w.SessionLog(SessionStop, 3, "", ""), "Flush": w.Flush(),
	} {
		require.ErrorIs(t, err, fs.ErrClosed, name)
		require.ErrorContains(t, err, w.Path(), name)
	}
	require.Equal(t, 2, inFile(t, w))
}

// brokenFile writes some bytes and then fails.
type brokenFile struct {
	file
	left                 int
	err, syncErr, closed error
}

func (f *brokenFile) Write(b []byte) (int, error) {
	if len(b) <= f.left {
		f.left -= len(b)
		return f.file.Write(b)
	}
	n, _ := f.file.Write(b[:f.left])
	f.left = 0
	return n, f.err
}

func (f *brokenFile) Sync() error { return errors.Join(f.syncErr, f.file.Sync()) }

func (f *brokenFile) Close() error { return errors.Join(f.closed, f.file.Close()) }

func TestDiskError(t *testing.T) {
	full := errors.New("no space left")
	w := newWriter(t, FlushEvery(0))
	broken := &brokenFile{file: w.file, left: 100, err: full}
	w.file = broken
	require.NoError(t, w.Scalar("a", 1, 1))
	require.NoError(t, w.Scalar("a", 2, 2))
	err := w.Scalar("a", 3, 3)
	require.ErrorIs(t, err, full)
	require.ErrorContains(t, err, w.Path())
	broken.left = 1000 // there is room again, but half a record lies in the file
	for name, later := range map[string]error{
		"Scalar": w.Scalar("a", 4, 4), "Scalars": w.Scalars(map[string]float64{"a": 1}, 4), "Flush": w.Flush(), "SessionLog": w.SessionLog(SessionStop, 4, "", ""),
		"Graph": w.Graph(GraphDef{}), "Histogram": w.Histogram("h", nil, 4), "Close": w.Close(), "second Close": w.Close(),
	} {
		require.Equal(t, err, later, name)
	}
	_, values, err := Scalars(w.Dir(), "a")
	require.NoError(t, err, "the file is whole up to the torn record")
	require.Equal(t, []float64{1, 2}, values)
}

func TestCloseReportsWhatFails(t *testing.T) {
	for name, broken := range map[string]*brokenFile{
		"the write": {err: errors.New("boom")}, "the sync": {left: 1000, syncErr: errors.New("boom")}, "the close": {left: 1000, closed: errors.New("boom")},
		"the first of all": {err: errors.New("boom"), syncErr: errors.New("sync"), closed: errors.New("close")},
	} {
		w := newWriter(t, FlushEvery(time.Hour))
		w.flushed = time.Now()
		broken.file, w.file = w.file, broken
		require.NoError(t, w.Scalar("a", 1, 1))
		err := w.Close()
		require.ErrorContains(t, err, "boom", name)
		require.ErrorContains(t, err, w.Path(), name)
		require.Equal(t, err, w.Close(), name)
	}
}

func TestStatusNames(t *testing.T) {
	require.Equal(t, "START STOP CHECKPOINT SessionStatus(0)", fmt.Sprint(SessionStart, " ", SessionStop, " ", SessionCheckpoint, " ", SessionStatus(0)))
}

func TestConcurrentUse(t *testing.T) {
	w := newWriter(t, BufferSize(500))
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for step := range int64(100) {
				if err := w.Scalar(fmt.Sprint(i), float64(step), step); err != nil {
					t.Error(err)
				}
			}
			if err := w.Histogram("h", tensor.New(tensor.WithBacking([]float32{1, 2})), 1); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.NoError(t, w.Close())
	require.Equal(t, 808, inFile(t, w))
	for i := range 8 {
		steps, _, err := Scalars(w.Dir(), fmt.Sprint(i))
		require.NoError(t, err)
		require.Len(t, steps, 100)
		require.IsIncreasing(t, steps)
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	w := newWriter(t)
	values := map[string]float64{"loss": 1, "accuracy": 2, "a/tag/of/some/length/to/make/the/message/longer/than/127/bytes/because/then/it/is/moved": 3}
	kernel := tensor.New(tensor.WithBacking(tensor.Range(tensor.Float32, 0, 1000)))
	for name, f := range map[string]func() error{
		"Scalar":    func() error { return w.Scalar("loss", 0.5, 7) },
		"Scalars":   func() error { return w.Scalars(values, 7) },
		"Histogram": func() error { return w.Histogram("kernel", kernel, 7) },
	} {
		allocs := testing.AllocsPerRun(1000, func() {
			if err := f(); err != nil {
				t.Error(err)
			}
		})
		require.Zero(t, allocs, name)
	}
}
