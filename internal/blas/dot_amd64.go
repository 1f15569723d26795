package blas

// dots computes y = alpha*M*v + beta*y, where the rows of M are contiguous.
func (p *product) dots(m, k int, matrix []float32, ld int, v []float32, incV int, y []float32, incY int) {
	if incV != 1 {
		p.vector = grow(p.vector, k)
		for i := range k {
			p.vector[i] = v[i*incV]
		}
		v = p.vector
	}
	p.m, p.k, p.a, p.lda, p.b, p.c, p.incC = m, k, matrix, ld, v, y, incY
	p.rowsTile = max(4, ceil(parallelFrom, k)&^3)
	p.phase = phaseDots
	share(p, ceil(m, p.rowsTile), m*k, &p.own)
}

func (p *product) dotRows(x *nativeScratch, i0, i1 int) {
	for i := i0; i < i1; i += 4 {
		r := min(4, i1-i)
		if r == 4 {
			dot(p.set, &p.a[i*p.lda], p.lda, &p.b[0], p.k, &x.sums[0])
		} else {
			for q := range r { // the same kernel with one row four times: bits do not depend on the position
				dot(p.set, &p.a[(i+q)*p.lda], 0, &p.b[0], p.k, &x.sums[0])
				x.tmp[q] = x.sums[0]
			}
			copy(x.sums[:r], x.tmp[:r])
		}
		for q := range r {
			c := &p.c[(i+q)*p.incC]
			v := p.alpha * x.sums[q]
			if p.beta != 0 {
				v = float32(v) + float32(p.beta**c)
			}
			*c = v
		}
	}
}
