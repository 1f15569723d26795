//go:build !amd64

package vector

import "github.com/stheno-ml/stheno/internal/cpu"

// There is no assembly here, part says so, and nothing calls these.

const unreachable = "vector: no assembly on this architecture"

func addVector(set cpu.Set, dst, a, b *float32, n int)             { panic(unreachable) }
func mulVector(set cpu.Set, dst, a, b *float32, n int)             { panic(unreachable) }
func scaleVector(set cpu.Set, dst, x *float32, n int, c float32)   { panic(unreachable) }
func axpyVector(set cpu.Set, dst, y, x *float32, n int, c float32) { panic(unreachable) }
func reluVector(set cpu.Set, dst, x *float32, n int)               { panic(unreachable) }
func biasReLUVector(set cpu.Set, dst, x, bias *float32, n int)     { panic(unreachable) }
func reluGradVector(set cpu.Set, dst, grad, y *float32, n int)     { panic(unreachable) }
func adamVector(set cpu.Set, v, first, second, grad *float32, n int, c *float32) {
	panic(unreachable)
}
func maximumVector(set cpu.Set, x *float32, n int, lanes *float32) { panic(unreachable) }
func max4Vector(set cpu.Set, dst, a, b, c, d *float32, n int)      { panic(unreachable) }
func pullMax4Vector(set cpu.Set, dx, x, y, grad *float32, n, right, below int) {
	panic(unreachable)
}
func expSumVector(set cpu.Set, dst, x *float32, n int, shift float32, c, sums *float32) {
	panic(unreachable)
}
func tanhVector(set cpu.Set, dst, x *float32, n int, c *float32)    { panic(unreachable) }
func sigmoidVector(set cpu.Set, dst, x *float32, n int, c *float32) { panic(unreachable) }
