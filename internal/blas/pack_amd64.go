package blas

// rowsAtOnce rows are copied into every panel in turn, rather than a whole panel at a
// time: few pages at once, and long reads.
const rowsAtOnce = 16

// Packed A is, for each block of k, for each panel of p.height rows: the block's columns
// as rows of p.packedRow floats.

// panelSize has room for the rows that a transposition writes too many.
func (p *product) panelSize() int { return ceil(p.block, 16) * 16 * p.packedRow }

func (p *product) blockSize() int { return ceil(p.m, p.height) * p.panelSize() }

// panel is where the panel of row i0 and the block of k0 begins.
func (p *product) panel(i0, k0 int) int {
	return (k0-p.k0)/p.block*p.blockSize() + i0/p.height*p.panelSize()
}

// packRows packs rows [i0, i1) of A for the block of k0.
func (p *product) packRows(x *nativeScratch, i0, i1, k0 int) {
	depth := min(p.block, p.k-k0)
	if !p.transA {
		for i := i0; i < i1; i += p.height {
			p.transpose(x, p.packedA[p.panel(i, k0):], p.packedRow, p.a, p.lda, min(p.height, i1-i), i, k0, depth)
		}
		return
	}
	for k := 0; k < depth; k += rowsAtOnce {
		for i := i0; i < i1; i += p.height {
			copyRows(p.set, &p.packedA[p.panel(i, k0)+k*p.packedRow], p.packedRow,
				&p.a[(k0+k)*p.lda+i], p.lda, min(rowsAtOnce, depth-k), min(p.height, i1-i))
		}
	}
}

// packColumns packs columns [j0, j1) of B for the block of k0: panels of p.width columns,
// depth rows each.
func (p *product) packColumns(x *nativeScratch, k0, depth, j0, j1 int) {
	width := p.width
	x.b = grow(x.b, ceil(j1-j0, width)*width*depth+16*width)
	if !p.transB {
		for k := 0; k < depth; k += rowsAtOnce {
			for j := j0; j < j1; j += width {
				copyRows(p.set, &x.b[(j-j0)*depth+k*width], width,
					&p.b[(k0+k)*p.ldb+j], p.ldb, min(rowsAtOnce, depth-k), min(width, j1-j))
			}
		}
		return
	}
	for j := j0; j < j1; j += width {
		w := min(width, j1-j)
		for h := 0; h < w; h += p.lanes {
			p.transpose(x, x.b[(j-j0)*depth+h:], width, p.b, p.ldb, min(p.lanes, w-h), j+h, k0, depth)
		}
	}
}

// transpose writes rows [i0, i0+w) of s, columns [k0, k0+depth), as depth rows of one
// register, ldd floats apart. It may write a register past the last row, and up to
// lanes-1 rows more. Within s it may read, and not use, what lies between the rows.
func (p *product) transpose(x *nativeScratch, d []float32, ldd int, s []float32, lds, w, i0, k0, depth int) {
	u := p.lanes
	full := depth / u * u
	last := (i0+u-1)*lds + k0 // of the last row that is read, also where w is smaller
	switch up := ceil(depth, u) * u; {
	case last+up <= len(s):
		full = up
	case last+full > len(s):
		full = 0
	}
	if full > 0 {
		transposeBlocks(p.set, &d[0], ldd, &s[i0*lds+k0], lds, full/u)
	}
	for ; full < depth; full += u {
		for q := range w {
			o := (i0+q)*lds + k0 + full
			copy(x.tmp[q*16:q*16+u], s[o:o+min(u, depth-full)])
		}
		transposeBlocks(p.set, &d[full*ldd], ldd, &x.tmp[0], 16, 1)
	}
}
