package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/stheno-ml/stheno/internal/blas/gen/emit"
)

// dot is four dot products: of rows a, a+lda, ... with x, n terms each. mask points at
// the lanes that the rest of n takes of two registers.
func dot(set emit.Set) {
	TEXT("dot"+set.Suffix, NOSPLIT, "func(a *float32, lda int, x *float32, n int, sums *float32, mask *int32)")
	a0, a1, a2, lda := reg.RAX, reg.R8, reg.RBX, reg.RSI
	x, n, sums, mask := reg.RCX, reg.RDX, reg.RDI, reg.R9
	Load(Param("a"), a0)
	Load(Param("lda"), lda)
	Load(Param("x"), x)
	Load(Param("n"), n)
	Load(Param("sums"), sums)
	Load(Param("mask"), mask)
	z, w := set.Reg, set.Bytes
	set.Clear(z[:8]...)
	LEAQ(Mem{Base: a0, Index: lda, Scale: 1}, a1)
	LEAQ(Mem{Base: a0, Index: lda, Scale: 2}, a2)
	SUBQ(Imm(uint64(w/2)), n)
	JLT(LabelRef("rest"))
	// No prefetch: the hardware follows four streams better than any distance tried.
	rows := []Mem{{Base: a0}, {Base: a1}, {Base: a2}, {Base: a2, Index: lda, Scale: 1}}
	Label("loop")
	for h := range 2 {
		VMOVUPS(Mem{Base: x, Disp: h * w}, z[8+h])
	}
	for h := range 2 {
		for r, m := range rows {
			m.Disp = h * w
			VFMADD231PS(m, z[8+h], z[2*r+h])
		}
	}
	for _, r := range []reg.GPPhysical{a0, a1, a2, x} {
		ADDQ(Imm(uint64(2*w)), r)
	}
	SUBQ(Imm(uint64(w/2)), n)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(uint64(w/2)), n)
	JZ(LabelRef("done"))
	for h := range 2 {
		d := h * w
		VMOVUPS(Mem{Base: mask, Disp: d}, z[10])
		load := func(m Mem, to reg.VecPhysical) {
			if set.Wide() {
				VMOVUPS_Z(m, reg.K1, to)
			} else {
				VMASKMOVPS(m, z[10], to)
			}
		}
		if set.Wide() {
			VPMOVD2M(z[10], reg.K1)
		}
		load(Mem{Base: x, Disp: d}, z[8])
		for r, m := range rows {
			m.Disp = d
			load(m, z[9])
			VFMADD231PS(z[9], z[8], z[2*r+h])
		}
	}
	Label("done")
	for r := range 4 {
		VADDPS(z[2*r+1], z[2*r], z[2*r])
		if set.Wide() {
			VEXTRACTF64X4(Imm(1), z[2*r], emit.Y[9])
			VADDPS(emit.Y[9], emit.Y[2*r], emit.Y[2*r])
		}
		VEXTRACTF128(Imm(1), emit.Y[2*r], emit.X[9])
		VADDPS(emit.X[9], emit.X[2*r], emit.X[2*r])
	}
	VHADDPS(emit.X[2], emit.X[0], emit.X[0])
	VHADDPS(emit.X[6], emit.X[4], emit.X[4])
	VHADDPS(emit.X[4], emit.X[0], emit.X[0])
	VMOVUPS(emit.X[0], Mem{Base: sums})
	VZEROUPPER()
	RET()
}
