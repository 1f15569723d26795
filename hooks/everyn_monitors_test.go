package hooks_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
)

func TestPrintTensor(t *testing.T) {
	d := newDriver(t)
	m := hooks.NewPrintTensor(graph.Nodes{"b": d.answer, "a": d.fed}, 8, 2)
	d.start(m, 12).steps(m, 1, 12)
	require.NoError(t, m.End(nil))
	require.Equal(t, []string{"Step 1: a = 1, b = 42", "Step 2: a = 2, b = 42", "Step 10: a = 10, b = 42", "Step 12: a = 12, b = 42"}, d.lines.text)
}

func TestLoggingTrainable(t *testing.T) {
	d := newDriver(t)
	m := hooks.NewLoggingTrainable("coun", 2, -1)
	d.start(m, -1).steps(m, 1, 5)
	require.Equal(t, []string{"Step 2: counter = 0", "Step 4: counter = 0"}, d.lines.text)
	require.ErrorContains(t, hooks.NewLoggingTrainable("unter", 1, 1).Begin(d.run), `LoggingTrainable: pattern "unter" matches none of the 1 trainable variables`)
}

func TestCaptureVariable(t *testing.T) {
	d := newDriver(t)
	m := hooks.NewCaptureVariable("counter:0", 2, -1)
	d.start(m, -1)
	for step := int64(1); step <= 5; step++ {
		d.step(pair{m, hooks.Funcs{OnStepBegin: func(int64) ([]*node, error) { return []*node{d.tick}, nil }}}, step)
	}
	got := map[int64]float64{}
	for step, v := range m.Values() {
		got[step] = float(v)
	}
	require.Equal(t, map[int64]float64{2: 1, 4: 3}, got, "from before the step's update")
	require.ErrorContains(t, hooks.NewCaptureVariable("nobody", 1, 1).Begin(d.run), `CaptureVariable: no node of the graph is called "nobody"`)
}

func TestLogFormat(t *testing.T) {
	d := newDriver(t)
	m := hooks.NewLoggingTensor(graph.Nodes{"t": d.answer}, hooks.EverySteps(1), hooks.LogFormat(func(values map[string]value) string {
		return fmt.Sprintf("%d value: %v", len(values), values["t"])
	}), nil)
	d.start(m, -1).steps(m, 1, 2)
	require.Equal(t, []string{"1 value: 42", "1 value: 42"}, d.lines.text)
}
