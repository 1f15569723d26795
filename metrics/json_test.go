package metrics_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/metrics"
)

func TestValuesAsJSON(t *testing.T) {
	v := metrics.Values{"loss": 1.0 / 3, "auc": math.NaN(), "up": math.Inf(1), "down": math.Inf(-1), "global_step": 1 << 52, "small": 5e-324}
	text, err := json.Marshal(map[string]any{"test": v, "none": metrics.Values(nil)})
	require.NoError(t, err)
	require.JSONEq(t, `{"none":null,"test":{"auc":"NaN","down":"-Inf","global_step":4503599627370496,"loss":0.3333333333333333,"small":5e-324,"up":"+Inf"}}`, string(text))
	back := map[string]metrics.Values{"none": {}}
	require.NoError(t, json.Unmarshal(text, &back))
	require.Nil(t, back["none"])
	require.True(t, math.IsNaN(back["test"]["auc"]))
	delete(v, "auc")
	delete(back["test"], "auc")
	require.Equal(t, v, back["test"])
	for _, bad := range []string{`{"loss":"much"}`, `{"loss":true}`, `[1]`, `{"loss":{}}`} {
		require.Error(t, json.Unmarshal([]byte(bad), new(metrics.Values)), bad)
	}
}
