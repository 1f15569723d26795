package blas

import (
	"unsafe"

	"github.com/stheno-ml/stheno/internal/cpu"
	"github.com/stheno-ml/stheno/internal/parallel"
)

// tuning is what an instruction set wants. depth alone decides the order of a sum: every
// element of C is, for each block of k of at most so many terms, alpha*(sum in order of
// k) + beta*C, and beta is 1 after the first block. All the rest is free to change.
type tuning struct {
	set           cpu.Set
	lanes         int // float32 in a register
	rows, columns int // of the largest micro-kernel
	wide          int // columns of the kernel for one row
	packedRow     int // distance of the rows of packed A: stores of whole registers
	depth         int
}

var tunings = [...]tuning{
	cpu.AVX2:   {set: cpu.AVX2, lanes: 8, rows: 6, columns: 16, wide: 64, packedRow: 8, depth: 256},
	cpu.AVX512: {set: cpu.AVX512, lanes: 16, rows: 14, columns: 32, wide: 128, packedRow: 16, depth: 384},
}

// Sizes of tiles of C. They follow from the shape, and change no bit; a test changes
// them.
var (
	tileRows    = 512
	tileColumns = 512
	taskSize    = 1 << 20 // multiply-adds wanted in a task
)

const (
	mostTasks   = 16
	packBFrom   = 5         // panels of rows from which packing B pays
	packAFrom   = 4         // panels of columns from which packing A pays
	blockFloats = 384 << 10 // of A packed at once, where one block of depth needs so many
	packFloats  = 256 << 10 // of A packed at once otherwise
)

// nativeScratch is what a worker needs for its task.
type nativeScratch struct {
	args arguments
	b    []float32 // packed
	tmp  [16 * 16]float32
	sums [4]float32
}

type phase int

const (
	phaseTiles phase = iota
	phasePackA
	phaseDots
)

var products parallel.FreeList[product]

// product is one call of Sgemm: first A is packed, once for all workers, then each task
// packs its strip of B and computes a tile of C.
type product struct {
	own scratch // the caller's
	tuning
	transA, transB bool
	m, n, k        int
	alpha, beta    float32
	a, b, c        []float32
	lda, ldb, ldc  int

	height       int // of a panel of A: m is cut into panels of equal height
	width        int // of a panel of B
	block        int // of k: at most tuning.depth, all equal but the last
	k0, k1       int // the part of k that the running phase covers
	rowsTile     int
	columnsTile  int
	across       int // tiles beside one another
	packA, packB bool
	phase        phase
	packedA      []float32
	vector       []float32
	incC         int // of dots
}

// multiply plans a product and runs it.
func (p *product) multiply(transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int) {
	if s := max(tileRows, blockFloats/min(k, p.depth)); m > s { // packed A would be too large: one part after the other
		s = ceil(ceil(m, ceil(m, s)), p.rows) * p.rows
		for i := 0; i < m; i += s {
			first := i * lda
			if transA {
				first = i
			}
			p.multiply(transA, transB, min(s, m-i), n, k, a[first:], lda, b, ldb, c[i*ldc:], ldc)
		}
		return
	}
	p.transA, p.transB, p.m, p.n, p.k = transA, transB, m, n, k
	p.a, p.lda, p.b, p.ldb, p.c, p.ldc = a, lda, b, ldb, c, ldc
	panels := ceil(m, p.rows)
	p.height, p.width = ceil(m, panels), p.columns
	p.block = ceil(k, ceil(k, p.depth))
	p.packB = transB || panels >= packBFrom && k*n > 1<<13
	strips := ceil(n, p.width)
	p.packA = panels > 1 && (strips >= packAFrom || transA && strips > 1 && k > 256)
	if !p.packB {
		switch {
		case m == 1 && n >= p.wide:
			p.width = p.wide
		case p.set == cpu.AVX512 && m <= 6 && n > 32:
			p.width = 64
		}
	}
	size := m * n * k
	wanted := min(max(1, size/taskSize), mostTasks)
	down, across := ceil(m, tileRows), ceil(n, tileColumns)
	strips = ceil(n, p.width)
	if size >= parallelFrom {
		across = min(strips, max(across, ceil(wanted, down)))
		down = max(down, min(ceil(m, 96), ceil(wanted, across)))
	}
	p.rowsTile = ceil(panels, down) * p.height
	p.columnsTile = ceil(strips, across) * p.width
	p.across = ceil(n, p.columnsTile)
	down = ceil(m, p.rowsTile)
	step := k
	if p.packA {
		step = max(1, packFloats/(m*p.block)) * p.block
	}
	for p.k0 = 0; p.k0 < k; p.k0 += step {
		p.k1 = min(p.k0+step, k)
		if p.packA {
			blocks := ceil(p.k1-p.k0, p.block)
			p.packedA = grow(p.packedA, blocks*p.blockSize())
			p.phase = phasePackA
			share(p, down*blocks, size, &p.own)
		}
		p.phase = phaseTiles
		share(p, down*p.across, size, &p.own)
	}
}

// Task implements parallel.Work.
func (p *product) Task(worker, t int) { p.task(p.own.of(worker), t) }

// task implements work.
func (p *product) task(s *scratch, t int) {
	x := &s.native
	switch p.phase {
	case phaseTiles:
		i0, j0 := t/p.across*p.rowsTile, t%p.across*p.columnsTile
		p.tile(x, i0, min(i0+p.rowsTile, p.m), j0, min(j0+p.columnsTile, p.n))
	case phasePackA:
		blocks := ceil(p.k1-p.k0, p.block)
		i0 := t / blocks * p.rowsTile
		p.packRows(x, i0, min(i0+p.rowsTile, p.m), p.k0+t%blocks*p.block)
	case phaseDots:
		p.dotRows(x, t*p.rowsTile, min((t+1)*p.rowsTile, p.m))
	}
}

// tile computes rows [i0, i1) and columns [j0, j1) of C over k from k0 to k1.
func (p *product) tile(x *nativeScratch, i0, i1, j0, j1 int) {
	args := &x.args
	args.alpha, args.rowC = p.alpha, 4*p.ldc
	switch {
	case p.packA:
		args.rowA, args.columnA = 4, 4*p.packedRow
	case p.transA:
		args.rowA, args.columnA = 4, 4*p.lda
	default:
		args.rowA, args.columnA = 4*p.lda, 4
	}
	for k0 := p.k0; k0 < p.k1; k0 += p.block {
		depth := min(p.block, p.k1-k0)
		args.k, args.beta = depth, 1
		if k0 == 0 {
			args.beta = p.beta
		}
		if p.packB {
			p.packColumns(x, k0, depth, j0, j1)
		}
		width := p.width
		for j := j0; j < j1; {
			w := min(width, j1-j)
			if width > p.columns && w < width { // the widest kernels have no masked form
				width = min(width/2, 64)
				if p.set == cpu.AVX2 {
					width = p.columns
				}
				w = min(width, j1-j)
			}
			var b unsafe.Pointer
			if p.packB {
				b, args.rowB = address(x.b, (j-j0)*depth), 4*p.width
			} else {
				b, args.rowB = address(p.b, k0*p.ldb+j), 4*p.ldb
			}
			for i := i0; i < i1; i += p.height {
				switch {
				case p.packA:
					args.a = address(p.packedA, p.panel(i, k0))
				case p.transA:
					args.a = address(p.a, k0*p.lda+i)
				default:
					args.a = address(p.a, i*p.lda+k0)
				}
				args.b, args.c = b, address(p.c, i*p.ldc+j)
				runKernel(p.set, args, min(p.height, i1-i), w)
			}
			j += w
		}
	}
}

// narrow computes a C of few columns from an A stored [k, m]: C' = op(B)'A has long rows
// for the vectors. The terms of each element are the same, in the same order.
func (p *product) narrow(transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int) {
	ld := ceil(m, 16) * 16
	p.vector = grow(p.vector, 16*ld)
	flat := p.vector
	p.multiply(!transB, false, n, m, k, b, ldb, a, lda, flat, ld)
	x := &p.own.native
	u := p.lanes
	i := 0
	if ldc == n { // whole registers: later stores repair what reaches into the next row
		if i = max(0, (m-ceil(16, n))/u*u); i > 0 {
			for q := (n - 1) / u * u; q >= 0; q -= u {
				transposeBlocks(p.set, &c[q], ldc, &flat[q*ld], ld, i/u)
			}
		}
	}
	for ; i < m; i += u {
		for q := 0; q < n; q += u {
			transposeBlocks(p.set, &x.tmp[q], 16, &flat[q*ld+i], ld, 1)
		}
		for q := range min(u, m-i) {
			copy(c[(i+q)*ldc:(i+q)*ldc+n], x.tmp[q*16:])
		}
	}
}

// address is that of element i, which must exist.
func address(x []float32, i int) unsafe.Pointer { return unsafe.Pointer(&x[i]) }
