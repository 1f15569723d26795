package optim_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/optim"
)

// Numbers that TensorFlow's own tests state: python/training/{ftrl,proximal_adagrad,
// proximal_gradient_descent}_test.py.
func TestGoldenRegularized(t *testing.T) {
	gradients := [][]float64{{0.1, 0.2}, {0.01, 0.02}}
	ones, zeros := [][]float64{{1, 2}, {4, 3}}, [][]float64{{0, 0}, {0, 0}}
	l1, l2 := optim.WithL1(0.001), optim.WithL2(2)
	for _, c := range []struct {
		name   string
		o      optim.Optimizer
		steps  int
		start  [][]float64
		v0, v1 []float64
	}{
		{"Ftrl from 0", optim.Ftrl(3), 3, zeros, []float64{-2.60260963, -4.29698515}, []float64{-0.28432083, -0.56694895}},
		{"Ftrl", optim.Ftrl(3), 3, ones, []float64{-2.55607247, -3.98729396}, []float64{-0.28232238, -0.56096673}},
		{"Ftrl L1, O03", optim.Ftrl(3, l1), 10, ones, []float64{-7.66718769, -10.91273689}, []float64{-0.93460727, -1.86147261}},
		{"Ftrl L1 L2", optim.Ftrl(3, l1, l2), 10, ones, []float64{-0.24059935, -0.46829352}, []float64{-0.02406147, -0.04830509}},
		{"Ftrl L1 L2 shrinkage", optim.Ftrl(3, l1, l2, optim.WithL2Shrinkage(0.1)), 10, ones, []float64{-0.22578995, -0.44345796}, []float64{-0.14378493, -0.13229476}},
		{"ProximalAdagrad from 0", optim.ProximalAdagrad(3), 3, zeros, []float64{-2.60260963, -4.29698515}, []float64{-0.28432083, -0.56694895}},
		{"ProximalAdagrad", optim.ProximalAdagrad(3), 3, ones, []float64{-1.60261, -2.296985}, []float64{3.715679, 2.433051}},
		{"ProximalAdagrad L1", optim.ProximalAdagrad(3, l1), 10, ones, []float64{-6.663634, -9.190331}, []float64{2.959304, 1.029232}},
		{"ProximalAdagrad L1 L2", optim.ProximalAdagrad(3, l1, l2), 10, ones, []float64{-0.0495, -0.0995}, []float64{-0.0045, -0.0095}},
		{"ProximalGradientDescent from 0", optim.ProximalGradientDescent(3), 3, zeros, []float64{-0.9, -1.8}, []float64{-0.09, -0.18}},
		{"ProximalGradientDescent", optim.ProximalGradientDescent(3), 3, ones, []float64{0.1, 0.2}, []float64{3.91, 2.82}},
		{"ProximalGradientDescent L1 L2", optim.ProximalGradientDescent(3, l1, l2), 10, ones, []float64{-0.0495, -0.0995}, []float64{-0.0045, -0.0095}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := train(t, c.o, c.steps, c.start, gradients)
			require.InDeltaSlice(t, c.v0, value(t, s, "v0"), 3e-6)
			require.InDeltaSlice(t, c.v1, value(t, s, "v1"), 3e-6)
		})
	}
	t.Run("O15", func(t *testing.T) { // d(pred^2)/dv at [1 2] with x = [4 5]: 2*14*x
		s := train(t, optim.Ftrl(1), 1, [][]float64{{1, 2}}, [][]float64{{112, 140}})
		require.InDeltaSlice(t, []float64{0, 1}, value(t, s, "v0"), 0.01)
	})
}

// Formulas that tests of TensorFlow and Keras compute in NumPy. Each case follows one
// weight; gradient k is that of step k, from 1.
func TestGoldenFormulas(t *testing.T) {
	gradient := func(k int) float64 { return []float64{0.3, -0.2, 0.05, 0.4, -0.1}[k-1] }
	const rate, b1, b2, epsilon, steps = 0.01, 0.9, 0.999, 1e-8, 5
	adamRate := func(k int) float64 {
		return rate * math.Sqrt(1-math.Pow(b2, float64(k))) / (1 - math.Pow(b1, float64(k)))
	}
	for _, c := range []struct {
		name, source string
		o            optim.Optimizer
		step         func(m *[3]float64, k int, v, g float64) float64
		slots        []string
	}{
		{"Adadelta", "adadelta_test.py", optim.Adadelta(rate), func(m *[3]float64, _ int, v, g float64) float64 {
			m[0] = m[0]*0.95 + g*g*0.05
			u := math.Sqrt(m[1]+epsilon) * (1 / math.Sqrt(m[0]+epsilon)) * g
			m[1] = m[1]*0.95 + u*u*0.05
			return v - rate*u
		}, []string{"v0/Adadelta", "v0/Adadelta_1"}},
		{"Adamax", "contrib/opt adamax_test.py", optim.Adamax(rate), func(m *[3]float64, k int, v, g float64) float64 {
			m[0] = b1*m[0] + (1-b1)*g
			m[1] = math.Max(b2*m[1], math.Abs(g))
			return v - rate/(1-math.Pow(b1, float64(k)))*m[0]/(m[1]+epsilon)
		}, []string{"v0/AdaMax", "v0/AdaMax_1"}},
		{"Nadam", "contrib/opt nadam_optimizer_test.py", optim.Nadam(rate), func(m *[3]float64, k int, v, g float64) float64 {
			m[0] = b1*m[0] + (1-b1)*g
			m[1] = b2*m[1] + (1-b2)*g*g
			return v - adamRate(k)*((1-b1)*g+b1*m[0])/(math.Sqrt(m[1])+epsilon)
		}, []string{"v0/Adam", "v0/Adam_1"}},
		{"AMSGrad", "keras adam.py with amsgrad", optim.AMSGrad(rate, optim.WithBeta2(0.5)), func(m *[3]float64, k int, v, g float64) float64 {
			m[0] = b1*m[0] + (1-b1)*g
			m[1] = 0.5*m[1] + 0.5*g*g
			m[2] = math.Max(m[2], m[1])
			r := rate * math.Sqrt(1-math.Pow(0.5, float64(k))) / (1 - math.Pow(b1, float64(k)))
			return v - r*m[0]/(math.Sqrt(m[2])+epsilon)
		}, []string{"v0/Adam", "v0/Adam_1", "v0/Adam_2"}},
		{"AdamW", "keras adamw.py: the weight decays before Adam's update", optim.AdamW(rate, optim.WithWeightDecay(0.1)), func(m *[3]float64, k int, v, g float64) float64 {
			v -= v * 0.1 * rate
			m[0] = b1*m[0] + (1-b1)*g
			m[1] = b2*m[1] + (1-b2)*g*g
			return v - adamRate(k)*m[0]/(math.Sqrt(m[1])+epsilon)
		}, []string{"v0/AdamW", "v0/AdamW_1"}},
		{"AdamW's default decay", "keras adamw.py", optim.AdamW(rate), func(m *[3]float64, k int, v, g float64) float64 {
			v -= v * 0.004 * rate
			m[0] = b1*m[0] + (1-b1)*g
			m[1] = b2*m[1] + (1-b2)*g*g
			return v - adamRate(k)*m[0]/(math.Sqrt(m[1])+epsilon)
		}, []string{"v0/AdamW", "v0/AdamW_1"}},
		{"Lion", "keras lion.py", optim.Lion(rate, optim.WithWeightDecay(0.1), optim.WithBeta2(0.5)), func(m *[3]float64, _ int, v, g float64) float64 {
			v -= v * 0.1 * rate
			v -= rate * math.Copysign(1, b1*m[0]+(1-b1)*g)
			m[0] = 0.5*m[0] + 0.5*g
			return v
		}, []string{"v0/Lion"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := trainWith(t, c.o, steps, []float64{2}, func(k int) []float64 { return []float64{gradient(k)} })
			v, m := 2.0, [3]float64{}
			for k := 1; k <= steps; k++ {
				v = c.step(&m, k, v, gradient(k))
			}
			require.InDelta(t, v, value(t, s, "v0")[0], 1e-13, c.source)
			for i, name := range c.slots {
				require.InDelta(t, m[i], value(t, s, name)[0], 1e-15, name)
			}
		})
	}
}

func TestLionStopsWhereThereIsNoDirection(t *testing.T) {
	s := train(t, optim.Lion(0.5), 3, [][]float64{{2, 2}}, [][]float64{{0, 1}})
	require.Equal(t, []float64{2, 0.5}, value(t, s, "v0"))
}

// With zero gradients only the decay is left, and not for the variables exempt from it.
func TestWeightDecayExclusion(t *testing.T) {
	decay, exempt := optim.WithWeightDecay(0.1), optim.ExcludeFromWeightDecay("v1", "2$")
	for name, o := range map[string]optim.Optimizer{
		"AdamW": optim.AdamW(0.5, decay, exempt), "Lion": optim.Lion(0.5, decay, exempt), "Chain": optim.Chain(0.5, optim.AddDecayedWeights(0.1, "v1", "2$")),
	} {
		t.Run(name, func(t *testing.T) {
			s := train(t, o, 2, [][]float64{{2}, {2}, {2}, {2}}, [][]float64{{0}, {0}, {0}, {0}})
			for v, want := range []float64{2 * 0.95 * 0.95, 2, 2, 2 * 0.95 * 0.95} {
				require.InDelta(t, want, value(t, s, fmt.Sprint("v", v))[0], 1e-12, v)
			}
		})
	}
}
