package session_test

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/tensor"
)

func tensorText(s tensor.Shape) string { return fmt.Sprint([]int(s)) }
func axesText(axes []int) string {
	if axes == nil {
		return " all"
	}
	return fmt.Sprint(" axes ", axes)
}

// reduced is a reduction over axes, all of them where there are none.
func reduced(shape tensor.Shape, axes []int, how string) func([][]float64) []float64 {
	return func(x [][]float64) []float64 {
		size := 1
		for i, n := range shape {
			if axes != nil && !slices.Contains(axes, i) {
				size *= n
			}
		}
		out, counts := make([]float64, size), make([]float64, size)
		if how == "max" {
			for i := range out {
				out[i] = math.Inf(-1)
			}
		}
		strides := shape.CalcStrides()
		for i, v := range x[0] {
			to := 0
			for axis, n := range shape {
				if axes != nil && !slices.Contains(axes, axis) {
					to = to*n + i/strides[axis]%n
				}
			}
			counts[to]++
			if how == "max" {
				out[to] = math.Max(out[to], v)
			} else {
				out[to] += v
			}
		}
		if how == "mean" {
			for i := range out {
				out[i] /= counts[i]
			}
		}
		return out
	}
}

// convolved is a convolution of batch images of side size with 3x3 filters.
func convolved(batch, channels, size, filters, pad, stride int) func([][]float64) []float64 {
	return func(x [][]float64) []float64 {
		side := (size+2*pad-3)/stride + 1
		var out []float64
		for i := range batch * filters * side * side {
			b, f, row, column := i/(filters*side*side), i/(side*side)%filters, i/side%side, i%side
			sum := 0.0
			for k := range channels * 9 {
				c, p, q := k/9, k/3%3, k%3
				y, z := row*stride+p-pad, column*stride+q-pad
				if y >= 0 && y < size && z >= 0 && z < size {
					sum += x[0][((b*channels+c)*size+y)*size+z] * x[1][((f*channels+c)*3+p)*3+q]
				}
			}
			out = append(out, sum)
		}
		return out
	}
}

// pooled pools planes of side size.
func pooled(planes, size, kernel, pad, stride int, average bool) func([][]float64) []float64 {
	return func(x [][]float64) []float64 {
		side := (size+2*pad-kernel)/stride + 1
		var out []float64
		for i := range planes * side * side {
			plane, row, column := i/(side*side), i/side%side, i%side
			largest, sum := math.Inf(-1), 0.0
			for k := range kernel * kernel {
				y, z := row*stride+k/kernel-pad, column*stride+k%kernel-pad
				if y >= 0 && y < size && z >= 0 && z < size {
					v := x[0][(plane*size+y)*size+z]
					largest, sum = math.Max(largest, v), sum+v
				}
			}
			if average {
				largest = sum / float64(kernel*kernel)
			}
			out = append(out, largest)
		}
		return out
	}
}

// normalized is batch normalisation in training, with scale x[1] and bias x[2].
func normalized(batch, channels, spatial int) func([][]float64) []float64 {
	return func(x [][]float64) []float64 {
		out := make([]float64, batch*channels*spatial)
		for c := range channels {
			var mean, variance float64
			n := float64(batch * spatial)
			at := func(k int) int { return (k/spatial*channels+c)*spatial + k%spatial }
			for k := range batch * spatial {
				mean += x[0][at(k)] / n
			}
			for k := range batch * spatial {
				variance += (x[0][at(k)] - mean) * (x[0][at(k)] - mean) / n
			}
			for k := range batch * spatial {
				out[at(k)] = (x[0][at(k)]-mean)/math.Sqrt(variance+1e-5)*x[1][c] + x[2][c]
			}
		}
		return out
	}
}

// batchedProduct multiplies batch pairs of an m by k and a k by n matrix.
func batchedProduct(batch, m, k, n int, transA, transB bool) func([][]float64) []float64 {
	return func(x [][]float64) []float64 {
		out := make([]float64, batch*m*n)
		for i := range out {
			b, row, column := i/(m*n), i/n%m, i%n
			for j := range k {
				left, right := b*m*k+row*k+j, b*k*n+j*n+column
				if transA {
					left = b*m*k + j*m + row
				}
				if transB {
					right = b*k*n + column*k + j
				}
				out[i] += x[0][left] * x[1][right]
			}
		}
		return out
	}
}

// broadcasted applies f with the second input repeated along its axes of length 1.
func broadcasted(a, b tensor.Shape, f func(a, b float64) float64) func([][]float64) []float64 {
	return func(x [][]float64) []float64 {
		out := make([]float64, len(x[0]))
		strides := a.CalcStrides()
		for i, v := range x[0] {
			at := 0
			for axis := range b {
				left := axis + len(a) - len(b)
				at *= b[axis]
				if b[axis] > 1 {
					at += i / strides[left] % a[left]
				}
			}
			out[i] = f(v, x[1][at])
		}
		return out
	}
}

// reducedBy is the norm of the rows of a matrix.
func reducedBy(shape tensor.Shape, axis int, f func(float64) float64, power float64) func([][]float64) []float64 {
	return func(x [][]float64) []float64 {
		powers := make([]float64, len(x[0]))
		for i, v := range x[0] {
			powers[i] = math.Pow(f(v), power)
		}
		out := reduced(shape, []int{axis}, "sum")([][]float64{powers})
		for i := range out {
			out[i] = math.Pow(out[i], 1/power)
		}
		return out
	}
}

// joined puts inputs of the given row lengths side by side.
func joined(rows int, lengths ...int) func([][]float64) []float64 {
	return func(x [][]float64) (out []float64) {
		for row := range rows {
			for i, n := range lengths {
				out = append(out, x[i][row*n:(row+1)*n]...)
			}
		}
		return out
	}
}

// sliced keeps a range of each axis.
func sliced(shape tensor.Shape, ranges ...[2]int) func([][]float64) []float64 {
	return func(x [][]float64) (out []float64) {
		strides := shape.CalcStrides()
	elements:
		for i, v := range x[0] {
			for axis, r := range ranges {
				if at := i / strides[axis] % shape[axis]; at < r[0] || at >= r[1] {
					continue elements
				}
			}
			out = append(out, v)
		}
		return out
	}
}

// transposed permutes axes: axis i of the result is axes[i] of the input.
func transposed(shape tensor.Shape, axes ...int) func([][]float64) []float64 {
	return func(x [][]float64) []float64 {
		out := make([]float64, len(x[0]))
		to := make(tensor.Shape, len(axes))
		for i, axis := range axes {
			to[i] = shape[axis]
		}
		from, strides := shape.CalcStrides(), to.CalcStrides()
		for i := range out {
			at := 0
			for k, axis := range axes {
				at += i / strides[k] % to[k] * from[axis]
			}
			out[i] = x[0][at]
		}
		return out
	}
}

// selected takes slices of an axis.
func selected(shape tensor.Shape, axis int, indices ...int) func([][]float64) []float64 {
	return func(x [][]float64) (out []float64) {
		inner := tensor.Shape(shape[axis+1:]).TotalSize()
		for outer := range tensor.Shape(shape[:axis]).TotalSize() {
			for _, k := range indices {
				at := (outer*shape[axis] + k) * inner
				out = append(out, x[0][at:at+inner]...)
			}
		}
		return out
	}
}

// ctcReference is the loss of the targets [1 2] and [3] over steps of four labels, 0 the
// blank, by adding up the probabilities of every labelling of the steps.
func ctcReference(sum bool, lengths ...int) func([][]float64) []float64 {
	targets := [][]int{{1, 2}, {3}}
	return func(x [][]float64) []float64 {
		logs := softmaxOf(10, 4, true)(x)
		loss := 0.0
		for b, target := range targets {
			probability := 0.0
			for code := range int(math.Pow(4, float64(lengths[b]))) {
				var labels []int
				log, previous := 0.0, 0
				for step := range lengths[b] {
					label := code >> (2 * step) & 3
					if label != 0 && label != previous {
						labels = append(labels, label)
					}
					log, previous = log+logs[(step*2+b)*4+label], label
				}
				if slices.Equal(labels, target) {
					probability += math.Exp(log)
				}
			}
			if sum {
				loss -= math.Log(probability)
			} else {
				loss -= math.Log(probability) / float64(len(target)) / 2
			}
		}
		return []float64{loss}
	}
}
