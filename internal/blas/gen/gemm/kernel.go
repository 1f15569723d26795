package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/stheno-ml/stheno/internal/blas/gen/emit"
)

// Offsets of the fields of blas.arguments, in bytes; a test in package blas keeps them
// in step.
const (
	atA, atB, atC, atK                 = 0, 8, 16, 24
	atRowA, atColumnA, atRowB, atRowC  = 32, 40, 48, 56
	atAlpha, atBeta, atMasks, atMaskAt = 64, 68, 72, 80
)

// The general registers of every kernel. A parameter of the assembler called g would be
// the register of that name, hence none is.
var (
	args                       = reg.RAX
	bp, cp, count              = reg.RBX, reg.RCX, reg.RDX
	rowA, rowA3, columnA       = reg.RSI, reg.RDI, reg.R8
	rowB, rowC                 = reg.R9, reg.R10
	groups                     = []reg.GPPhysical{reg.R11, reg.R12, reg.R13, reg.R15} // rows 0, 4, 8 and 12 of A
	scratch                    = reg.R14
	prefetchAhead        uint8 = 8 // rows of B
)

func field(offset int) Mem { return Mem{Base: args, Disp: offset} }

// row is the address of row r of a matrix whose rows are rowA bytes apart and come in
// groups of four.
func row(r int) Mem {
	m := Mem{Base: groups[r/4]}
	switch r % 4 {
	case 1:
		m.Index, m.Scale = rowA, 1
	case 2:
		m.Index, m.Scale = rowA, 2
	case 3:
		m.Index, m.Scale = rowA3, 1
	}
	return m
}

// bases computes the addresses of the groups that rows rows need.
func bases(rows int) {
	if rows > 3 {
		LEAQ(Mem{Base: rowA, Index: rowA, Scale: 2}, rowA3)
	}
	for g := 1; g*4 < rows; g++ {
		LEAQ(Mem{Base: groups[g-1], Index: rowA, Scale: 4}, groups[g])
	}
}

func header(name string, rows int) {
	TEXT(name, NOSPLIT, "func(p *byte)")
	Load(Param("p"), args)
	MOVQ(field(atA), groups[0])
	MOVQ(field(atB), bp)
	MOVQ(field(atC), cp)
	MOVQ(field(atK), count)
	MOVQ(field(atRowA), rowA)
	MOVQ(field(atColumnA), columnA)
	MOVQ(field(atRowB), rowB)
	MOVQ(field(atRowC), rowC)
	bases(rows)
}

// touchC brings the tile of C near, so that it is there when a long loop ends.
func touchC(rows, bytes int) {
	CMPQ(count, Imm(64))
	JLT(LabelRef("zero"))
	MOVQ(cp, scratch)
	for r := range rows {
		PREFETCHT0(Mem{Base: scratch})
		PREFETCHT0(Mem{Base: scratch, Disp: bytes - 4})
		if r+1 < rows {
			ADDQ(rowC, scratch)
		}
	}
	Label("zero")
}

// next ends the loop over k.
func next(rows int) {
	for g := 0; g*4 < max(rows, 1); g++ {
		ADDQ(columnA, groups[g])
	}
	DECQ(count)
	JNZ(LabelRef("loop"))
}

// betaIsZero jumps to label store when it is, -0 included.
func betaIsZero() {
	MOVL(field(atBeta), reg.EDX)
	SHLL(Imm(1), reg.EDX)
	JZ(LabelRef("store"))
}

// kernel512 is the AVX-512 kernel of a tile of rows x 16*vectors. Fourteen rows of two
// vectors take 28 accumulators, 2 registers of B and 2 of A: all there are.
func kernel512(rows, vectors int, masked bool) kernel {
	k := kernel{fmt.Sprintf("k512_%dx%d", rows, vectors), rows, vectors, masked}
	if masked {
		k.name += "m"
	}
	header(k.name, rows)
	z := emit.Z
	acc := func(r, v int) reg.VecPhysical { return z[r*vectors+v] }
	b, a := z[30-vectors:30], z[30:]
	if masked {
		for v := range vectors {
			KMOVW(field(atMasks+2*v), emit.K[v])
		}
	}
	if vectors == 2 && rows >= 4 {
		touchC(rows, 128)
	}
	for i := range rows * vectors {
		VPXORD(z[i], z[i], z[i])
	}
	Label("loop")
	for v := range vectors {
		m := Mem{Base: bp, Disp: 64 * v}
		if masked {
			VMOVUPS_Z(m, emit.K[v], b[v])
		} else {
			VMOVUPS(m, b[v])
		}
	}
	for v := range vectors {
		PREFETCHT0(Mem{Base: bp, Index: rowB, Scale: prefetchAhead, Disp: 64 * v})
	}
	if rows > 6 {
		PREFETCHT0(Mem{Base: groups[0], Index: columnA, Scale: prefetchAhead})
	}
	ADDQ(rowB, bp)
	for r := range rows {
		if vectors == 1 {
			VFMADD231PS_BCST(row(r), b[0], acc(r, 0))
			continue
		}
		VBROADCASTSS(row(r), a[r&1])
		for v := range vectors {
			VFMADD231PS(b[v], a[r&1], acc(r, v))
		}
	}
	next(rows)
	VBROADCASTSS(field(atAlpha), z[30])
	VBROADCASTSS(field(atBeta), z[31])
	betaIsZero()
	for _, beta := range []bool{true, false} {
		if !beta {
			Label("store")
		}
		for r := range rows {
			for v := range vectors {
				c, m := acc(r, v), Mem{Base: cp, Disp: 64 * v}
				VMULPS(z[30], c, c)
				switch {
				case beta && masked:
					VMOVUPS_Z(m, emit.K[v], z[29])
					VFMADD231PS(z[29], z[31], c)
				case beta:
					VFMADD231PS(m, z[31], c)
				}
				if masked {
					VMOVUPS(c, emit.K[v], m)
				} else {
					VMOVUPS(c, m)
				}
			}
			if r+1 < rows {
				ADDQ(rowC, cp)
			}
		}
		VZEROUPPER()
		RET()
	}
	return k
}

// kernel256 is the AVX2 kernel of a tile of rows x 8*vectors, at most 6 x 2.
func kernel256(rows, vectors int, masked bool) kernel {
	k := kernel{fmt.Sprintf("k256_%dx%d", rows, vectors), rows, vectors, masked}
	if masked {
		k.name += "m"
	}
	header(k.name, rows)
	y := emit.Y
	acc := func(r, v int) reg.VecPhysical { return y[r*vectors+v] }
	b, t := y[12:14], y[14:16]
	masks := reg.R15 // free: six rows are two groups
	if masked {
		MOVQ(field(atMaskAt), masks)
	}
	if vectors == 2 && rows >= 4 {
		touchC(rows, 64)
	}
	for i := range rows * vectors {
		VXORPS(y[i], y[i], y[i])
	}
	Label("loop")
	for v := range vectors {
		m := Mem{Base: bp, Disp: 32 * v}
		if masked {
			VMOVUPS(Mem{Base: masks, Disp: 32 * v}, t[v])
			VMASKMOVPS(m, t[v], b[v])
		} else {
			VMOVUPS(m, b[v])
		}
	}
	PREFETCHT0(Mem{Base: bp, Index: rowB, Scale: prefetchAhead})
	ADDQ(rowB, bp)
	for r := range rows {
		VBROADCASTSS(row(r), t[r&1])
		for v := range vectors {
			VFMADD231PS(b[v], t[r&1], acc(r, v))
		}
	}
	next(rows)
	VBROADCASTSS(field(atAlpha), b[0])
	VBROADCASTSS(field(atBeta), b[1])
	betaIsZero()
	for _, beta := range []bool{true, false} {
		if !beta {
			Label("store")
		}
		for r := range rows {
			for v := range vectors {
				c, m := acc(r, v), Mem{Base: cp, Disp: 32 * v}
				VMULPS(b[0], c, c)
				if masked {
					VMOVUPS(Mem{Base: masks, Disp: 32 * v}, t[0])
				}
				switch {
				case beta && masked:
					VMASKMOVPS(m, t[0], t[1])
					VFMADD231PS(t[1], b[1], c)
				case beta:
					VFMADD231PS(m, b[1], c)
				}
				if masked {
					VMASKMOVPS(c, t[0], m)
				} else {
					VMOVUPS(c, m)
				}
			}
			if r+1 < rows {
				ADDQ(rowC, cp)
			}
		}
		VZEROUPPER()
		RET()
	}
	return k
}

// oneRow is the kernel of one row and eight vectors of C, with B straight from memory.
func oneRow(set emit.Set) {
	TEXT("row"+set.Suffix, NOSPLIT, "func(p *byte)")
	Load(Param("p"), args)
	MOVQ(field(atA), groups[0])
	MOVQ(field(atB), bp)
	MOVQ(field(atC), cp)
	MOVQ(field(atK), count)
	MOVQ(field(atColumnA), columnA)
	MOVQ(field(atRowB), rowB)
	z, w := set.Reg, set.Bytes
	set.Clear(z[:8]...)
	Label("loop")
	VBROADCASTSS(Mem{Base: groups[0]}, z[8])
	for v := range 8 {
		if v*w%64 == 0 {
			PREFETCHT0(Mem{Base: bp, Index: rowB, Scale: prefetchAhead, Disp: w * v})
		}
		VFMADD231PS(Mem{Base: bp, Disp: w * v}, z[8], z[v])
	}
	ADDQ(rowB, bp)
	next(1)
	VBROADCASTSS(field(atAlpha), z[8])
	VBROADCASTSS(field(atBeta), z[9])
	betaIsZero()
	for _, beta := range []bool{true, false} {
		if !beta {
			Label("store")
		}
		for v := range 8 {
			m := Mem{Base: cp, Disp: w * v}
			VMULPS(z[8], z[v], z[v])
			if beta {
				VFMADD231PS(m, z[9], z[v])
			}
			VMOVUPS(z[v], m)
		}
		VZEROUPPER()
		RET()
	}
}
