package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// maximumOfFour emits dst = max(a, b, c, d): the first of equal elements, and NaN where
// there is one.
func maximumOfFour() {
	elementwise("max4", "a, b, c, d", 0, func(s set, x []reg.VecPhysical, _ []reg.VecPhysical) {
		for _, v := range x[1:4] {
			VMAXPS(x[0], v, x[0]) // the last operand where one is NaN or both are 0
			if s.Wide() {
				VCMPPS(Imm(unordered), v, v, reg.K1)
				VMOVAPS(v, reg.K1, x[0])
			} else {
				nan := s.Reg[8]
				VCMPPS(Imm(unordered), v, v, nan)
				VBLENDVPS(nan, v, x[0], x[0])
			}
		}
	})
}

// pullMaximum emits the gradient of maximumOfFour for elements at x, x+right, x+below and
// x+below+right: the first whose bits are those of y gets grad, the others 0.
func pullMaximum() {
	const signature = "dx *float32, x *float32, y *float32, grad *float32, n int, right int, below int"
	for _, s := range sets() {
		begin(s, "pullMax4", signature)
		dx, x := general[:4], [4]reg.GPPhysical{general[4], general[5], general[6], general[7]}
		y, grad, n := reg.R11, reg.R12, reg.R13
		Load(Param("dx"), dx[0])
		Load(Param("x"), x[0])
		Load(Param("right"), n)
		Load(Param("below"), y)
		for _, to := range [][]reg.GPPhysical{dx, x[:]} {
			LEAQ(Mem{Base: to[0], Index: n, Scale: 4}, to[1])
			LEAQ(Mem{Base: to[0], Index: y, Scale: 4}, to[2])
			LEAQ(Mem{Base: to[2], Index: n, Scale: 4}, to[3])
		}
		Load(Param("y"), y)
		Load(Param("grad"), grad)
		Load(Param("n"), n)
		most, rest, t := s.Reg[0], s.Reg[1], s.Reg[2]
		loop(s, n, func(offset int) {
			VMOVUPS(element(y, offset), most)
			VMOVUPS(element(grad, offset), rest)
			for i := range x {
				if s.Wide() {
					VPCMPEQD(element(x[i], offset), most, reg.K1)
					VMOVAPS_Z(rest, reg.K1, t)
					VPXORD(rest, rest, reg.K1, rest)
				} else {
					here := s.Reg[3]
					VPCMPEQD(element(x[i], offset), most, here)
					VANDPS(rest, here, t)
					VANDNPS(rest, here, rest)
				}
				VMOVUPS(t, element(dx[i], offset))
			}
		})
		VZEROUPPER()
		RET()
	}
	stub("pullMax4", signature)
}
