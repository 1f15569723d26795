package optim_test

import (
	"testing"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/optim/optimtest"
)

// Our own rules and parts pass the kit for strangers.
func TestConformance(t *testing.T) {
	for name, o := range optimizers() {
		t.Run(name, func(t *testing.T) {
			optimtest.Run(t, func() optim.Rule { return optim.RuleOf(o()) })
			for i, part := range optim.PartsOf(o()) {
				t.Run(part.Name(), func(t *testing.T) {
					optimtest.RunTransform(t, func() optim.Transform { return optim.PartsOf(o())[i] })
				})
			}
		})
	}
	t.Run("own rule", func(t *testing.T) { optimtest.Run(t, func() optim.Rule { return halving{} }) })
}

// One step over 300,000 float32 weights in three variables.
func BenchmarkStep(b *testing.B) {
	for _, c := range []struct {
		name string
		o    optim.Optimizer
	}{
		{"SGD", optim.SGD(0.001)},
		{"Momentum", optim.Momentum(0.001, 0.9)},
		{"Momentum/chain", optim.Chain(0.001, optim.Trace(0.9))},
		{"Adam", optim.Adam(0.001)},
		{"Adam/chain", optim.Chain(0.001, optim.ScaleByAdam(0.9, 0.999, 1e-8))},
		{"Adam/clip", optim.Adam(0.001, optim.ClipByGlobalNorm(1))},
		{"Adam/accumulate", optim.Adam(0.001, optim.Accumulate(4))},
		{"Adam/average", optim.Adam(0.001, optim.WithExponentialMovingAverage(0.999))},
		{"AdamW", optim.AdamW(0.001)},
		{"Lion", optim.Lion(0.001)},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newSetup(b, c.o, nil, make([]float32, 100_000), make([]float32, 100_000), make([]float32, 100_000))
			feed := feedOf(s, noisy[float32](1, 100_000), noisy[float32](2, 100_000), noisy[float32](3, 100_000))
			fetches, out := gorgonia.Nodes{s.op}, make([]gorgonia.Value, 1)
			run := func() {
				if err := s.session.RunInto(b.Context(), out, fetches, feed, nil); err != nil {
					b.Fatal(err)
				}
			}
			run() // compiles
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}
