package hooks_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/hooks/hookstest"
	"github.com/stheno-ml/stheno/ops"
)

// record makes steps whose losses are given.
func record(t *testing.T, h *hooks.History, first int64, losses ...float64) {
	t.Helper()
	for i, loss := range losses {
		step := first + int64(i)
		_, err := h.StepBegin(step)
		require.NoError(t, err)
		_, err = h.StepEnd(step, hooks.NewOutputs(loss, nil, nil))
		require.NoError(t, err)
	}
}

func newHistory(t *testing.T, opts ...hooks.HistoryOption) *hooks.History {
	t.Helper()
	h := hooks.NewHistory(opts...)
	require.NoError(t, h.Begin(nil))
	return h
}

// small is a run of four steps with two evaluations.
func small(t *testing.T) *hooks.History {
	h := newHistory(t)
	record(t, h, 1, 4, 3)
	require.NoError(t, h.Evaluated(2, "", hooks.Metrics{"loss": 3.5, "auc": 0.5, "global_step": 2, "confusion/0/1": 7, "precision/class_a": 0.25}))
	record(t, h, 3, math.NaN(), 1)
	require.NoError(t, h.Evaluated(4, "", hooks.Metrics{"loss": 1.5, "auc": 0.75, "global_step": 4}))
	require.NoError(t, h.Evaluated(4, "big, <test>", hooks.Metrics{"loss": 2}))
	return h
}

func TestHistoryOfARun(t *testing.T) {
	l, err := hookstest.NewLoop(t.TempDir())
	require.NoError(t, err)
	defer l.Close()
	l.Steps = 4
	h := hooks.NewHistory(hooks.HistoryNodes(graph.Nodes{"twice": ops.Add(l.Graph, l.Loss, l.Loss)}))
	require.NoError(t, l.Run(h))
	curves := h.Curves()
	require.Len(t, curves, 2)
	for i, c := range curves {
		require.Equal(t, []string{"loss", "twice"}[i], c.Label())
		require.Equal(t, []int64{1, 2, 3, 4}, c.Steps)
		for k, v := range c.Values {
			require.InDelta(t, float64(i+1)/float64(k+1), v, 1e-6)
		}
	}
}

func TestHistoryIsReadable(t *testing.T) {
	h := small(t)
	require.Equal(t, `curve                   points  steps   first  last  lowest     highest
loss                    4       1 to 4  4      1     1 at 4     4 at 1
big, <test>/loss        1       4 to 4  2      2     2 at 4     2 at 4
eval/loss               2       2 to 4  3.5    1.5   1.5 at 4   3.5 at 2
eval/auc                2       2 to 4  0.5    0.75  0.5 at 2   0.75 at 4
eval/precision/class_a  1       2 to 2  0.25   0.25  0.25 at 2  0.25 at 2
`, h.String())
	require.Contains(t, h.HTML(), "<td>big, &lt;test&gt;/loss</td>")
	require.Contains(t, h.HTML(), "<svg")
	require.Equal(t, "curve  points  steps  first  last  lowest  highest\n", hooks.NewHistory().String())
	empty := newHistory(t)
	record(t, empty, 1, math.NaN())
	require.Contains(t, empty.String(), "none")
	require.Contains(t, hooks.NewHistory().SVG(), "nothing is recorded yet")
}

func TestHistoryCSV(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, small(t).CSV(&b))
	require.Equal(t, `step,loss,"big, <test>/loss",eval/loss,eval/auc,eval/precision/class_a
1,4,,,,
2,3,,3.5,0.5,0.25
3,NaN,,,,
4,1,2,1.5,0.75,
`, b.String())
	rows, err := csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 5)
}

func TestHistoryJSONL(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, small(t).JSONL(&b))
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	require.Equal(t, []string{
		`{"step":1,"loss":4}`,
		`{"step":2,"loss":3,"eval/loss":3.5,"eval/auc":0.5,"eval/precision/class_a":0.25}`,
		`{"step":3,"loss":null}`,
		`{"step":4,"loss":1,"big, \u003ctest\u003e/loss":2,"eval/loss":1.5,"eval/auc":0.75}`,
	}, lines)
	for _, line := range lines {
		require.True(t, json.Valid([]byte(line)))
	}
}

func TestHistorySVG(t *testing.T) {
	h := small(t)
	for name, svg := range map[string]string{"linear": h.SVG(), "logarithmic": h.SVG(hooks.LogScale())} {
		require.NoError(t, xml.Unmarshal([]byte(svg), &struct{}{}), name)
		for _, title := range []string{">loss<", ">auc<", ">precision/class_a<", ">training<", ">eval<", ">big, &lt;test&gt;<"} {
			require.Contains(t, svg, title, name)
		}
	}
	require.NotEqual(t, h.SVG(), h.SVG(hooks.LogScale()))
	only := h.SVG(hooks.OnlyCurves("auc"))
	require.Contains(t, only, ">auc<")
	require.NotContains(t, only, ">loss<")
}

// fails is a writer without room.
type fails struct{}

func (fails) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestHistoryReportsWhatCannotBeWritten(t *testing.T) {
	require.ErrorIs(t, small(t).CSV(fails{}), io.ErrShortWrite)
	require.ErrorIs(t, small(t).JSONL(fails{}), io.ErrShortWrite)
}

// However long a run is, its curves are bounded, cover all of it, and hold values of the
// run at even distances, the newest last.
func TestHistoryIsBounded(t *testing.T) {
	const limit = 10
	for n := int64(1); n <= 300; n++ {
		h := newHistory(t, hooks.HistoryPoints(limit))
		for step := int64(1); step <= n; step++ {
			record(t, h, step, float64(step)*10)
		}
		c := h.Curves()[0]
		require.LessOrEqual(t, len(c.Steps), limit)
		require.GreaterOrEqual(t, len(c.Steps), int(min(n, limit/2)))
		require.EqualValues(t, 1, c.Steps[0])
		require.Equal(t, n, c.Steps[len(c.Steps)-1])
		for i, step := range c.Steps {
			require.Equal(t, float64(step)*10, c.Values[i])
			if i > 1 && i < len(c.Steps)-1 {
				require.Equal(t, c.Steps[1]-c.Steps[0], step-c.Steps[i-1], "%v", c.Steps)
			}
		}
	}
}

func TestHistoryEvery(t *testing.T) {
	h := newHistory(t, hooks.HistoryEvery(3))
	record(t, h, 1, 1, 2, 3, 4, 5, 6, 7)
	require.Equal(t, []int64{3, 6}, h.Curves()[0].Steps)
}

// A run that is interrupted at any step and goes on has the curves of one that is not.
func TestHistoryGoesOn(t *testing.T) {
	losses := make([]float64, 50)
	for i := range losses {
		losses[i] = 1 / float64(i+3)
	}
	losses[17] = math.NaN()
	whole := newHistory(t, hooks.HistoryPoints(8))
	record(t, whole, 1, losses...)
	require.NoError(t, whole.Evaluated(50, "v", hooks.Metrics{"loss": 0.1}))
	var want bytes.Buffer
	require.NoError(t, whole.CSV(&want))
	for stop := range losses {
		first := newHistory(t, hooks.HistoryPoints(8))
		record(t, first, 1, losses[:stop]...)
		state, err := first.State()
		require.NoError(t, err)
		record(t, first, int64(stop)+1, 1e9) // a step that is lost
		for _, second := range []*hooks.History{hooks.NewHistory(hooks.HistoryPoints(8)), first} {
			require.NoError(t, second.SetState(state))
			require.NoError(t, second.Begin(nil))
			record(t, second, int64(stop)+1, losses[stop:]...)
			require.NoError(t, second.Evaluated(50, "v", hooks.Metrics{"loss": 0.7}))
			require.NoError(t, second.Evaluated(50, "v", hooks.Metrics{"loss": 0.1}), "once more at the same step")
			var got bytes.Buffer
			require.NoError(t, second.CSV(&got))
			require.Equal(t, want.String(), got.String(), "stopped after %d", stop)
		}
	}
	// A fresh run of the same monitor begins anew.
	require.NoError(t, whole.Begin(nil))
	require.Empty(t, whole.Curves())
}

func TestHistoryRejectsBadArguments(t *testing.T) {
	g := graph.New()
	vector := g.Placeholder("v", tensor.Float32, 3)
	scalar := g.Placeholder("s", tensor.Float32)
	for want, h := range map[string]*hooks.History{
		"HistoryEvery: 0":       hooks.NewHistory(hooks.HistoryEvery(0)),
		"HistoryPoints: 1":      hooks.NewHistory(hooks.HistoryPoints(1)),
		`node "a" is nil`:       hooks.NewHistory(hooks.HistoryNodes(graph.Nodes{"a": nil})),
		`has shape (3)`:         hooks.NewHistory(hooks.HistoryNodes(graph.Nodes{"a": vector})),
		`"loss" is the loss of`: hooks.NewHistory(hooks.HistoryNodes(graph.Nodes{"loss": scalar})),
	} {
		require.ErrorContains(t, h.Validate(), want)
		require.ErrorContains(t, h.Begin(nil), want)
	}
	h := hooks.NewHistory()
	for _, state := range []string{"x", `[{"Name":"loss","Steps":[1],"Values":[],"Stride":1}]`, `[{"Name":"loss","Steps":[],"Values":[],"Stride":0}]`} {
		require.ErrorContains(t, h.SetState([]byte(state)), "the state", state)
	}
	_, err := newHistory(t, hooks.HistoryNodes(graph.Nodes{"s": scalar})).StepEnd(1, hooks.NewOutputs(1, nil, nil))
	require.NoError(t, err, "no step was begun")
	asked := newHistory(t, hooks.HistoryNodes(graph.Nodes{"s": scalar}))
	_, err = asked.StepBegin(1)
	require.NoError(t, err)
	_, err = asked.StepEnd(1, hooks.NewOutputs(1, nil, nil))
	require.ErrorContains(t, err, `node "s" is not among the outputs`)
	_, err = asked.StepEnd(1, hooks.NewOutputs(1, gorgonia.Nodes{scalar}, []gorgonia.Value{nil}))
	require.NoError(t, err, "a step whose updates were not made")
	require.False(t, errors.Is(err, hooks.ErrNotComputed))
}

// It may be read while the run goes on.
func TestHistoryIsReadBesideTheRun(t *testing.T) {
	h := newHistory(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 100 {
			_ = h.SVG()
			_ = h.String()
		}
	})
	for step := int64(1); step <= 500; step++ {
		record(t, h, step, 1)
	}
	wg.Wait()
	require.Len(t, h.Curves()[0].Steps, 500)
}

func TestHistoryConforms(t *testing.T) {
	hookstest.Run(t, func() hooks.Monitor { return hooks.NewHistory() })
}
