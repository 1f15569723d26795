package metrics_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/metrics"
)

func TestValues(t *testing.T) {
	v := metrics.Values{"loss": 0.123456789, "accuracy": 0.9675, "global_step": 12345678, "<b>": math.NaN(), "tiny": -1.5e-9}
	require.Equal(t, []string{"<b>", "accuracy", "global_step", "loss", "tiny"}, v.Names())
	require.Equal(t, "<b> = NaN, accuracy = 0.9675, global_step = 12345678, loss = 0.123457, tiny = -1.5e-09", v.String())
	require.Equal(t, "<table><thead><tr><th>metric</th><th>value</th></tr></thead><tbody>"+
		"<tr><td>&lt;b&gt;</td><td>NaN</td></tr><tr><td>accuracy</td><td>0.9675</td></tr>"+
		"<tr><td>global_step</td><td>12345678</td></tr><tr><td>loss</td><td>0.123457</td></tr>"+
		"<tr><td>tiny</td><td>-1.5e-09</td></tr></tbody></table>", v.HTML())
	require.Equal(t, "<b>          NaN\naccuracy     0.9675\nglobal_step  12345678\nloss         0.123457\ntiny         -1.5e-09\n", v.Table())
	require.Empty(t, metrics.Values(nil).Table())
	require.Empty(t, metrics.Values(nil).String())
	require.NotContains(t, metrics.Values(nil).HTML(), "<td>")
	require.Equal(t, "far = 1e+300, inf = +Inf", metrics.Values{"inf": math.Inf(1), "far": 1e300}.String())
}
