package vector_test

import (
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/internal/cpu"
	"github.com/stheno-ml/stheno/internal/vector"
)

// guarded returns n floats between two pages that cannot be touched: the first ones are
// behind one when atStart, else the last ones are before one.
func guarded(t *testing.T, n int, atStart bool) []float32 {
	t.Helper()
	page := syscall.Getpagesize()
	size := (4*n + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(m)) })
	require.NoError(t, syscall.Mprotect(m[:page], syscall.PROT_NONE))
	require.NoError(t, syscall.Mprotect(m[page+size:], syscall.PROT_NONE))
	begin := page
	if !atStart {
		begin += size - 4*n
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&m[begin])), n)
}

func TestNothingOutsideTheSlicesIsTouched(t *testing.T) {
	defer cpu.Use(cpu.Active())
	const most = 150
	for _, atStart := range []bool{false, true} {
		var pages [5][]float32
		for i := range pages {
			pages[i] = guarded(t, most, atStart)
		}
		for _, set := range sets() {
			cpu.Use(set)
			for n := range most {
				var x [5][]float32
				for i := range x {
					if x[i] = pages[i][:n]; !atStart {
						x[i] = pages[i][most-n:]
					}
				}
				for _, l := range loops {
					l.run(x[0], x[1], x[2], x[3], x[4])
				}
				vector.ExpSum(x[0], x[1], 0)
				k := n / 4 // the last of the four ends where the slice does
				vector.Max4Grad(x[0], x[1], k, n-2*k, x[2][:k], x[3])
				if n > 0 {
					vector.AddColumns(x[0][:max(1, n/3)], x[1])
				}
			}
		}
	}
}
