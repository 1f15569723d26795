package ops

import (
	"math"

	"gorgonia.org/gorgonia"
)

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

// perNormed is what an element of a row counts for: its moments come first.
const perNormed = 4

// layerNormKernel: in are x, gamma, beta.
func layerNormKernel[T float](epsilon float64) func() kernel {
	return func() kernel {
		var y, x, gamma, beta []T
		loop := overRows(func(from, to int) {
			gamma, beta, n := gamma, beta, len(gamma) // captured variables are slow
			for i := from; i < to; i++ {
				y, x := y[i*n:(i+1)*n], x[i*n:(i+1)*n]
				mean, r := moments(x, epsilon)
				for k, v := range x {
					y[k] = T((float64(v)-mean)*r)*gamma[k] + beta[k]
				}
			}
		})
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			y, x, gamma, beta = elements[T](out), elements[T](in[0]), elements[T](in[1]), elements[T](in[2])
			rows, width := last(out.Shape())
			loop.run(rows, width*perNormed)
			y, x, gamma, beta = nil, nil, nil, nil
			return nil
		}
	}
}

// layerSumsKernel: in are x, dy. The rows are the sums over all rows of x of dy and of
// dy*(x-mean)*r: dbeta and dgamma.
func layerSumsKernel[T float](epsilon float64) func() kernel {
	return func() kernel {
		var x, dy []T
		loop := overSums(func(sums []float64, from, to int) {
			n := len(sums) / 2
			plain, product := sums[:n], sums[n:]
			for i := from; i < to; i++ {
				x, dy := x[i*n:(i+1)*n], dy[i*n:(i+1)*n]
				mean, r := moments(x, epsilon)
				for k, v := range dy {
					plain[k] += float64(v)
					product[k] += float64(v) * (float64(x[k]) - mean) * r
				}
			}
		})
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			y := elements[T](out)
			x, dy = elements[T](in[0]), elements[T](in[1])
			rows, width := last(in[0].Shape())
			for k, sum := range loop.run(rows, width, 2*width) {
				y[k] = T(sum)
			}
			x, dy = nil, nil
			return nil
		}
	}
}

// layerInputKernel: in are x, gamma, dy. With u = dy*gamma and n columns,
//
//	dx = r*(u - sum(u)/n - (x-mean)*r*sum(u*(x-mean)*r)/n)
func layerInputKernel[T float](epsilon float64) func() kernel {
	return func() kernel {
		var dx, x, gamma, dy []T
		loop := overRows(func(from, to int) {
			n := len(gamma)
			for i := from; i < to; i++ {
				layerInputRow(dx[i*n:(i+1)*n], x[i*n:(i+1)*n], gamma, dy[i*n:(i+1)*n], epsilon)
			}
		})
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			dx, x, gamma, dy = elements[T](out), elements[T](in[0]), elements[T](in[1]), elements[T](in[2])
			rows, width := last(out.Shape())
			loop.run(rows, width*perNormed)
			dx, x, gamma, dy = nil, nil, nil, nil
			return nil
		}
	}
}

func layerInputRow[T float](dx, x, gamma, dy []T, epsilon float64) {
	mean, r := moments(x, epsilon)
	plain, product := 0.0, 0.0
	for k, v := range dy {
		u := float64(v) * float64(gamma[k])
		plain += u
		product += u * (float64(x[k]) - mean) * r
	}
	plain /= float64(len(x))
	product /= float64(len(x))
	for k, v := range dy {
		u := float64(v) * float64(gamma[k])
		dx[k] = T(r * (u - plain - (float64(x[k])-mean)*r*product))
	}
}
