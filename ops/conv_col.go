package ops

import "github.com/stheno-ml/stheno/internal/vector"

// windowMatrix is the matrix of windows [positions, terms], or its transpose; ld is the
// distance between two rows of what is stored.
type windowMatrix[T float] struct {
	elements   []T
	ld         int
	transposed bool
}

// windows returns the windows at n rows of the result from row on.
func windows[T float](s *convSizes, memory *[]T, x []T, row, n, group int) windowMatrix[T] {
	if s.pointwise() {
		return windowMatrix[T]{x[row*s.x.width*s.x.channels+group*s.inputs:], s.x.channels, false}
	}
	positions := n * s.y.width
	col := grow(memory, positions*s.terms())
	if s.x.channels == 1 && s.w.stride == 1 {
		im2row(s, col, x, row, n)
		return windowMatrix[T]{col, positions, true}
	}
	im2col(s, col, x, row, n, group)
	return windowMatrix[T]{col, s.terms(), false}
}

// im2row is im2col for one channel: it writes the transpose [terms, positions], where
// neighbours in x are neighbours.
func im2row[T float](s *convSizes, col, x []T, row, n int) {
	width := s.y.width
	for p := range s.h.size {
		for q := range s.w.size {
			shift := q*s.w.dilation - s.w.before // of x against the result
			from := min(max(-shift, 0), width)
			until := max(min(s.x.width-shift, width), from)
			line := col[(p*s.w.size+q)*n*width:][:n*width]
			for r := row; r < row+n; r++ {
				to := line[:width]
				line = line[width:]
				i := s.h.start(r%s.y.height) + p*s.h.dilation
				if i < 0 || i >= s.x.height {
					clear(to)
					continue
				}
				clear(to[:from])
				clear(to[until:])
				if from < until {
					copy(to[from:until], x[(r/s.y.height*s.x.height+i)*s.x.width+shift+from:])
				}
			}
		}
	}
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
	if len(src) >= 32 { // fewer are faster without calls
		if dst32, ok := any(dst).([]float32); ok {
			vector.Add(dst32, dst32, any(src).([]float32))
			return
		}
	}
	for i, v := range src {
		dst[i] += v
	}
}
