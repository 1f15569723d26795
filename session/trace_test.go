package session_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/session"
)

// A trace has every op of a run, in order, each after the one before it, and only while
// somebody watches.
func TestTrace(t *testing.T) {
	for name, opts := range map[string][]session.Option{"alone": nil, "beside a profile": {session.Profiling()}} {
		t.Run(name, func(t *testing.T) {
			w := binary32()
			s := newSession(t, w.g, opts...)
			run := func() {
				_, err := s.Run(ctx, gorgonia.Nodes{w.loss, w.trainOp}, w.feed)
				require.NoError(t, err)
			}
			run() // compiled before anybody watches
			var ops []string
			var last *gorgonia.Node
			var end time.Time
			s.Trace(func(n *gorgonia.Node, op string, start time.Time, took time.Duration) {
				require.NotNil(t, n.Op())
				require.False(t, start.Before(end))
				ops, last, end = append(ops, op), n, start.Add(took)
			})
			run()
			once := len(ops)
			require.Contains(t, ops, "DenseReLU")
			require.Same(t, w.trainOp, last, "the update comes last")
			run()
			require.Equal(t, ops[:once], ops[once:])
			s.Trace(nil)
			run()
			require.Len(t, ops, 2*once)
		})
	}
}
