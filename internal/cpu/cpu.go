// Package cpu says which instruction set the assembly of this program uses. It is the
// one place that asks the processor, so that products (internal/blas) and vector loops
// (internal/vector) always agree.
package cpu

import "sync/atomic"

// Set is a set of vector instructions.
type Set int32

// The sets, best last.
const (
	Portable Set = iota // Go without assembly
	AVX2                // AVX2 and FMA: 8 float32 at once
	AVX512              // AVX-512 F, DQ, BW and VL: 16 float32 at once
)

// String returns the set's name: "portable", "avx2" or "avx512".
func (s Set) String() string {
	switch s {
	case AVX512:
		return "avx512"
	case AVX2:
		return "avx2"
	}
	return "portable"
}

var (
	best   = detect()
	active atomic.Int32
)

func init() { active.Store(int32(best)) }

// Best returns the best set that the processor and the operating system support.
func Best() Set { return best }

// Active returns the set in use: the best one, unless [Use] chose another.
func Active() Set { return Set(active.Load()) }

// Use chooses a set for the whole process and returns the one chosen: s, or the best
// one where the machine does not have s. It may be called at any time; work that has
// begun ends as it began.
func Use(s Set) Set {
	s = max(Portable, min(s, best))
	active.Store(int32(s))
	return s
}
