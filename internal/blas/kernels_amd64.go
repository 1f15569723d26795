package blas

import (
	"unsafe"

	"github.com/stheno-ml/stheno/internal/cpu"
)

//go:generate go run -C gen ./gemm -out ../kernels_amd64.s -dispatch ../dispatch_amd64.go

// arguments is what a micro-kernel reads; strides are in bytes. Each stride is an
// argument, so that one loop serves packed and unpacked matrices, transposed or not.
// gen/gemm knows the offsets.
type arguments struct {
	a, b, c       unsafe.Pointer
	k             int
	rowA, columnA int
	rowB, rowC    int
	alpha, beta   float32
	masks         [4]uint16 // AVX-512: lanes of each register
	maskAt        *int32    // AVX2
}

// maskTable[32-n] begins n lanes of ones, then zeros.
var maskTable = func() (t [64]int32) {
	for i := range 32 {
		t[i] = -1
	}
	return t
}()

// runKernel computes a tile of so many rows and columns.
func runKernel(set cpu.Set, x *arguments, rows, columns int) {
	if set == cpu.AVX512 {
		if rows == 1 && columns == 128 {
			row512(x)
			return
		}
		vectors := (columns + 15) >> 4
		if vectors == 3 {
			vectors = 4
		}
		if columns == vectors<<4 && vectors > 1 {
			call512(rows<<4|vectors<<1, x)
			return
		}
		m := uint64(1)<<columns - 1
		x.masks = [4]uint16{uint16(m), uint16(m >> 16), uint16(m >> 32), uint16(m >> 48)}
		call512(rows<<4|vectors<<1|1, x)
		return
	}
	switch {
	case columns == 64:
		row256(x)
	case columns == 16:
		call256(rows<<4|2<<1, x)
	default:
		x.maskAt = &maskTable[32-columns]
		call256(rows<<4|(columns+7)>>3<<1|1, x)
	}
}

// transposeBlocks turns 16 rows (AVX2: 8) of src, blocks times as many columns, into rows
// of one register each; ldd and lds count floats.
func transposeBlocks(set cpu.Set, dst *float32, ldd int, src *float32, lds, blocks int) {
	if set == cpu.AVX512 {
		transpose512(dst, 4*ldd, src, 4*lds, blocks)
	} else {
		transpose256(dst, 4*ldd, src, 4*lds, blocks)
	}
}

// copyRows copies rows of w floats. It writes whole registers, one or two for each row.
func copyRows(set cpu.Set, dst *float32, ldd int, src *float32, lds, rows, w int) {
	if set == cpu.AVX512 {
		m := uint32(uint64(1)<<w - 1)
		copyRows512(dst, 4*ldd, src, 4*lds, rows, uint16(m), uint16(m>>16), (w-1)>>4)
	} else {
		copyRows256(dst, 4*ldd, src, 4*lds, rows, &maskTable[32-w], (w-1)>>3)
	}
}

// dot is four dot products of n terms: rows of a, lda floats apart, with x.
func dot(set cpu.Set, a *float32, lda int, x *float32, n int, sums *float32) {
	if set == cpu.AVX512 {
		dot512(a, 4*lda, x, n, sums, &maskTable[32-n&31])
	} else {
		dot256(a, 4*lda, x, n, sums, &maskTable[32-n&15])
	}
}

//go:noescape
func transpose512(dst *float32, ldd int, src *float32, lds int, blocks int)

//go:noescape
func transpose256(dst *float32, ldd int, src *float32, lds int, blocks int)

//go:noescape
func copyRows512(dst *float32, ldd int, src *float32, lds int, rows int, mask0, mask1 uint16, two int)

//go:noescape
func copyRows256(dst *float32, ldd int, src *float32, lds int, rows int, masks *int32, two int)

//go:noescape
func dot512(a *float32, lda int, x *float32, n int, sums *float32, mask *int32)

//go:noescape
func dot256(a *float32, lda int, x *float32, n int, sums *float32, mask *int32)
