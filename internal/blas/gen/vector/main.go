// Command vector writes the assembly of package internal/vector. Run it with go generate
// there.
//
// Every loop works on multiples of 16 floats: one AVX-512 register or two of AVX2. None
// fuses a multiplication with an addition, so that both sets and the portable Go agree
// bit for bit.
package main

import (
	"flag"
	"fmt"
	"log"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/stheno-ml/stheno/internal/blas/gen/emit"
)

// batch is the number of floats of one turn of a loop.
const batch = 16

var (
	general = []reg.GPPhysical{reg.RAX, reg.RBX, reg.RCX, reg.RDX, reg.RSI, reg.RDI, reg.R8, reg.R9}
	index   = reg.R10
	stubs   strings.Builder
)

func main() {
	dispatch := flag.String("dispatch", "", "file of Go source to write")
	flag.Parse()
	stubs.WriteString("package vector\n\nimport \"github.com/stheno-ml/stheno/internal/cpu\"\n\n")
	elementwise("add", "a, b", 0, func(s set, x []reg.VecPhysical, _ []reg.VecPhysical) { VADDPS(x[1], x[0], x[0]) })
	elementwise("mul", "a, b", 0, func(s set, x []reg.VecPhysical, _ []reg.VecPhysical) { VMULPS(x[1], x[0], x[0]) })
	elementwise("scale", "x", 1, func(s set, x []reg.VecPhysical, c []reg.VecPhysical) { VMULPS(c[0], x[0], x[0]) })
	elementwise("axpy", "y, x", 1, func(s set, x []reg.VecPhysical, c []reg.VecPhysical) {
		VMULPS(c[0], x[1], x[1])
		VADDPS(x[1], x[0], x[0])
	})
	// The maximum returns its last operand where one is NaN, and NaN must stay.
	elementwise("relu", "x", 0, func(s set, x []reg.VecPhysical, _ []reg.VecPhysical) { VMAXPS(x[0], s.zero, x[0]) })
	elementwise("biasReLU", "x, bias", 0, func(s set, x []reg.VecPhysical, _ []reg.VecPhysical) {
		VADDPS(x[1], x[0], x[0])
		VMAXPS(x[0], s.zero, x[0])
	})
	elementwise("reluGrad", "grad, y", 0, func(s set, x []reg.VecPhysical, _ []reg.VecPhysical) {
		if s.Wide() {
			VCMPPS(Imm(lessThan), x[1], s.zero, reg.K1)
			VMOVAPS_Z(x[0], reg.K1, x[0])
		} else {
			VCMPPS(Imm(lessThan), x[1], s.zero, x[1])
			VANDPS(x[1], x[0], x[0])
		}
	})
	adam()
	maximum()
	expSum()
	tanh("tanh", false)
	tanh("sigmoid", true)
	maximumOfFour()
	pullMaximum()
	if err := emit.Assembly(); err != nil {
		log.Fatal(err)
	}
	if err := emit.Go(*dispatch, []byte(stubs.String())); err != nil {
		log.Fatal(err)
	}
}

// Predicates of VCMPPS. Go's first operand is the right side: 0 < x is VCMPPS(1, x, 0).
const (
	lessThan  = 1
	unordered = 3
)

// set is an instruction set, and a register that is zero.
type set struct {
	emit.Set
	zero reg.VecPhysical
}

func sets() (all []set) {
	for _, s := range emit.Sets {
		all = append(all, set{s, s.Reg[15]})
	}
	return all
}

// begin starts a function. signature is its list of parameters, n among them.
func begin(s set, name, signature string) {
	TEXT(name+s.Suffix, NOSPLIT, "func("+signature+")")
}

// stub declares both versions and the function that picks one.
func stub(name, signature string) {
	var names []string
	for group := range strings.SplitSeq(signature, ", ") {
		names = append(names, strings.Fields(group)[0])
	}
	call := strings.Join(names, ", ")
	for _, s := range emit.Sets {
		fmt.Fprintf(&stubs, "//go:noescape\nfunc %s%s(%s)\n\n", name, s.Suffix, signature)
	}
	fmt.Fprintf(&stubs, "func %sVector(set cpu.Set, %s) {\nif set == cpu.AVX512 {\n%s512(%s)\n} else {\n%s256(%s)\n}\n}\n\n", name, signature, name, call, name, call)
}

// loop runs body for every register of n floats, n a positive multiple of batch. The
// offset is that of the register behind index.
func loop(s set, n reg.Register, body func(offset int)) {
	XORQ(index, index)
	Label("loop")
	for v := range batch / s.Lanes() {
		body(v * s.Bytes)
	}
	ADDQ(Imm(batch), index)
	CMPQ(index, n)
	JLT(LabelRef("loop"))
}

func element(base reg.Register, offset int) Mem {
	return Mem{Base: base, Index: index, Scale: 4, Disp: offset}
}

// elementwise emits dst = body of the sources, with so many scalar constants.
func elementwise(name, sources string, constants int, body func(s set, x, constants []reg.VecPhysical)) {
	names := strings.Split(sources, ", ")
	signature := "dst, " + sources + " *float32, n int"
	for c := range constants {
		signature += fmt.Sprintf(", c%d float32", c)
	}
	for _, s := range sets() {
		begin(s, name, signature)
		dst, n := general[0], general[7]
		Load(Param("dst"), dst)
		for i, p := range names {
			Load(Param(p), general[1+i])
		}
		Load(Param("n"), n)
		s.Clear(s.zero)
		c := s.Reg[12:][:constants]
		for i := range constants {
			VBROADCASTSS(NewParamAddr(fmt.Sprintf("c%d", i), 8*(len(names)+2)+4*i), c[i])
		}
		loop(s, n, func(offset int) {
			x := s.Reg[4*(offset/s.Bytes):]
			for i := range names {
				VMOVUPS(element(general[1+i], offset), x[i])
			}
			body(s, x, c)
			VMOVUPS(x[0], element(dst, offset))
		})
		VZEROUPPER()
		RET()
	}
	full := "dst *float32"
	for _, p := range names {
		full += ", " + p + " *float32"
	}
	full += ", n int"
	for c := range constants {
		full += fmt.Sprintf(", c%d float32", c)
	}
	stub(name, full)
}

// adam: c = {beta1, 1-beta1, beta2, 1-beta2, rate, epsilon, scale of the gradient}, in the
// order of operations of the Go loop.
func adam() {
	const signature = "v *float32, first *float32, second *float32, grad *float32, n int, c *float32"
	for _, s := range sets() {
		begin(s, "adam", signature)
		v, first, second, grad, n, c := general[0], general[1], general[2], general[3], general[7], general[4]
		Load(Param("v"), v)
		Load(Param("first"), first)
		Load(Param("second"), second)
		Load(Param("grad"), grad)
		Load(Param("n"), n)
		Load(Param("c"), c)
		k := s.Reg[:7]
		for i := range k {
			VBROADCASTSS(Mem{Base: c, Disp: 4 * i}, k[i])
		}
		g, m, q, t := s.Reg[8], s.Reg[9], s.Reg[10], s.Reg[11]
		loop(s, n, func(offset int) {
			VMULPS(element(grad, offset), k[6], g)
			VMULPS(element(first, offset), k[0], m)
			VMULPS(g, k[1], t)
			VADDPS(t, m, m)
			VMOVUPS(m, element(first, offset))
			VMULPS(element(second, offset), k[2], q)
			VMULPS(g, k[3], t)
			VMULPS(g, t, t)
			VADDPS(t, q, q)
			VMOVUPS(q, element(second, offset))
			VSQRTPS(q, q)
			VADDPS(k[5], q, q)
			VMULPS(k[4], m, m)
			VDIVPS(q, m, m)
			VMOVUPS(element(v, offset), t)
			VSUBPS(m, t, t)
			VMOVUPS(t, element(v, offset))
		})
		VZEROUPPER()
		RET()
	}
	stub("adam", signature)
}

// maximum raises the 16 lanes to the elements that follow, and puts NaN into the 16
// after them where there was one.
func maximum() {
	const signature = "x *float32, n int, lanes *float32"
	for _, s := range sets() {
		begin(s, "maximum", signature)
		x, n, lanes := general[0], general[7], general[1]
		Load(Param("x"), x)
		Load(Param("n"), n)
		Load(Param("lanes"), lanes)
		registers := batch / s.Lanes()
		for v := range registers {
			VMOVUPS(Mem{Base: lanes, Disp: s.Bytes * v}, s.Reg[v])
			VMOVUPS(Mem{Base: lanes, Disp: 64 + s.Bytes*v}, s.Reg[2+v])
		}
		t, mask := s.Reg[4], s.Reg[5]
		loop(s, n, func(offset int) {
			v := offset / s.Bytes
			VMOVUPS(element(x, offset), t)
			VMAXPS(s.Reg[v], t, s.Reg[v])
			if s.Wide() {
				VCMPPS(Imm(unordered), t, t, reg.K1)
				VMOVAPS(t, reg.K1, s.Reg[2+v])
			} else {
				VCMPPS(Imm(unordered), t, t, mask)
				VORPS(mask, s.Reg[2+v], s.Reg[2+v])
			}
		})
		for v := range registers {
			VMOVUPS(s.Reg[v], Mem{Base: lanes, Disp: s.Bytes * v})
			VMOVUPS(s.Reg[2+v], Mem{Base: lanes, Disp: 64 + s.Bytes*v})
		}
		VZEROUPPER()
		RET()
	}
	stub("maximum", signature)
}

// expSum: dst = exp(x-shift), added to the 16 sums. c are the constants of the Go loop.
func expSum() {
	const signature = "dst *float32, x *float32, n int, shift float32, c *float32, sums *float32"
	for _, s := range sets() {
		begin(s, "expSum", signature)
		dst, src, n, c, sums := general[0], general[1], general[7], general[2], general[3]
		Load(Param("dst"), dst)
		Load(Param("x"), src)
		Load(Param("n"), n)
		Load(Param("c"), c)
		Load(Param("sums"), sums)
		// The constants do not fit beside the rest in sixteen registers: most come from
		// memory, repeated for a whole register.
		k := func(i int) Mem { return Mem{Base: c, Disp: 64 * i} }
		lo, hi, shift, log2e := s.Reg[0], s.Reg[1], s.Reg[2], s.Reg[3]
		VBROADCASTSS(NewParamAddr("shift", 24), shift)
		VMOVUPS(k(0), lo)
		VMOVUPS(k(1), hi)
		VMOVUPS(k(2), log2e)
		registers := batch / s.Lanes()
		for v := range registers {
			VMOVUPS(Mem{Base: sums, Disp: s.Bytes * v}, s.Reg[4+v])
		}
		loop(s, n, func(offset int) {
			v := offset / s.Bytes
			sum := s.Reg[4+v]
			x, r, m, t, u := s.Reg[6+5*v], s.Reg[7+5*v], s.Reg[8+5*v], s.Reg[9+5*v], s.Reg[10+5*v]
			VMOVUPS(element(src, offset), x)
			VSUBPS(shift, x, x)
			// Clamped, NaN kept: the last operand is returned where one is NaN.
			VMAXPS(x, lo, r)
			VMINPS(r, hi, r)
			VMULPS(log2e, r, m)
			if s.Wide() {
				VRNDSCALEPS(Imm(8), m, m)
			} else {
				VROUNDPS(Imm(8), m, m)
			}
			for i := range 2 { // r -= m*ln2, in two parts
				VMULPS(k(3+i), m, t)
				VSUBPS(t, r, r)
			}
			VMULPS(k(5), r, t)
			for i := 6; i < 10; i++ {
				VADDPS(k(i), t, t)
				VMULPS(r, t, t)
			}
			VADDPS(k(10), t, t)
			VMULPS(r, r, u)
			VMULPS(u, t, t)
			VADDPS(r, t, t)
			VADDPS(k(11), t, t)
			VCVTPS2DQ(m, m)
			VPSLLD(Imm(23), m, m)
			VPADDD(m, t, t)
			if s.Wide() {
				VCMPPS(Imm(lessThan), lo, x, reg.K1) // too small: 0
				VPXORD(t, t, reg.K1, t)
				VCMPPS(Imm(lessThan), x, hi, reg.K1) // too large: infinite
				VMOVUPS(k(12), u)
				VMOVAPS(u, reg.K1, t)
			} else {
				VCMPPS(Imm(lessThan), lo, x, u)
				VANDNPS(t, u, t)
				VCMPPS(Imm(lessThan), x, hi, u)
				VMOVUPS(k(12), r)
				VBLENDVPS(u, r, t, t)
			}
			VMOVUPS(t, element(dst, offset))
			VADDPS(t, sum, sum)
		})
		for v := range registers {
			VMOVUPS(s.Reg[4+v], Mem{Base: sums, Disp: s.Bytes * v})
		}
		VZEROUPPER()
		RET()
	}
	stub("expSum", signature)
}

// tanh: dst = tanh(x), or (1+tanh(x/2))/2. c are the constants of the Go loop.
func tanh(name string, sigmoid bool) {
	const signature = "dst *float32, x *float32, n int, c *float32"
	for _, s := range sets() {
		begin(s, name, signature)
		dst, src, n, c := general[0], general[1], general[7], general[2]
		Load(Param("dst"), dst)
		Load(Param("x"), src)
		Load(Param("n"), n)
		Load(Param("c"), c)
		k := func(i int) Mem { return Mem{Base: c, Disp: 64 * i} }
		lo, hi, half := s.Reg[0], s.Reg[1], s.Reg[2]
		VMOVUPS(k(0), lo)
		VMOVUPS(k(1), hi)
		VMOVUPS(k(13), half)
		loop(s, n, func(offset int) {
			v := 5 * (offset / s.Bytes)
			x, square, p, q := s.Reg[4+v], s.Reg[5+v], s.Reg[6+v], s.Reg[7+v]
			VMOVUPS(element(src, offset), x)
			if sigmoid {
				VMULPS(half, x, x)
			}
			// Clamped, NaN kept: the last operand is returned where one is NaN.
			VMAXPS(x, lo, x)
			VMINPS(x, hi, x)
			VMULPS(x, x, square)
			VMULPS(k(2), square, p)
			for i := 3; i < 8; i++ {
				VADDPS(k(i), p, p)
				VMULPS(square, p, p)
			}
			VADDPS(k(8), p, p)
			VMULPS(k(9), square, q)
			for i := 10; i < 12; i++ {
				VADDPS(k(i), q, q)
				VMULPS(square, q, q)
			}
			VADDPS(k(12), q, q)
			VDIVPS(q, p, p)
			VMULPS(p, x, x)
			if sigmoid {
				VMULPS(half, x, x)
				VADDPS(half, x, x)
			}
			VMOVUPS(x, element(dst, offset))
		})
		VZEROUPPER()
		RET()
	}
	stub(name, signature)
}
