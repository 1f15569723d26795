package session_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/session"
)

func TestProfile(t *testing.T) {
	w := binary32()
	s := newSession(t, w.g, session.Profiling())
	for range 5 {
		_, err := s.Run(ctx, gorgonia.Nodes{w.loss, w.trainOp}, w.feed)
		require.NoError(t, err)
	}
	p := s.Profile()
	require.EqualValues(t, 5, p.Runs)
	calls := map[string]int64{}
	sum := p.Ops[0].Time * 0
	for i, op := range p.Ops {
		calls[op.Op] = op.Calls
		sum += op.Time
		if i > 0 {
			require.LessOrEqual(t, op.Time, p.Ops[i-1].Time, "the slowest comes first")
		}
	}
	require.Equal(t, p.Total, sum)
	require.EqualValues(t, 10, calls["DenseReLU"], "two hidden layers, five runs")
	require.EqualValues(t, 5, calls["Dense"], "the last layer")
	require.EqualValues(t, 5, calls["Adam"])
	require.Contains(t, p.String(), "Dense")
	require.Contains(t, p.String(), "share")
	plain := newSession(t, w.g)
	_, err := plain.Run(ctx, gorgonia.Nodes{w.loss}, w.feed)
	require.NoError(t, err)
	require.Empty(t, plain.Profile().Ops)
}
