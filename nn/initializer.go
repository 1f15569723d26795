package nn

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// Zeros makes every element 0.
func Zeros() graph.Initializer { return Constant(0) }

// Ones makes every element 1.
func Ones() graph.Initializer { return Constant(1) }

// Constant makes every element value.
func Constant(value float64) graph.Initializer {
	return fill(func(graph.Random, uint64, tensor.Shape) float64 { return value })
}

// RandomNormal draws from a normal distribution. Keras' default is mean 0 and standard
// deviation 0.05.
func RandomNormal(mean, stddev float64) graph.Initializer {
	if !(stddev >= 0) {
		return failing(fmt.Errorf("nn.RandomNormal: stddev is %v, want at least 0", stddev))
	}
	return fill(func(r graph.Random, i uint64, _ tensor.Shape) float64 { return mean + stddev*r.Normal(i) })
}

// RandomUniform draws evenly from [low, high). Keras' default is -0.05 to 0.05.
func RandomUniform(low, high float64) graph.Initializer {
	if !(low <= high) {
		return failing(fmt.Errorf("nn.RandomUniform: low is %v and high %v, want low <= high", low, high))
	}
	return fill(func(r graph.Random, i uint64, _ tensor.Shape) float64 { return low + (high-low)*r.Float64(i) })
}

// TruncatedNormal draws from a normal distribution, again whenever a value is more than
// two standard deviations from the mean, as TensorFlow does.
func TruncatedNormal(mean, stddev float64) graph.Initializer {
	if !(stddev >= 0) {
		return failing(fmt.Errorf("nn.TruncatedNormal: stddev is %v, want at least 0", stddev))
	}
	return fill(func(r graph.Random, i uint64, _ tensor.Shape) float64 { return mean + stddev*truncated(r, i) })
}

// truncated returns value number i of the standard normal distribution cut at 2. Each
// try has an index of its own far from the others'.
func truncated(r graph.Random, i uint64) float64 {
	for try := uint64(0); ; try++ {
		if x := r.Normal(i + try<<40); math.Abs(x) <= 2 {
			return x
		}
	}
}

// truncatedStddev is the standard deviation of the standard normal distribution cut at
// 2, by which scaled initialisers divide (Keras' VarianceScaling).
const truncatedStddev = 0.87962566103423978

// GlorotUniform draws evenly from [-limit, limit] with limit = sqrt(6/(fan in + fan
// out)) (Glorot and Bengio 2010). It is the default for kernels.
func GlorotUniform() graph.Initializer { return scaledUniform(fanAverage, 3) }

// GlorotNormal draws from a truncated normal distribution of variance 2/(fan in + fan
// out).
func GlorotNormal() graph.Initializer { return scaledNormal(fanAverage, 1) }

// HeUniform draws evenly from [-limit, limit] with limit = sqrt(6/fan in) (He, Zhang,
// Ren and Sun 2015); for ReLU.
func HeUniform() graph.Initializer { return scaledUniform(fanIn, 6) }

// HeNormal draws from a truncated normal distribution of variance 2/fan in; for ReLU.
func HeNormal() graph.Initializer { return scaledNormal(fanIn, 2) }

// LecunUniform draws evenly from [-limit, limit] with limit = sqrt(3/fan in) (LeCun,
// Bottou, Orr and Müller 1998).
func LecunUniform() graph.Initializer { return scaledUniform(fanIn, 3) }

// LecunNormal draws from a truncated normal distribution of variance 1/fan in; for SELU.
func LecunNormal() graph.Initializer { return scaledNormal(fanIn, 1) }

func scaledUniform(fan func(tensor.Shape) float64, scale float64) graph.Initializer {
	return fill(func(r graph.Random, i uint64, s tensor.Shape) float64 {
		return math.Sqrt(scale/fan(s)) * (2*r.Float64(i) - 1)
	})
}

func scaledNormal(fan func(tensor.Shape) float64, scale float64) graph.Initializer {
	return fill(func(r graph.Random, i uint64, s tensor.Shape) float64 {
		return math.Sqrt(scale/fan(s)) / truncatedStddev * truncated(r, i)
	})
}

// fans returns how many inputs and outputs a kernel [..., inputs, outputs] connects;
// leading axes are a receptive field. A vector counts as both.
func fans(s tensor.Shape) (in, out float64) {
	switch len(s) {
	case 0:
		return 1, 1
	case 1:
		return float64(s[0]), float64(s[0])
	}
	field := 1.0
	for _, n := range s[:len(s)-2] {
		field *= float64(n)
	}
	return field * float64(s[len(s)-2]), field * float64(s[len(s)-1])
}

func fanIn(s tensor.Shape) float64 {
	in, _ := fans(s)
	return max(in, 1)
}

func fanAverage(s tensor.Shape) float64 {
	in, out := fans(s)
	return max((in+out)/2, 1)
}

// fill sets every element to f of its index.
func fill(f func(r graph.Random, i uint64, s tensor.Shape) float64) graph.Initializer {
	return graph.InitializerFunc(func(v *tensor.Dense, r graph.Random) error {
		shape := v.Shape()
		switch v.Dtype() {
		case tensor.Float32:
			set(v.Float32s(), r, shape, f)
		case tensor.Float64:
			set(v.Float64s(), r, shape, f)
		case tensor.Int64:
			set(v.Int64s(), r, shape, f)
		case tensor.Int32:
			set(v.Int32s(), r, shape, f)
		default:
			return fmt.Errorf("nn: an initialiser of dtype %v is not supported, want float32, float64, int64 or int32", v.Dtype())
		}
		return nil
	})
}

func set[T float32 | float64 | int64 | int32](x []T, r graph.Random, shape tensor.Shape, f func(graph.Random, uint64, tensor.Shape) float64) {
	for i := range x {
		x[i] = T(f(r, uint64(i), shape))
	}
}

func failing(err error) graph.Initializer {
	return graph.InitializerFunc(func(*tensor.Dense, graph.Random) error { return err })
}
