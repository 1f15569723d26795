package blas

import (
	"fmt"
	"unsafe"
)

type float interface{ float32 | float64 }

// check panics where arguments cannot be right, and cuts the slices to the matrices.
func check[T float](transA, transB bool, m, n, k int, a []T, lda int, b []T, ldb int, c []T, ldc int) (A, B, C []T) {
	if m < 0 || n < 0 || k < 0 {
		panic(fmt.Sprintf("blas: a product of sizes %d, %d, %d", m, n, k))
	}
	return matrix("a", a, m, k, lda, transA), matrix("b", b, k, n, ldb, transB), matrix("c", c, m, n, ldc, false)
}

func matrix[T float](name string, x []T, rows, columns, ld int, transposed bool) []T {
	if transposed {
		rows, columns = columns, rows
	}
	if rows == 0 || columns == 0 {
		return nil
	}
	size := (rows-1)*ld + columns
	if ld < columns || len(x) < size {
		panic(fmt.Sprintf("blas: %s has %d elements in rows %d apart, want %d rows of %d", name, len(x), ld, rows, columns))
	}
	return x[:size]
}

// scale is the product over no terms: c becomes beta*c.
func scale[T float](m, n int, beta T, c []T, ldc int) {
	if n == 0 || beta == 1 {
		return
	}
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		if beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= beta
		}
	}
}

// ceil is a/b rounded up.
func ceil(a, b int) int { return (a + b - 1) / b }

// grow returns a slice of n elements that begins at a boundary of 64 bytes, in the place
// of s where it is long enough. The content is not kept.
func grow[T float](s []T, n int) []T {
	if cap(s) >= n {
		return s[:n]
	}
	var zero T
	size := unsafe.Sizeof(zero)
	s = make([]T, n+int(64/size))
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(s))) % 64 / size)
	return s[skip : skip+n : skip+n]
}
