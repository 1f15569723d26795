package ops

import (
	"math"

	"gorgonia.org/gorgonia"
)

// channelMean divides the sums of each channel by the number of rows.
func channelMean[T float](sums []float64, to []T, rows int) {
	for k := range to {
		to[k] = T(sums[k] / float64(max(rows, 1)))
	}
}

func batchMeanKernel[T float]() kernel {
	var x []T
	var channels int
	loop := overSums(func(sums []float64, from, to int) {
		for i := from; i < to; i++ {
			for k, v := range x[i*channels : (i+1)*channels] {
				sums[k] += float64(v)
			}
		}
	})
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		var rows int
		rows, channels = last(in[0].Shape())
		x = elements[T](in[0])
		channelMean(loop.run(rows, channels, channels), elements[T](out), rows)
		x = nil
		return nil
	}
}

func batchVarianceKernel[T float]() kernel {
	var x, mean []T
	loop := overSums(func(sums []float64, from, to int) {
		x, mean, n := x, mean, len(mean) // captured variables are slow
		for i := from; i < to; i++ {
			for k, v := range x[i*n : (i+1)*n] {
				d := float64(v) - float64(mean[k])
				sums[k] += d * d
			}
		}
	})
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		rows, channels := last(in[0].Shape())
		x, mean = elements[T](in[0]), elements[T](in[1])
		channelMean(loop.run(rows, channels, channels), elements[T](out), rows)
		x, mean = nil, nil
		return nil
	}
}

// normaliseKernel: in are x, gamma, beta, mean, variance. y = x*scale + shift would lose
// the digits of a mean that is far from 0; so x-mean comes first.
func normaliseKernel[T float](epsilon float64) func() kernel {
	return func() kernel {
		var memory, y, x, scale, beta, mean []T
		loop := overRows(func(from, to int) {
			scale, beta, mean, n := scale, beta, mean, len(scale)
			for i := from; i < to; i++ {
				y, x := y[i*n:(i+1)*n], x[i*n:(i+1)*n]
				for k, v := range x {
					y[k] = (v-mean[k])*scale[k] + beta[k]
				}
			}
		})
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			y, x, beta, mean = elements[T](out), elements[T](in[0]), elements[T](in[2]), elements[T](in[3])
			gamma, variance := elements[T](in[1]), elements[T](in[4])
			rows, channels := last(out.Shape())
			scale = grow(&memory, channels)
			for k := range scale {
				scale[k] = T(float64(gamma[k]) / math.Sqrt(float64(variance[k])+epsilon))
			}
			loop.run(rows, channels)
			y, x, beta, mean = nil, nil, nil, nil
			return nil
		}
	}
}

// batchSumsKernel: in are x, mean, variance, dy. The rows are the sums of dy and of
// dy*(x-mean)/sqrt(variance+epsilon): dbeta and dgamma.
func batchSumsKernel[T float](epsilon float64) func() kernel {
	return func() kernel {
		var x, mean, dy []T
		loop := overSums(func(sums []float64, from, to int) {
			mean, n := mean, len(mean)
			plain, product := sums[:n], sums[n:]
			for i := from; i < to; i++ {
				x := x[i*n : (i+1)*n]
				for k, v := range dy[i*n : (i+1)*n] {
					plain[k] += float64(v)
					product[k] += float64(v) * float64(x[k]-mean[k])
				}
			}
		})
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			y, variance := elements[T](out), elements[T](in[2])
			x, mean, dy = elements[T](in[0]), elements[T](in[1]), elements[T](in[3])
			rows, channels := last(in[0].Shape())
			sums := loop.run(rows, channels, 2*channels)
			for k := range channels {
				y[k] = T(sums[k])
				y[channels+k] = T(sums[channels+k] / math.Sqrt(float64(variance[k])+epsilon))
			}
			x, mean, dy = nil, nil, nil
			return nil
		}
	}
}

// batchInputKernel: in are x, mean, variance, gamma, sums, dy. With r = 1/sqrt(variance +
// epsilon) and n rows,
//
//	dx = gamma*r*(dy - dbeta/n - (x-mean)*r*dgamma/n)
//
// and without the sums where mean and variance do not depend on x.
func batchInputKernel[T float](epsilon float64, ofBatch bool) func() kernel {
	return func() kernel {
		var memory, dx, x, dy, mean, scale, slope, offset []T
		loop := overRows(func(from, to int) {
			scale, slope, offset, mean, n := scale, slope, offset, mean, len(scale)
			for i := from; i < to; i++ {
				dx, x, dy := dx[i*n:(i+1)*n], x[i*n:(i+1)*n], dy[i*n:(i+1)*n]
				if !ofBatch {
					for k, v := range dy {
						dx[k] = v * scale[k]
					}
					continue
				}
				for k, v := range dy {
					dx[k] = v*scale[k] - offset[k] - (x[k]-mean[k])*slope[k]
				}
			}
		})
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			variance, gamma, sums := elements[T](in[2]), elements[T](in[3]), elements[T](in[4])
			dx, x, mean, dy = elements[T](out), elements[T](in[0]), elements[T](in[1]), elements[T](in[5])
			rows, channels := last(out.Shape())
			factors := grow(&memory, 3*channels)
			scale, slope, offset = factors[:channels], factors[channels:2*channels], factors[2*channels:]
			for k := range channels {
				r := 1 / math.Sqrt(float64(variance[k])+epsilon)
				scale[k] = T(float64(gamma[k]) * r)
				slope[k] = T(float64(gamma[k]) * r * r * float64(sums[channels+k]) / float64(max(rows, 1)))
				offset[k] = T(float64(gamma[k]) * r * float64(sums[k]) / float64(max(rows, 1)))
			}
			loop.run(rows, channels)
			dx, x, mean, dy = nil, nil, nil, nil
			return nil
		}
	}
}
