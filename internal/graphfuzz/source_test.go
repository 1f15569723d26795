package graphfuzz

import (
	"math"
	"math/rand/v2"

	"gorgonia.org/tensor"
)

// source decodes bytes into choices. After the last byte it gives zeros.
type source struct {
	bytes []byte
	// special says that values may be NaN, infinite or large, wrong that arguments may be
	// wrong. Most graphs have neither, so that most get far.
	special, wrong bool
}

func (s *source) byte() byte {
	if len(s.bytes) == 0 {
		return 0
	}
	b := s.bytes[0]
	s.bytes = s.bytes[1:]
	return b
}

func (s *source) empty() bool { return len(s.bytes) == 0 }

// below is a number from 0 to n-1.
func (s *source) below(n int) int { return int(s.byte()) % n }

// one in n.
func (s *source) one(n int) bool { return s.below(n) == n-1 }

// mistake says now and then that an argument shall be wrong.
func (s *source) mistake() bool { return s.wrong && s.one(12) }

// size is a size of an axis, mostly small and odd.
func (s *source) size() int {
	sizes := []int{1, 2, 3, 1, 2, 4, 5, 3, 2, 7, 1, 17, 2, 33, 3, 0}
	n := sizes[s.below(len(sizes))]
	if n == 0 && !s.special {
		n = 6
	}
	return n
}

// shape has from least to most axes and not too many elements.
func (s *source) shape(least, most int) []int {
	shape := make([]int, least+s.below(most-least+1))
	elements := 1
	for i := range shape {
		if shape[i] = s.size(); elements*shape[i] > 300 {
			shape[i] = 1
		}
		elements *= shape[i]
	}
	return shape
}

// number is an argument such as a slope.
func (s *source) number(usual ...float64) float64 {
	if s.mistake() {
		return []float64{math.NaN(), math.Inf(1), -1, 0, 1e30}[s.below(5)]
	}
	return usual[s.below(len(usual))]
}

// count is an argument from 1 to n, or, wrongly, another.
func (s *source) count(n int) int {
	if s.mistake() {
		return []int{0, -1, n + 1, -n}[s.below(4)]
	}
	return 1 + s.below(max(n, 1))
}

// values are n values of a float dtype.
func (s *source) values(dt tensor.Dtype, n int) []float64 {
	seed, often := uint64(s.byte()), 0
	if s.special {
		often = s.below(12)
	}
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	special := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e30, -1e30, 1e-30, 0, math.Copysign(0, -1), 88, -104, 6, 3e38}
	values := make([]float64, n)
	for i := range values {
		v := r.NormFloat64()
		switch r.IntN(6) {
		case 0:
			v = math.Round(v) // ties and zeros
		case 1:
			v *= 10
		}
		if often > 0 && r.IntN(12) < often-6 {
			v = special[r.IntN(len(special))]
		}
		if dt == tensor.Float32 {
			v = float64(float32(v))
		}
		values[i] = v
	}
	return values
}

// integers are n integers from low to high-1, or, wrongly, one of them outside.
func (s *source) integers(n, low, high int) []int {
	r := rand.New(rand.NewPCG(uint64(s.byte()), uint64(n)))
	values := make([]int, n)
	for i := range values {
		values[i] = low + r.IntN(max(high-low, 1))
	}
	if n > 0 && s.mistake() {
		values[s.below(n)] = []int{high, low - 1, high + 100, -7}[s.below(4)]
	}
	return values
}
