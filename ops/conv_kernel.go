package ops

import "gorgonia.org/gorgonia"

// The matrix of windows is made a block at a time, of about blockElements elements, so
// that it is still in the cache when it is multiplied; but of at least blockPositions
// rows, because every block is multiplied by the whole kernel. The block is also the unit
// of summation of the kernel's gradient: bits depend on it.
const (
	blockElements  = 1 << 16
	blockPositions = 256
)

// blockRows is how many rows of the result, each y.width positions, are computed at a
// time.
func (s *convSizes) blockRows() int {
	positions := max(blockElements/max(1, s.terms()), blockPositions)
	return max(1, positions/max(1, s.y.width))
}

// rows is the number of rows of the result, in all images.
func (s *convSizes) rows() int { return s.y.batch * s.y.height }

// convKernel computes a convolution as the product of the matrix of windows of x
// [positions, terms] and the kernel [terms, filters], block by block.
func convKernel[T float](c *convolution) func() kernel {
	return func() kernel {
		var memory []T
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			s, err := c.sizes(in[0].Shape(), in[1].Shape())
			if err != nil {
				return err
			}
			x, w, y := elements[T](in[0]), elements[T](in[1]), elements[T](out)
			var bias []T
			if len(in) == 3 {
				bias = elements[T](in[2])
			}
			step := s.blockRows()
			for row := 0; row < s.rows(); row += step {
				n := min(step, s.rows()-row)
				block := y[row*s.y.width*s.y.channels : (row+n)*s.y.width*s.y.channels]
				var beta T
				if bias != nil {
					repeat(block, bias)
					beta = 1
				}
				if s.depthwise() {
					if bias == nil {
						clear(block)
					}
					depthwise(&s, block, x, w, row, n)
				} else {
					for group := range s.groups {
						a, lda := windows(&s, &memory, x, row, n, group)
						gemm(false, false, n*s.y.width, s.filters, s.terms(), a, lda,
							w[group*s.filters:], s.y.channels, beta, block[group*s.filters:], s.y.channels)
					}
				}
				if c.relu {
					rectify(block)
				}
			}
			return nil
		}
	}
}

// convInputKernel computes dx of x, kernel and dz: the product of dz and the transposed
// kernel is the gradient of the matrix of windows, whose elements are added to where
// they came from.
func convInputKernel[T float](c *convolution) func() kernel {
	return func() kernel {
		var memory []T
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			s, err := c.sizes(in[0].Shape(), in[1].Shape())
			if err != nil {
				return err
			}
			dx, w, dz := elements[T](out), elements[T](in[1]), elements[T](in[2])
			if !s.pointwise() || s.depthwise() {
				clear(dx)
			}
			step := s.blockRows()
			for row := 0; row < s.rows(); row += step {
				n := min(step, s.rows()-row)
				block := dz[row*s.y.width*s.y.channels : (row+n)*s.y.width*s.y.channels]
				if s.depthwise() {
					depthwiseInput(&s, dx, w, block, row, n)
					continue
				}
				for group := range s.groups {
					to, ld := dx[row*s.x.width*s.x.channels+group*s.inputs:], s.x.channels
					if !s.pointwise() {
						to, ld = grow(&memory, n*s.y.width*s.terms()), s.terms()
					}
					gemm(false, true, n*s.y.width, s.terms(), s.filters, block[group*s.filters:], s.y.channels,
						w[group*s.filters:], s.y.channels, 0, to, ld)
					if !s.pointwise() {
						col2im(&s, dx, to, row, n, group)
					}
				}
			}
			return nil
		}
	}
}

// convKernelKernel computes dkernel of x, kernel and dz: the product of the transposed
// matrix of windows and dz, summed block by block.
func convKernelKernel[T float](c *convolution) func() kernel {
	return func() kernel {
		var memory []T
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			s, err := c.sizes(in[0].Shape(), in[1].Shape())
			if err != nil {
				return err
			}
			x, dw, dz := elements[T](in[0]), elements[T](out), elements[T](in[2])
			clear(dw)
			step := s.blockRows()
			for row := 0; row < s.rows(); row += step {
				n := min(step, s.rows()-row)
				block := dz[row*s.y.width*s.y.channels : (row+n)*s.y.width*s.y.channels]
				if s.depthwise() {
					depthwiseKernel(&s, dw, x, block, row, n)
					continue
				}
				for group := range s.groups {
					a, lda := windows(&s, &memory, x, row, n, group)
					gemm(true, false, s.terms(), s.filters, n*s.y.width, a, lda,
						block[group*s.filters:], s.y.channels, 1, dw[group*s.filters:], s.y.channels)
				}
			}
			return nil
		}
	}
}

// repeat fills y with copies of row.
func repeat[T float](y, row []T) {
	for len(y) > 0 {
		y = y[copy(y, row):]
	}
}

// windows returns the windows at n rows of the result from row on, one below the other,
// as a matrix [n*y.width, terms] and the distance between its rows.
func windows[T float](s *convSizes, memory *[]T, x []T, row, n, group int) ([]T, int) {
	if s.pointwise() {
		return x[row*s.x.width*s.x.channels+group*s.inputs:], s.x.channels
	}
	col := grow(memory, n*s.y.width*s.terms())
	im2col(s, col, x, row, n, group)
	return col, s.terms()
}

// im2col copies the windows at n rows of the result, padding as zeros.
func im2col[T float](s *convSizes, col, x []T, row, n, group int) {
	channels, terms, run := s.x.channels, s.terms(), s.w.size*s.inputs
	whole := s.groups == 1 && s.w.dilation == 1 // a row of the window is one run of memory
	first, last := s.w.interior()
	for r := row; r < row+n; r++ {
		image := x[r/s.y.height*s.x.height*s.x.width*channels:]
		block := col[(r-row)*s.y.width*terms:][:s.y.width*terms]
		for p := range s.h.size {
			i := s.h.start(r%s.y.height) + p*s.h.dilation
			if i < 0 || i >= s.x.height {
				for j := range s.y.width {
					clear(block[j*terms+p*run:][:run])
				}
				continue
			}
			line := image[i*s.x.width*channels : (i+1)*s.x.width*channels]
			for j := range s.y.width {
				to := block[j*terms+p*run:][:run]
				if whole && j >= first && j < last {
					assignRun(to, line[s.w.start(j)*channels:])
					continue
				}
				from, until := s.w.inside(j)
				clear(to[:from*s.inputs])
				clear(to[until*s.inputs:])
				for q := from; q < until; q++ {
					assignRun(to[q*s.inputs:(q+1)*s.inputs], line[(s.w.start(j)+q*s.w.dilation)*channels+group*s.inputs:])
				}
			}
		}
	}
}

// assignRun copies the first elements of src; a call of copy costs more than a few
// elements.
func assignRun[T float](dst, src []T) {
	if len(dst) > 16 {
		copy(dst, src)
		return
	}
	src = src[:len(dst)]
	//lint:ignore S1001 copy is what this avoids
	for i, v := range src {
		dst[i] = v
	}
}

// col2im adds the gradients of the windows at n rows of the result to dx.
func col2im[T float](s *convSizes, dx, col []T, row, n, group int) {
	channels, terms, run := s.x.channels, s.terms(), s.w.size*s.inputs
	whole := s.groups == 1 && s.w.dilation == 1
	first, last := s.w.interior()
	for r := row; r < row+n; r++ {
		image := dx[r/s.y.height*s.x.height*s.x.width*channels:]
		block := col[(r-row)*s.y.width*terms:][:s.y.width*terms]
		for p := range s.h.size {
			i := s.h.start(r%s.y.height) + p*s.h.dilation
			if i < 0 || i >= s.x.height {
				continue
			}
			line := image[i*s.x.width*channels : (i+1)*s.x.width*channels]
			for j := range s.y.width {
				from := block[j*terms+p*run:][:run]
				if whole && j >= first && j < last {
					addRun(line[s.w.start(j)*channels:], from)
					continue
				}
				begin, end := s.w.inside(j)
				for q := begin; q < end; q++ {
					addRun(line[(s.w.start(j)+q*s.w.dilation)*channels+group*s.inputs:], from[q*s.inputs:(q+1)*s.inputs])
				}
			}
		}
	}
}

// addRun adds src to the first elements of dst.
func addRun[T float](dst, src []T) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] += v
	}
}
