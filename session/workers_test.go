package session_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/session"
)

// trained returns every variable after a few steps of W1, whose products are large enough
// to be shared by several goroutines.
func trained(t *testing.T, opts ...session.Option) map[string][]byte {
	t.Helper()
	w := mlp(128, 784, 256, 10)
	s := newSession(t, w.g, opts...)
	for range 3 {
		_, err := s.Run(ctx, gorgonia.Nodes{w.loss, w.trainOp}, w.feed)
		require.NoError(t, err)
	}
	all := map[string][]byte{}
	for name, v := range s.Store().Snapshot() {
		all[name] = append([]byte(nil), dense.Bytes(v)...)
	}
	return all
}

func TestSameBitsForAnyNumberOfWorkers(t *testing.T) {
	want := trained(t, session.Workers(1))
	for _, n := range []int{2, 4, 8} {
		require.Equal(t, want, trained(t, session.Workers(n)), "%d workers", n)
	}
	for _, n := range []int{1, 2, 4, 8} {
		before := runtime.GOMAXPROCS(n)
		got := trained(t)
		runtime.GOMAXPROCS(before)
		require.Equal(t, want, got, "GOMAXPROCS %d", n)
	}
}

func TestEngines(t *testing.T) {
	engines := session.Engines()
	require.Equal(t, engines[0], session.Engine(), "the fastest is the default")
	require.ErrorContains(t, session.UseEngine("abacus"), engines[0])
	defer func() { require.NoError(t, session.UseEngine("")) }()
	want := trained(t)
	require.NoError(t, session.UseEngine("gonum"))
	require.Equal(t, "gonum", session.Engine())
	require.NotEqual(t, want["dense/kernel"], trained(t)["dense/kernel"], "another engine has other bits")
	require.NoError(t, session.UseEngine(engines[0]))
	require.Equal(t, want, trained(t))
}
