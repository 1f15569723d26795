package ops

import (
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/internal/parallel"
	"github.com/stheno-ml/stheno/internal/vector"
)

// The matrix of windows is made a block at a time, of about blockElements elements, so
// that it is still in the cache when it is multiplied; but of at least blockPositions
// rows, because every block is multiplied by the whole kernel. The block is also the unit
// of summation of the kernel's gradient: bits depend on it.
const (
	blockElements  = 1 << 16
	blockPositions = 256
)

// A convolution is cut into tasks of at least convTask multiply-adds: blocks of rows of
// the result, or whole images. Where that makes few tasks of much work each, as in the
// last layers of a deep network, they are done one after the other and their products
// are shared instead.
const (
	convTask  = 1 << 20
	fewTasks  = 8
	muchWork  = 1 << 24
	perMoved  = 16      // what it costs to copy an element of a window, in multiply-adds
	partsMost = 16      // of the kernel's gradient
	partsSize = 1 << 20 // elements of all parts together
)

// blockRows is how many rows of the result, each y.width positions, are computed at a
// time.
func (s *convSizes) blockRows() int {
	positions := max(blockElements/max(1, s.terms()), blockPositions)
	return max(1, positions/max(1, s.y.width))
}

// imageRows is blockRows in whole images.
func (s *convSizes) imageRows() int {
	return ceil(s.blockRows(), max(1, s.y.height)) * s.y.height
}

// rows is the number of rows of the result, in all images.
func (s *convSizes) rows() int { return s.y.batch * s.y.height }

// work is what n rows of the result cost, in multiply-adds.
func (s *convSizes) work(n int) int {
	each := s.filters
	if s.depthwise() {
		each *= perMoved
	} else if !s.pointwise() {
		each += perMoved
	}
	return n * s.y.width * s.groups * s.terms() * each
}

// rowsPerTask is unit rows of the result, or several times as many.
func (s *convSizes) rowsPerTask(unit int) int {
	return unit * max(1, ceil(convTask, max(1, s.work(unit))))
}

// share does tasks of so many rows, none where rows are empty.
func (s *convSizes) share(rows int, w parallel.Work) {
	if s.y.width == 0 {
		return
	}
	tasks := ceil(s.rows(), max(1, rows))
	if tasks < fewTasks && s.work(rows) >= muchWork {
		for t := range tasks {
			w.Task(0, t)
		}
		return
	}
	parallel.For(tasks, w)
}

// convRun is a convolution in progress, or a gradient of one.
type convRun[T float] struct {
	s       convSizes
	relu    bool
	x, w, y []T // y is the result, or its gradient
	step    int // rows of the result in a task
}

func (r *convRun[T]) set(c *convolution, in []gorgonia.Value) (err error) {
	if r.s, err = c.sizes(in[0].Shape(), in[1].Shape()); err == nil {
		r.x, r.w = elements[T](in[0]), elements[T](in[1])
	}
	return err
}

// line is the number of elements of a row of the result.
func (r *convRun[T]) line() int { return r.s.y.width * r.s.y.channels }

// convForward computes a convolution as the product of the matrix of windows of x
// [positions, terms] and the kernel [terms, filters], block by block.
type convForward[T float] struct {
	convRun[T]
	bias   []T // repeated, nil where there is none
	memory []T // of bias
}

func convKernel[T float](c *convolution) func() kernel {
	return func() kernel {
		r := new(convForward[T])
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			defer func() { r.convRun, r.bias = convRun[T]{}, nil }()
			if err := r.set(c, in); err != nil {
				return err
			}
			if len(in) == 3 {
				bias := elements[T](in[2])
				r.bias = grow(&r.memory, len(bias)*max(1, wideRow/max(1, len(bias))))
				repeat(r.bias, bias)
			}
			r.relu, r.y = c.relu, elements[T](out)
			r.step = r.s.rowsPerTask(r.s.blockRows())
			r.s.share(r.step, r)
			return nil
		}
	}
}

// Task computes some rows of the result.
func (r *convForward[T]) Task(worker, t int) {
	s := &r.s
	memory := borrow[T](worker)
	defer giveBack(worker, memory)
	end := min((t+1)*r.step, s.rows())
	for row, step := t*r.step, s.blockRows(); row < end; row += step {
		n := min(step, end-row)
		y := r.y[row*r.line() : (row+n)*r.line()]
		if s.depthwise() {
			clear(y)
			depthwise(s, y, r.x, r.w, row, n)
		} else {
			for group := range s.groups {
				m := windows(s, memory, r.x, row, n, group)
				gemm(m.transposed, false, n*s.y.width, s.filters, s.terms(), m.elements, m.ld,
					r.w[group*s.filters:], s.y.channels, 0, y[group*s.filters:], s.y.channels)
			}
		}
		finish(y, r.bias, r.relu)
	}
}

// finish adds the bias to y and applies the activation.
func finish[T float](y, bias []T, relu bool) {
	for n := len(bias); len(y) > 0; {
		if n == 0 {
			n = len(y)
		}
		part := y[:min(n, len(y))]
		y = y[len(part):]
		part32, ok := any(part).([]float32)
		switch {
		case ok && relu && len(bias) > 0:
			vector.BiasReLU(part32, part32, any(bias).([]float32)[:len(part)])
			continue
		case len(bias) > 0:
			addRun(part, bias[:len(part)])
		}
		if relu {
			rectify(part)
		}
	}
}

// repeat fills y with copies of row.
func repeat[T any](y, row []T) {
	for len(y) > 0 && len(row) > 0 {
		y = y[copy(y, row):]
	}
}

// convInput computes dx of x, kernel and dz: the product of dz and the transposed kernel
// is the gradient of the matrix of windows, whose elements are added to where they came
// from. A task has whole images, for windows overlap.
type convInput[T float] struct {
	convRun[T]
	dx []T
}

func convInputKernel[T float](c *convolution) func() kernel {
	return func() kernel {
		r := new(convInput[T])
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			defer func() { *r = convInput[T]{} }()
			if err := r.set(c, in); err != nil {
				return err
			}
			r.dx, r.y = elements[T](out), elements[T](in[2])
			r.step = r.s.rowsPerTask(r.s.imageRows())
			r.s.share(r.step, r)
			return nil
		}
	}
}

// Task computes the gradients of some images.
func (r *convInput[T]) Task(worker, t int) {
	s := &r.s
	memory := borrow[T](worker)
	defer giveBack(worker, memory)
	end := min((t+1)*r.step, s.rows())
	image := s.x.height * s.x.width * s.x.channels
	if !s.pointwise() || s.depthwise() {
		clear(r.dx[t*r.step/s.y.height*image : end/s.y.height*image])
	}
	step := s.blockRows()
	if s.y.height < step {
		step = s.imageRows()
	}
	for row := t * r.step; row < end; row += step {
		n := min(step, end-row)
		dz := r.y[row*r.line() : (row+n)*r.line()]
		if s.depthwise() {
			depthwiseInput(s, r.dx, r.w, dz, row, n)
			continue
		}
		for group := range s.groups {
			var to []T
			ld := s.x.channels
			if s.pointwise() {
				to = r.dx[row*s.x.width*s.x.channels+group*s.inputs:]
			} else {
				to, ld = grow(memory, n*s.y.width*s.terms()), s.terms()
			}
			gemm(false, true, n*s.y.width, s.terms(), s.filters, dz[group*s.filters:], s.y.channels,
				r.w[group*s.filters:], s.y.channels, 0, to, ld)
			if !s.pointwise() {
				col2im(s, r.dx, to, row, n, group)
			}
		}
	}
}

// convKernelRun computes dkernel of x, kernel and dz: the product of the transposed matrix
// of windows and dz, summed block by block. Each task has a sum of its own; they are added
// in their order. All sums together have at most partsSize elements.
type convKernelRun[T float] struct {
	convRun[T]
	dw    []T // [tasks, kernel]
	parts []T // memory of dw where there are several
}

func convKernelKernel[T float](c *convolution) func() kernel {
	return func() kernel {
		r := new(convKernelRun[T])
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			defer func() { r.convRun, r.dw = convRun[T]{}, nil }()
			if err := r.set(c, in); err != nil {
				return err
			}
			dw := elements[T](out)
			r.y, r.dw = elements[T](in[2]), dw
			r.step = r.s.rowsPerTask(r.s.blockRows())
			if tasks := ceil(r.s.rows(), r.step); tasks > 1 {
				blocks := ceil(r.s.rows(), r.s.blockRows())
				tasks = max(1, min(tasks, partsMost, partsSize/max(1, len(dw))))
				r.step = ceil(blocks, tasks) * r.s.blockRows()
				if tasks > 1 {
					r.dw = grow(&r.parts, ceil(r.s.rows(), r.step)*len(dw))
				}
			}
			clear(r.dw)
			r.s.share(r.step, r)
			if len(r.dw) > len(dw) {
				copy(dw, r.dw)
				for part := r.dw[len(dw):]; len(part) > 0; part = part[len(dw):] {
					addRun(dw, part[:len(dw)])
				}
			}
			return nil
		}
	}
}

// Task adds up some rows of the result.
func (r *convKernelRun[T]) Task(worker, t int) {
	s := &r.s
	memory := borrow[T](worker)
	defer giveBack(worker, memory)
	end := min((t+1)*r.step, s.rows())
	dw := r.dw[t*len(r.w) : (t+1)*len(r.w)]
	for row, step := t*r.step, s.blockRows(); row < end; row += step {
		n := min(step, end-row)
		dz := r.y[row*r.line() : (row+n)*r.line()]
		if s.depthwise() {
			depthwiseKernel(s, dw, r.x, dz, row, n)
			continue
		}
		for group := range s.groups {
			m := windows(s, memory, r.x, row, n, group)
			gemm(!m.transposed, false, s.terms(), s.filters, n*s.y.width, m.elements, m.ld,
				dz[group*s.filters:], s.y.channels, 1, dw[group*s.filters:], s.y.channels)
		}
	}
}
