package ops

import (
	"math"

	"gorgonia.org/gorgonia"
)

// sumRows adds term of every element to its channel's sum: rows one after the other.
func sumRows[T float](sums []float64, x []T, term func(sums []float64, row []T)) {
	clear(sums)
	for n := len(sums); len(x) > 0 && n > 0; x = x[n:] {
		term(sums, x[:n])
	}
}

func batchMeanKernel[T float]() kernel {
	var memory []float64
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		mean, x := elements[T](out), elements[T](in[0])
		rows, channels := last(in[0].Shape())
		sums := grow(&memory, channels)
		sumRows(sums, x, func(sums []float64, row []T) {
			for k, v := range row {
				sums[k] += float64(v)
			}
		})
		for k, sum := range sums {
			mean[k] = T(sum / float64(max(rows, 1)))
		}
		return nil
	}
}

func batchVarianceKernel[T float]() kernel {
	var memory []float64
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		variance, x, mean := elements[T](out), elements[T](in[0]), elements[T](in[1])
		rows, channels := last(in[0].Shape())
		sums := grow(&memory, channels)
		sumRows(sums, x, func(sums []float64, row []T) {
			for k, v := range row {
				d := float64(v) - float64(mean[k])
				sums[k] += d * d
			}
		})
		for k, sum := range sums {
			variance[k] = T(sum / float64(max(rows, 1)))
		}
		return nil
	}
}

// normaliseKernel: in are x, gamma, beta, mean, variance. y = x*scale + shift would lose
// the digits of a mean that is far from 0; so x-mean comes first.
func normaliseKernel[T float](epsilon float64) func() kernel {
	return func() kernel {
		var memory []T
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			y, x := elements[T](out), elements[T](in[0])
			gamma, beta, mean, variance := elements[T](in[1]), elements[T](in[2]), elements[T](in[3]), elements[T](in[4])
			rows, channels := last(out.Shape())
			scale := grow(&memory, channels)
			for k := range scale {
				scale[k] = T(float64(gamma[k]) / math.Sqrt(float64(variance[k])+epsilon))
			}
			for i := range rows {
				y, x := y[i*channels:(i+1)*channels], x[i*channels:(i+1)*channels]
				for k, v := range x {
					y[k] = (v-mean[k])*scale[k] + beta[k]
				}
			}
			return nil
		}
	}
}

// batchSumsKernel: in are x, mean, variance, dy. The rows are the sums of dy and of
// dy*(x-mean)/sqrt(variance+epsilon): dbeta and dgamma.
func batchSumsKernel[T float](epsilon float64) func() kernel {
	return func() kernel {
		var memory []float64
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			y := elements[T](out)
			x, mean, variance, dy := elements[T](in[0]), elements[T](in[1]), elements[T](in[2]), elements[T](in[3])
			rows, channels := last(in[0].Shape())
			sums := grow(&memory, 2*channels)
			clear(sums)
			plain, product := sums[:channels], sums[channels:]
			for i := range rows {
				x, dy := x[i*channels:(i+1)*channels], dy[i*channels:(i+1)*channels]
				for k, v := range dy {
					plain[k] += float64(v)
					product[k] += float64(v) * float64(x[k]-mean[k])
				}
			}
			for k := range channels {
				y[k] = T(plain[k])
				y[channels+k] = T(product[k] / math.Sqrt(float64(variance[k])+epsilon))
			}
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
		var memory []T
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			dx, x, mean, variance := elements[T](out), elements[T](in[0]), elements[T](in[1]), elements[T](in[2])
			gamma, sums, dy := elements[T](in[3]), elements[T](in[4]), elements[T](in[5])
			rows, channels := last(out.Shape())
			factors := grow(&memory, 3*channels)
			scale, slope, offset := factors[:channels], factors[channels:2*channels], factors[2*channels:]
			for k := range channels {
				r := 1 / math.Sqrt(float64(variance[k])+epsilon)
				scale[k] = T(float64(gamma[k]) * r)
				slope[k] = T(float64(gamma[k]) * r * r * float64(sums[channels+k]) / float64(max(rows, 1)))
				offset[k] = T(float64(gamma[k]) * r * float64(sums[k]) / float64(max(rows, 1)))
			}
			for i := range rows {
				dx, x, dy := dx[i*channels:(i+1)*channels], x[i*channels:(i+1)*channels], dy[i*channels:(i+1)*channels]
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
			return nil
		}
	}
}

// moments returns the mean of a row and 1/sqrt(variance+epsilon).
func moments[T float](row []T, epsilon float64) (mean, r float64) {
	sum := 0.0
	for _, v := range row {
		sum += float64(v)
	}
	mean = sum / float64(len(row))
	sum = 0
	for _, v := range row {
		d := float64(v) - mean
		sum += d * d
	}
	return mean, 1 / math.Sqrt(sum/float64(len(row))+epsilon)
}

// layerNormKernel: in are x, gamma, beta.
func layerNormKernel[T float](epsilon float64) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, x, gamma, beta := elements[T](out), elements[T](in[0]), elements[T](in[1]), elements[T](in[2])
		rows, width := last(out.Shape())
		for i := range rows {
			y, x := y[i*width:(i+1)*width], x[i*width:(i+1)*width]
			mean, r := moments(x, epsilon)
			for k, v := range x {
				y[k] = T((float64(v)-mean)*r)*gamma[k] + beta[k]
			}
		}
		return nil
	}
}

// layerSumsKernel: in are x, dy. The rows are the sums over all rows of x of dy and of
// dy*(x-mean)*r: dbeta and dgamma.
func layerSumsKernel[T float](epsilon float64) func() kernel {
	return func() kernel {
		var memory []float64
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			y, x, dy := elements[T](out), elements[T](in[0]), elements[T](in[1])
			rows, width := last(in[0].Shape())
			sums := grow(&memory, 2*width)
			clear(sums)
			plain, product := sums[:width], sums[width:]
			for i := range rows {
				x, dy := x[i*width:(i+1)*width], dy[i*width:(i+1)*width]
				mean, r := moments(x, epsilon)
				for k, v := range dy {
					plain[k] += float64(v)
					product[k] += float64(v) * (float64(x[k]) - mean) * r
				}
			}
			for k, sum := range sums {
				y[k] = T(sum)
			}
			return nil
		}
	}
}

// layerInputKernel: in are x, gamma, dy. With u = dy*gamma and n columns,
//
//	dx = r*(u - sum(u)/n - (x-mean)*r*sum(u*(x-mean)*r)/n)
func layerInputKernel[T float](epsilon float64) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		dx, x, gamma, dy := elements[T](out), elements[T](in[0]), elements[T](in[1]), elements[T](in[2])
		rows, width := last(out.Shape())
		for i := range rows {
			dx, x, dy := dx[i*width:(i+1)*width], x[i*width:(i+1)*width], dy[i*width:(i+1)*width]
			mean, r := moments(x, epsilon)
			plain, product := 0.0, 0.0
			for k, v := range dy {
				u := float64(v) * float64(gamma[k])
				plain += u
				product += u * (float64(x[k]) - mean) * r
			}
			plain /= float64(width)
			product /= float64(width)
			for k, v := range dy {
				u := float64(v) * float64(gamma[k])
				dx[k] = T(r * (u - plain - (float64(x[k])-mean)*r*product))
			}
		}
		return nil
	}
}
