package ops

import (
	"unsafe"

	"github.com/stheno-ml/stheno/internal/vector"
)

// poolSizes is a pooling of given shapes.
type poolSizes struct {
	x    images
	h, w windowAxis
}

// imageSizes returns the number of elements of an image of x and of the result.
func (s *poolSizes) imageSizes() (x, y int) {
	return s.x.height * s.x.width * s.x.channels, s.h.out * s.w.out * s.x.channels
}

// images returns the sizes of some of the images.
func (s poolSizes) images(n int) poolSizes {
	s.x.batch = n
	return s
}

// poolWindow is the part of a window that lies on the input: the offset of its first
// element's first channel, and its size. It is never empty: padding is less than a window.
type poolWindow struct{ x, height, width int }

// eachWindow calls f for every position of the window, in row-major order, with the
// offset of the first channel of the result.
func (s *poolSizes) eachWindow(f func(y int, w poolWindow)) {
	y := 0
	for image := range s.x.batch {
		for i := range s.h.out {
			top, bottom := s.h.inside(i)
			line := image*s.x.height + s.h.start(i) + top
			for j := range s.w.out {
				left, right := s.w.inside(j)
				f(y, poolWindow{(line*s.x.width + s.w.start(j) + left) * s.x.channels, bottom - top, right - left})
				y += s.x.channels
			}
		}
	}
}

// maxWindows sets y to the maxima.
func maxWindows[T float](s poolSizes, y, x []T) {
	n, line := s.x.channels, s.x.width*s.x.channels
	y32, _ := any(y).([]float32)
	x32, _ := any(x).([]float32)
	s.eachWindow(func(yi int, w poolWindow) {
		if y32 != nil && w.height == 2 && w.width == 2 {
			x := x32[w.x:]
			vector.Max4(y32[yi:yi+n], x, x[n:], x[line:], x[line+n:])
			return
		}
		y := y[yi : yi+n]
		if w.height == 2 && w.width == 2 {
			a, b := x[w.x:][:len(y)], x[w.x+n:][:len(y)]
			c, d := x[w.x+line:][:len(y)], x[w.x+line+n:][:len(y)]
			for k := range y {
				y[k] = max(a[k], b[k], c[k], d[k])
			}
			return
		}
		copy(y, x[w.x:])
		for p := range w.height {
			for q := range w.width {
				for k, v := range x[w.x+p*line+q*n:][:len(y)] {
					y[k] = max(y[k], v)
				}
			}
		}
	})
}

// halves says that windows of two cover the axis without overlapping.
func (a windowAxis) halves() bool {
	return a.size == 2 && a.stride == 2 && a.in == 2*a.out
}

// pullMax adds each window's gradient at its first maximum, the first element whose bits
// are the result's.
func pullMax[T float, U word](s poolSizes, dx, x, y, grad []T) {
	n, line := s.x.channels, s.x.width*s.x.channels
	xs, ys, grads, dxs := words[U](x), words[U](y), words[U](grad), words[U](dx)
	x32, _ := any(x).([]float32)
	dx32, _ := any(dx).([]float32)
	y32, _ := any(y).([]float32)
	grad32, _ := any(grad).([]float32)
	apart := s.h.stride >= s.h.size && s.w.stride >= s.w.size // every element is in at most one window
	if !s.h.halves() || !s.w.halves() {
		clear(dx)
	}
	s.eachWindow(func(yi int, w poolWindow) {
		if apart && x32 != nil && w.height == 2 && w.width == 2 {
			vector.Max4Grad(dx32[w.x:], x32[w.x:], n, line, y32[yi:yi+n], grad32[yi:])
			return
		}
		y, grad := ys[yi:yi+n], grads[yi:][:n]
		if apart && w.height == 2 && w.width == 2 {
			pullMax4(y, grad, xs, dxs, w.x, n, line)
			return
		}
		for first := 0; first < n; first += 64 { // found is on the stack
			var found [64]U
			y, grad := y[first:min(first+64, n)], grad[first:min(first+64, n)]
			for p := range w.height {
				for q := range w.width {
					at := w.x + p*line + q*n + first
					x, dx := xs[at:][:len(y)], dx[at:][:len(y)]
					for k := range y {
						here := ^mask(x[k]^y[k]) &^ found[k]
						found[k] |= here
						share := grad[k] & here
						dx[k] += *(*T)(unsafe.Pointer(&share))
					}
				}
			}
		}
	})
}

// pullMax4 is pullMax for a window of two by two that shares no element with another. The
// comparisons become conditional moves.
func pullMax4[U word](y, grad, x, dx []U, at, n, line int) {
	a, b, c, d := x[at:][:n], x[at+n:][:n], x[at+line:][:n], x[at+line+n:][:n]
	da, db, dc, dd := dx[at:][:n], dx[at+n:][:n], dx[at+line:][:n], dx[at+line+n:][:n]
	y, grad = y[:n], grad[:n]
	for k := range n {
		v, share := y[k], grad[k]
		var toA, toB, toC, toD U
		if a[k] == v {
			toA = share
		}
		share &^= toA
		if b[k] == v {
			toB = share
		}
		share &^= toB
		if c[k] == v {
			toC = share
		}
		share &^= toC
		if d[k] == v {
			toD = share
		}
		da[k], db[k], dc[k], dd[k] = toA, toB, toC, toD
	}
}

// avgWindows sets y to the means.
func avgWindows[T float](s poolSizes, y, x []T) {
	n, line := s.x.channels, s.x.width*s.x.channels
	s.eachWindow(func(yi int, w poolWindow) {
		y := y[yi : yi+n]
		clear(y)
		for p := range w.height {
			for q := range w.width {
				addRun(y, x[w.x+p*line+q*n:][:n])
			}
		}
		scale := 1 / T(w.height*w.width)
		for k := range y {
			y[k] *= scale
		}
	})
}

// pullAvg shares each window's gradient among its elements.
func pullAvg[T float](s poolSizes, dx, _, _, grad []T) {
	clear(dx)
	n, line := s.x.channels, s.x.width*s.x.channels
	s.eachWindow(func(yi int, w poolWindow) {
		scale := 1 / T(w.height*w.width)
		grad := grad[yi : yi+n]
		for p := range w.height {
			for q := range w.width {
				dx := dx[w.x+p*line+q*n:][:n]
				for k, v := range grad {
					dx[k] += v * scale
				}
			}
		}
	})
}
