package hooks_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/hooks"
)

// progress shows steps 1 to n, a second each with 8 rows, of a run of 200 steps in
// epochs of 50.
func progress(t *testing.T, n int64, lossAt func(step int64) float64, opts ...hooks.ProgressOption) string {
	var b bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		m := hooks.NewProgress(&b, opts...)
		require.NoError(t, m.Begin(&hooks.Run{LastStep: 200, BatchesPerEpoch: 50, Logger: slog.New(&lines{})}))
		for step := int64(1); step <= n; step++ {
			time.Sleep(time.Second)
			stop, err := m.StepEnd(step, hooks.Outputs{Loss: lossAt(step), Rows: 8, Epoch: (step - 1) / 50})
			require.NoError(t, err)
			require.False(t, stop)
		}
		require.NoError(t, m.End(nil))
	})
	return b.String()
}

func falling(step int64) float64 { return 1 / float64(step) }

func TestProgressPlain(t *testing.T) {
	require.Equal(t, ""+
		"step 10/200  epoch 0.20  loss 0.1  8 rows/s  3m10s left\n"+
		"step 20/200  epoch 0.40  loss 0.05  8 rows/s  3m0s left\n"+
		"step 25/200  epoch 0.50  loss 0.04  8 rows/s  2m55s left\n", progress(t, 25, falling))
	require.Equal(t, "step 10/200  epoch 0.20  loss NaN  8 rows/s  3m10s left\n",
		progress(t, 10, func(int64) float64 { return math.NaN() }), "the last step is not shown twice")
	require.Empty(t, progress(t, 0, falling))
	require.Equal(t, 3, strings.Count(progress(t, 3, falling, hooks.ProgressEvery(0)), "\n"), "0 is every step")
	require.Equal(t, 2, strings.Count(progress(t, 12, falling, hooks.ProgressEvery(6*time.Second), nil), "\n"))
}

func TestProgressTerminal(t *testing.T) {
	lossAt := func(step int64) float64 { return []float64{0, 0.12345678, 0.1, 2}[step] }
	require.Equal(t, ""+
		"\rstep 1/200  epoch 0.02  loss 0.1235  8 rows/s  3m19s left"+
		"\rstep 2/200  epoch 0.04  loss 0.1  8 rows/s  3m18s left   "+
		"\rstep 3/200  epoch 0.06  loss 2  8 rows/s  3m17s left  \n", progress(t, 3, lossAt, hooks.ProgressTerminal(true)))
}

// A file is written plainly: only a device is a terminal.
func TestProgressKnowsTerminals(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer f.Close()
	m := hooks.NewProgress(f, hooks.ProgressEvery(0))
	require.NoError(t, m.Begin(&hooks.Run{LastStep: -1, BatchesPerEpoch: -1, Logger: slog.New(&lines{})}))
	_, err = m.StepEnd(3, hooks.Outputs{Loss: 0.5})
	require.NoError(t, err)
	require.NoError(t, m.End(nil))
	text, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.Equal(t, "step 3  loss 0.5\n", string(text))
}

func TestProgressJSON(t *testing.T) {
	for _, opts := range [][]hooks.ProgressOption{
		{hooks.ProgressJSON(), hooks.ProgressEvery(0)},
		{hooks.ProgressJSON(), hooks.ProgressEvery(0), hooks.ProgressTerminal(true)}, // JSON even there
	} {
		text := progress(t, 4, func(step int64) float64 { return []float64{0, 0.5, math.NaN(), math.Inf(1), math.Inf(-1)}[step] }, opts...)
		var got []map[string]any
		scan := bufio.NewScanner(strings.NewReader(text))
		for scan.Scan() {
			var line map[string]any
			require.NoError(t, json.Unmarshal(scan.Bytes(), &line), "every line is an object: %q", scan.Text())
			got = append(got, line)
		}
		require.Len(t, got, 4)
		require.Equal(t, map[string]any{
			"step": 1.0, "last_step": 200.0, "epoch": 0.02, "loss": 0.5, "rows_per_second": 8.0, "steps_per_second": 1.0, "eta_seconds": 199.0,
		}, got[0])
		require.Equal(t, "NaN", got[1]["loss"])
		require.Equal(t, "+Inf", got[2]["loss"])
		require.Equal(t, "-Inf", got[3]["loss"])
	}
}

// A run whose end, epochs and rows are not known, in no time at all.
func TestProgressOfTheUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, row := range []struct {
			opts []hooks.ProgressOption
			want string
		}{
			{nil, "step 7  loss 0.5\n"},
			{[]hooks.ProgressOption{hooks.ProgressJSON()}, `{"step":7,"epoch":2,"loss":0.5}` + "\n"},
		} {
			var b bytes.Buffer
			m := hooks.NewProgress(&b, row.opts...)
			require.NoError(t, m.Begin(&hooks.Run{LastStep: -1, BatchesPerEpoch: -1, Logger: slog.New(&lines{})}))
			_, err := m.StepEnd(7, hooks.Outputs{Loss: 0.5, Epoch: 2})
			require.NoError(t, err)
			require.NoError(t, m.End(nil))
			require.Equal(t, row.want, b.String())
		}
	})
}

type broken struct{ writes int }

func (b *broken) Write([]byte) (int, error) { b.writes++; return 0, errors.New("the pipe is broken") }

// A terminal that went away is no reason to lose a run.
func TestProgressThatCannotBeWritten(t *testing.T) {
	for _, opts := range [][]hooks.ProgressOption{{}, {hooks.ProgressJSON()}, {hooks.ProgressTerminal(true)}} {
		b, log := &broken{}, &lines{}
		m := hooks.NewProgress(b, append(opts, hooks.ProgressEvery(0))...)
		require.NoError(t, m.Begin(&hooks.Run{LastStep: 9, BatchesPerEpoch: -1, Logger: slog.New(log)}))
		for step := range int64(5) {
			_, err := m.StepEnd(step+1, hooks.Outputs{})
			require.NoError(t, err)
		}
		require.NoError(t, m.End(nil))
		require.Equal(t, 1, b.writes)
		require.Equal(t, []string{"progress is not shown any more"}, log.text)
		require.Equal(t, "the pipe is broken", log.attrs[0]["reason"].(error).Error())
	}
}
