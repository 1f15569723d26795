package session

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/parallel"
)

// windows is how Gorgonia's Conv2d cuts images [batch, channels, height, width] into a
// matrix [batch, out height, out width, channels*kernel height*kernel width].
type windows struct {
	h, w, padH, padW, strideH, strideW, dilationH, dilationW int

	channels, height, width, outH, outW int // of this run
}

func windowsOf(op gorgonia.Op) windows {
	f := func(name string) int { return intField(op, name) }
	return windows{
		h: f("h"), w: f("w"), padH: f("padH"), padW: f("padW"),
		strideH: f("strideH"), strideW: f("strideW"), dilationH: f("dilationH"), dilationW: f("dilationW"),
	}
}

// of returns the windows of these images and that matrix; false if the shapes do not fit.
func (w windows) of(images, matrix tensor.Shape) (windows, bool) {
	if len(images) != 4 || len(matrix) != 4 || min(w.strideH, w.strideW, w.h, w.w) < 1 {
		return w, false
	}
	w.channels, w.height, w.width = images[1], images[2], images[3]
	w.outH, w.outW = matrix[1], matrix[2]
	return w, images[0] == matrix[0] && matrix[3] == w.channels*w.h*w.w
}

// row returns where, in a channel, the kernel's row p begins for a window of this row and
// column, and from and to, the part of the kernel's row that lies in the image.
func (w *windows) row(i, j, p int) (start, from, to int) {
	y, x := i*w.strideH+p*w.dilationH-w.padH, j*w.strideW-w.padW
	if y < 0 || y >= w.height {
		return 0, 0, 0
	}
	for to = w.w; to > 0 && x+(to-1)*w.dilationW >= w.width; to-- {
	}
	for from < to && x+from*w.dilationW < 0 {
		from++
	}
	return y*w.width + x, from, to
}

// fasterWindows returns a kernel for im2col, or for its gradient col2im.
func fasterWindows(n *gorgonia.Node, gradient bool) func(gorgonia.Value, []gorgonia.Value) error {
	x, w := graph.InputsOf(n)[0], windowsOf(n.Op())
	images, matrix := x.Shape(), n.Shape()
	if gradient {
		images, matrix = matrix, images
	}
	if _, ok := w.of(images, matrix); !ok || x.Dtype() != n.Dtype() {
		return nil
	}
	return floats(n.Dtype(), windowsKernel[float32](w, gradient), windowsKernel[float64](w, gradient))
}

func windowsKernel[T float](w windows, gradient bool) func(gorgonia.Value, []gorgonia.Value) error {
	loop := &windowsLoop[T]{gradient: gradient}
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, x, _, err := three[T](out, in[0], in[0])
		if err != nil {
			return err
		}
		images, matrix := in[0].Shape(), out.Shape()
		loop.matrix, loop.images = y, x
		if gradient {
			images, matrix = matrix, images
			loop.matrix, loop.images = x, y
		}
		var ok bool
		if loop.windows, ok = w.of(images, matrix); !ok {
			return fmt.Errorf("images of shape %v and windows of shape %v do not fit", images, matrix)
		}
		parallel.For(images[0], loop)
		loop.matrix, loop.images = nil, nil
		return nil
	}
}

// windowsLoop does the images of a batch one by one, or several at once.
type windowsLoop[T float] struct {
	windows
	gradient       bool
	matrix, images []T
}

// Task does one image.
func (l *windowsLoop[T]) Task(_, t int) {
	w := &l.windows
	area, cells := w.height*w.width, w.outH*w.outW*w.channels*w.h*w.w
	image, matrix := l.images[t*w.channels*area:(t+1)*w.channels*area], l.matrix[t*cells:(t+1)*cells]
	if l.gradient {
		clear(image)
	}
	for i := range w.outH {
		for j := range w.outW {
			for c := range w.channels {
				channel := image[c*area : (c+1)*area]
				for p := range w.h {
					start, from, to := w.row(i, j, p)
					if l.gradient {
						for q := from; q < to; q++ {
							channel[start+q*w.dilationW] += matrix[q]
						}
					} else {
						clear(matrix[:w.w])
						for q := from; q < to; q++ {
							matrix[q] = channel[start+q*w.dilationW]
						}
					}
					matrix = matrix[w.w:]
				}
			}
		}
	}
}
