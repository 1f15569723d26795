package ops

// Convolutions whose groups are single channels: the products of im2col would have one
// column each, so the elements are multiplied where they are. Filter o belongs to
// channel o/filters.

// eachTap calls f for every element of the window at every position of n rows of the
// result that lies on the input: offsets of the first channel in the block of the result,
// in x and in the kernel.
func (s *convSizes) eachTap(row, n int, f func(y, x, w int)) {
	y := 0
	for r := row; r < row+n; r++ {
		image := r / s.y.height * s.x.height
		i := r % s.y.height
		top, bottom := s.h.inside(i)
		for j := range s.y.width {
			from, to := s.w.inside(j)
			for p := top; p < bottom; p++ {
				line := (image + s.h.start(i) + p*s.h.dilation) * s.x.width
				for q := from; q < to; q++ {
					f(y, (line+s.w.start(j)+q*s.w.dilation)*s.x.channels, (p*s.w.size+q)*s.y.channels)
				}
			}
			y += s.y.channels
		}
	}
}

// depthwise adds the convolution to y, n rows of the result from row on.
func depthwise[T float](s *convSizes, y, x, w []T, row, n int) {
	s.eachTap(row, n, func(yi, xi, wi int) {
		y, x, w := y[yi:yi+s.y.channels], x[xi:xi+s.x.channels], w[wi:wi+s.y.channels]
		if s.filters == 1 {
			for k, v := range x {
				y[k] += v * w[k]
			}
			return
		}
		for k := range y {
			y[k] += x[k/s.filters] * w[k]
		}
	})
}

// depthwiseInput adds the gradient of x.
func depthwiseInput[T float](s *convSizes, dx, w, dz []T, row, n int) {
	s.eachTap(row, n, func(yi, xi, wi int) {
		dz, dx, w := dz[yi:yi+s.y.channels], dx[xi:xi+s.x.channels], w[wi:wi+s.y.channels]
		if s.filters == 1 {
			for k, v := range dz {
				dx[k] += v * w[k]
			}
			return
		}
		for k, v := range dz {
			dx[k/s.filters] += v * w[k]
		}
	})
}

// depthwiseKernel adds the gradient of the kernel.
func depthwiseKernel[T float](s *convSizes, dw, x, dz []T, row, n int) {
	s.eachTap(row, n, func(yi, xi, wi int) {
		dz, x, dw := dz[yi:yi+s.y.channels], x[xi:xi+s.x.channels], dw[wi:wi+s.y.channels]
		if s.filters == 1 {
			for k, v := range dz {
				dw[k] += v * x[k]
			}
			return
		}
		for k, v := range dz {
			dw[k] += v * x[k/s.filters]
		}
	})
}
