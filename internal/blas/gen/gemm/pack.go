package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/stheno-ml/stheno/internal/blas/gen/emit"
)

// transpose turns as many rows as a register has lanes, blocks times as many columns,
// into rows of one register each, ldd bytes apart. Four rows' worth of four columns come
// by 128-bit loads, so that only shuffles inside lanes remain.
func transpose(set emit.Set) {
	TEXT("transpose"+set.Suffix, NOSPLIT, "func(dst *float32, ldd int, src *float32, lds int, blocks int)")
	dst, ldd, ldd3, blocks := reg.RAX, reg.RBX, reg.RCX, reg.RDX
	Load(Param("dst"), dst)
	Load(Param("ldd"), ldd)
	Load(Param("src"), groups[0])
	Load(Param("lds"), rowA)
	Load(Param("blocks"), blocks)
	bases(set.Lanes())
	LEAQ(Mem{Base: ldd, Index: ldd, Scale: 2}, ldd3)
	z := set.Reg
	Label("loop")
	for c := range set.Lanes() / 4 {
		v, x := z[4*(c&1):], emit.X[4*(c&1):]
		for j := range 4 {
			for q := range set.Lanes() / 4 {
				m := row(4*q + j)
				m.Disp = 16 * c
				switch {
				case q == 0:
					VMOVUPS(m, x[j])
				case set.Wide():
					VINSERTF32X4(Imm(uint64(q)), m, v[j], v[j])
				default:
					VINSERTF128(Imm(uint64(q)), m, v[j], v[j])
				}
			}
		}
		t := z[8:]
		if set.Wide() {
			t = z[8+8*(c&1):]
		}
		VUNPCKLPS(v[1], v[0], t[0])
		VUNPCKHPS(v[1], v[0], t[1])
		VUNPCKLPS(v[3], v[2], t[2])
		VUNPCKHPS(v[3], v[2], t[3])
		VUNPCKLPD(t[2], t[0], t[4])
		VUNPCKHPD(t[2], t[0], t[5])
		VUNPCKLPD(t[3], t[1], t[6])
		VUNPCKHPD(t[3], t[1], t[7])
		VMOVUPS(t[4], Mem{Base: dst})
		VMOVUPS(t[5], Mem{Base: dst, Index: ldd, Scale: 1})
		VMOVUPS(t[6], Mem{Base: dst, Index: ldd, Scale: 2})
		VMOVUPS(t[7], Mem{Base: dst, Index: ldd3, Scale: 1})
		LEAQ(Mem{Base: dst, Index: ldd, Scale: 4}, dst)
	}
	for g := range set.Lanes() / 4 {
		ADDQ(Imm(uint64(set.Bytes)), groups[g])
	}
	DECQ(blocks)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// copyRows512 copies the masked floats of rows to rows of 16 floats, or of 32 when two
// is not 0, ldd bytes apart. Stores are of full width: the next row overwrites what
// reaches past a narrow one.
func copyRows512() {
	TEXT("copyRows512", NOSPLIT, "func(dst *float32, ldd int, src *float32, lds int, rows int, mask0, mask1 uint16, two int)")
	dst, ldd, src, lds, rows, two := reg.RAX, reg.RBX, reg.RCX, reg.RSI, reg.RDX, reg.RDI
	Load(Param("dst"), dst)
	Load(Param("ldd"), ldd)
	Load(Param("src"), src)
	Load(Param("lds"), lds)
	Load(Param("rows"), rows)
	KMOVW(NewParamAddr("mask0", 40), reg.K1)
	KMOVW(NewParamAddr("mask1", 42), reg.K2)
	Load(Param("two"), two)
	TESTQ(two, two)
	JNZ(LabelRef("loop2"))
	for n := 1; n <= 2; n++ {
		loop := []string{"", "loop1", "loop2"}[n]
		Label(loop)
		for v := range n {
			VMOVUPS_Z(Mem{Base: src, Disp: 64 * v}, emit.K[v], emit.Z[v])
			PREFETCHT0(Mem{Base: src, Index: lds, Scale: prefetchAhead, Disp: 64 * v})
		}
		for v := range n {
			VMOVUPS(emit.Z[v], Mem{Base: dst, Disp: 64 * v})
		}
		ADDQ(lds, src)
		ADDQ(ldd, dst)
		DECQ(rows)
		JNZ(LabelRef(loop))
		VZEROUPPER()
		RET()
	}
}

// copyRows256 is copyRows512 for rows of 8 floats, or of 16 when two is not 0.
func copyRows256() {
	TEXT("copyRows256", NOSPLIT, "func(dst *float32, ldd int, src *float32, lds int, rows int, masks *int32, two int)")
	dst, ldd, src, lds, rows, two := reg.RAX, reg.RBX, reg.RCX, reg.RSI, reg.RDX, reg.RDI
	masks := reg.R8
	Load(Param("dst"), dst)
	Load(Param("ldd"), ldd)
	Load(Param("src"), src)
	Load(Param("lds"), lds)
	Load(Param("rows"), rows)
	Load(Param("masks"), masks)
	Load(Param("two"), two)
	VMOVUPS(Mem{Base: masks}, reg.Y2)
	TESTQ(two, two)
	JNZ(LabelRef("both"))
	for n := 1; n <= 2; n++ {
		loop := []string{"", "loop1", "loop2"}[n]
		if n == 2 {
			Label("both")
			VMOVUPS(Mem{Base: masks, Disp: 32}, reg.Y3)
		}
		Label(loop)
		for v := range n {
			VMASKMOVPS(Mem{Base: src, Disp: 32 * v}, emit.Y[2+v], emit.Y[v])
		}
		PREFETCHT0(Mem{Base: src, Index: lds, Scale: prefetchAhead})
		for v := range n {
			VMOVUPS(emit.Y[v], Mem{Base: dst, Disp: 32 * v})
		}
		ADDQ(lds, src)
		ADDQ(ldd, dst)
		DECQ(rows)
		JNZ(LabelRef(loop))
		VZEROUPPER()
		RET()
	}
}
