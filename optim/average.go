package optim

import (
	"math"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
)

// averageSuffix follows the name of a variable in the name of its average.
const averageSuffix = "/ExponentialMovingAverage"

// AverageOption is a way to make moving averages useful from the first steps on.
type AverageOption int

const (
	// NumUpdates makes the decay min(decay, (1+t)/(10+t)), where t is the global step
	// after the update: averages follow quickly at first.
	NumUpdates AverageOption = iota + 1
	// ZeroDebias starts averages at 0 and divides them by 1-decay^t, where t counts
	// updates, as Adam does with its moments (Kingma and Ba 2014): the first values then
	// have no special weight.
	ZeroDebias
)

// WithExponentialMovingAverage keeps, of every variable that the train op changes, a
// running mean of its values after each update, as tf.train.ExponentialMovingAverage
// does: a -= (1-decay)*(a - v). It starts at the variable's initial value. decay is close
// to 1, such as 0.999. Use [Averaged] to evaluate or predict with the averages. Slots:
// <variable>/ExponentialMovingAverage, and with ZeroDebias .../biased and
// .../local_step.
func WithExponentialMovingAverage(decay float64, opts ...AverageOption) Option {
	return func(s *settings) {
		if err := below1(0).check(decay); err != nil {
			s.fail("WithExponentialMovingAverage: %w", err)
		}
		a := &average{decay: decay}
		for _, opt := range opts {
			switch opt {
			case NumUpdates:
				a.numUpdates = true
			case ZeroDebias:
				a.zeroDebias = true
			default:
				s.fail("WithExponentialMovingAverage: option %d, want NumUpdates or ZeroDebias", opt)
			}
		}
		if a.numUpdates && a.zeroDebias {
			s.fail("WithExponentialMovingAverage: both NumUpdates and ZeroDebias, want at most one")
		}
		s.average = a
	}
}

// average is what WithExponentialMovingAverage asked for.
type average struct {
	decay                  float64
	numUpdates, zeroDebias bool
}

// nodes adds the variables of one average.
func (a *average) nodes(g *graph.Graph, v *graph.Variable) gorgonia.Nodes {
	name := v.Name + averageSuffix
	if a.zeroDebias {
		return gorgonia.Nodes{
			g.Variable(name, v.Dtype, v.Shape, nil, graph.NotTrainable()),
			g.Variable(name+"/biased", v.Dtype, v.Shape, nil, graph.NotTrainable()),
			g.Variable(name+"/local_step", v.Dtype, tensor.ScalarShape(), nil, graph.NotTrainable()),
		}
	}
	first := graph.InitializerFunc(func(to *tensor.Dense, _ graph.Random) error {
		initial, err := v.Initial()
		if err != nil {
			return err
		}
		return dense.Copy(to, initial)
	})
	return gorgonia.Nodes{g.Variable(name, v.Dtype, v.Shape, first, graph.NotTrainable())}
}

// size is the number of variables of one average.
func (a *average) size() int {
	switch {
	case a == nil:
		return 0
	case a.zeroDebias:
		return 3
	}
	return 1
}

// countAverage counts an update of an average with ZeroDebias.
func countAverage[T float](in []gorgonia.Value) { floats[T](in[2])[0]++ }

// updateAverage follows v, a part of a variable which has just got its value of the given
// step.
func updateAverage[T float](a *average, step int64, x *span, v []T, in []gorgonia.Value) {
	mean := floats[T](in[0])[x.from:x.to]
	decay := a.decay
	if a.numUpdates {
		decay = min(decay, (1+float64(step))/(10+float64(step)))
	}
	rest := T(1 - decay)
	if !a.zeroDebias {
		for i, x := range v {
			mean[i] -= rest * (mean[i] - x)
		}
		return
	}
	biased, count := floats[T](in[1])[x.from:x.to], floats[T](in[2])
	correction := T(1 - math.Pow(decay, float64(count[0])))
	for i, x := range v {
		biased[i] -= rest * (biased[i] - x)
		mean[i] = biased[i] / correction
	}
}

// Averages tells which of names, those of a store or of a checkpoint, is the moving
// average of which: the result leads from a variable's name to its average's.
func Averages(names []string) map[string]string {
	have := make(map[string]bool, len(names))
	for _, name := range names {
		have[name] = true
	}
	averages := map[string]string{}
	for _, name := range names {
		if of, ok := strings.CutSuffix(name, averageSuffix); ok && have[of] {
			averages[of] = name
		}
	}
	return averages
}

// Averaged returns values with each variable's moving average, where it has one, in the
// place of its value; the averages themselves, and what belongs to them, are left out.
// The tensors are shared with values. To evaluate with averages while training goes on
// with the weights:
//
//	averaged := session.NewStore()
//	err := averaged.Restore(optim.Averaged(store.Snapshot()))
func Averaged(values map[string]*tensor.Dense) map[string]*tensor.Dense {
	averaged := make(map[string]*tensor.Dense, len(values))
	for name, value := range values {
		of, rest, isAverage := strings.Cut(name, averageSuffix)
		if _, ok := values[of]; isAverage && ok && (rest == "" || rest[0] == '/') {
			continue
		}
		if average, ok := values[name+averageSuffix]; ok {
			value = average
		}
		averaged[name] = value
	}
	return averaged
}
