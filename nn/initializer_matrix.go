package nn

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// VarianceScaling draws with the variance scale/n, where n is the number of inputs
// ("fan_in"), of outputs ("fan_out") or the mean of both ("fan_avg"). distribution is
// "truncated_normal", "untruncated_normal" or "uniform". Keras' defaults are 1, "fan_in"
// and "truncated_normal".
func VarianceScaling(scale float64, mode, distribution string) graph.Initializer {
	if !(scale > 0) {
		return failing(fmt.Errorf("nn.VarianceScaling: scale is %v, want above 0", scale))
	}
	fan, ok := map[string]func(tensor.Shape) float64{
		"fan_in": fanIn, "fan_avg": fanAverage,
		"fan_out": func(s tensor.Shape) float64 { _, out := fans(s); return max(out, 1) },
	}[mode]
	if !ok {
		return failing(fmt.Errorf("nn.VarianceScaling: mode is %q, want fan_in, fan_out or fan_avg", mode))
	}
	switch distribution {
	case "truncated_normal":
		return scaledNormal(fan, scale)
	case "uniform":
		return scaledUniform(fan, 3*scale)
	case "untruncated_normal":
		return fill(func(r graph.Random, i uint64, s tensor.Shape) float64 { return math.Sqrt(scale/fan(s)) * r.Normal(i) })
	}
	return failing(fmt.Errorf("nn.VarianceScaling: distribution is %q, want truncated_normal, untruncated_normal or uniform", distribution))
}

// Identity is gain on the diagonal of a matrix and 0 elsewhere. Keras' default gain is 1.
func Identity(gain float64) graph.Initializer {
	return matrix("Identity", func(v []float64, rows, columns int, _ graph.Random) {
		for i := range min(rows, columns) {
			v[i*columns+i] = gain
		}
	}, func(s tensor.Shape) bool { return len(s) == 2 })
}

// Orthogonal is gain times a random matrix whose rows, or columns if those are fewer, are
// orthogonal and of length 1: Q of the decomposition of a normal matrix with a positive
// diagonal of R (Saxe, McClelland and Ganguli 2014). Leading axes count as one. It is the
// default for recurrent kernels. Keras' default gain is 1.
func Orthogonal(gain float64) graph.Initializer {
	return matrix("Orthogonal", func(v []float64, rows, columns int, r graph.Random) {
		n, length := min(rows, columns), max(rows, columns)
		q := make([]float64, n*length) // a vector a row
		for i := range q {
			q[i] = r.Normal(uint64(i))
		}
		orthonormalize(q, length)
		for i := range n {
			for k := range length {
				if rows < columns {
					v[i*columns+k] = gain * q[i*length+k]
				} else {
					v[k*columns+i] = gain * q[i*length+k]
				}
			}
		}
	}, func(s tensor.Shape) bool { return len(s) >= 2 })
}

// orthonormalize is the modified Gram-Schmidt process over the rows of q.
func orthonormalize(q []float64, length int) {
	for i := 0; i < len(q); i += length {
		row := q[i : i+length]
		scale := 1 / math.Sqrt(dot(row, row))
		for k := range row {
			row[k] *= scale
		}
		for j := i + length; j < len(q); j += length {
			other := q[j : j+length]
			along := dot(row, other)
			for k, v := range row {
				other[k] -= along * v
			}
		}
	}
}

func dot(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// matrix fills a variable as a matrix of float64, all axes but the last making the rows.
func matrix(name string, f func(v []float64, rows, columns int, r graph.Random), fits func(tensor.Shape) bool) graph.Initializer {
	return graph.InitializerFunc(func(v *tensor.Dense, r graph.Random) error {
		s := v.Shape()
		if !fits(s) {
			return fmt.Errorf("nn.%s: shape %v, want a matrix", name, s)
		}
		columns := s[len(s)-1]
		rows := s.TotalSize() / max(columns, 1)
		values := make([]float64, rows*columns)
		f(values, rows, columns, r)
		switch v.Dtype() {
		case tensor.Float64:
			copy(v.Float64s(), values)
		case tensor.Float32:
			for i, x := range values {
				v.Float32s()[i] = float32(x)
			}
		default:
			return fmt.Errorf("nn.%s: dtype %v, want float32 or float64", name, v.Dtype())
		}
		return nil
	})
}
