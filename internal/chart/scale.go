package chart

import (
	"math"
	"strconv"
)

// extent is the smallest interval with all values that were added.
type extent struct {
	low, high float64
	any       bool
}

func (e *extent) add(v float64) {
	if !e.any {
		e.low, e.high, e.any = v, v, true
	}
	e.low, e.high = min(e.low, v), max(e.high, v)
}

func (e *extent) join(o extent) {
	if o.any {
		e.add(o.low)
		e.add(o.high)
	}
}

type tick struct {
	value float64
	label string
}

// scale maps values to pixels.
type scale struct {
	low, high float64
	from, to  float64 // pixels of low and high
	log       bool
	ticks     []tick
}

func (s scale) at(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		v, low, high = math.Log10(min(max(v, low), high)), math.Log10(low), math.Log10(high)
	}
	// Halves, so that the widest range of float64 does not overflow.
	return s.from + (v/2-low/2)/(high/2-low/2)*(s.to-s.from)
}

// linear has about n ticks at multiples of 1, 2 or 5 times a power of ten. round widens
// the range to the next ticks.
func linear(e extent, n int, round bool) scale {
	low, high := e.low, e.high
	if !e.any {
		low, high = 0, 1
	}
	if size := max(math.Abs(low), math.Abs(high)); high/2-low/2 <= 1e-12*size || size < 1e-290 { // as good as one value
		around := max(math.Abs(low)*0.5, 0.5)
		if !round {
			around = max(1, size*1e-9) // a single step
		}
		low, high = max(low-around, -math.MaxFloat64), min(high+around, math.MaxFloat64)
	}
	step := roundStep((high/2 - low/2) / float64(n) * 2)
	first, last := math.Ceil(low/step-1e-9), math.Floor(high/step+1e-9)
	if round {
		first, last = math.Floor(low/step+1e-9), math.Ceil(high/step-1e-9)
	}
	s := scale{low: low, high: high}
	for k := 0; k < 4*n && first+float64(k) <= last; k++ {
		if v := (first + float64(k)) * step; !math.IsInf(v, 0) {
			s.ticks = append(s.ticks, tick{value: v})
		}
	}
	named(s.ticks, step)
	if round && len(s.ticks) > 0 {
		s.low, s.high = min(low, s.ticks[0].value), max(high, s.ticks[len(s.ticks)-1].value)
	}
	return s
}

// roundStep returns the smallest of 1, 2 and 5 times a power of ten that is not below d.
func roundStep(d float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(d)))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= d*(1-1e-9) {
			return f * power
		}
	}
	return 10 * power
}

// logarithmic has ticks at powers of ten, and between them where there are few.
func logarithmic(e extent) scale {
	if !e.any {
		e = extent{low: 1, high: 10}
	}
	// The ends are 1, 2 or 5 times a power of ten. What is beyond these bounds, far from the
	// ends of float64, is drawn at the edge.
	const lowest, highest = 1e-300, 1e300
	low, high := min(max(e.low, lowest), highest), min(max(e.high, lowest), highest)
	s := scale{low: 1 / roundStep(1/low), high: roundStep(high), log: true}
	if s.high < s.low*1.5 {
		s.low, s.high = s.low/10, s.high*10
	}
	factors, every := []float64{1, 2, 5}, 1.0
	if decades := math.Log10(s.high / s.low); decades > 3 {
		factors, every = []float64{1}, math.Ceil(decades/6)
	}
	for p := math.Floor(math.Log10(s.low)); p <= math.Log10(s.high); p += every {
		for _, f := range factors {
			if v := f * math.Pow(10, p); v >= s.low*(1-1e-9) && v <= s.high*(1+1e-9) {
				s.ticks = append(s.ticks, tick{v, plain(v, math.Pow(10, p))})
			}
		}
	}
	return s
}

// named gives the ticks labels in one unit, with the digits that tell ticks a step apart
// from one another.
func named(ticks []tick, step float64) {
	largest := 0.0
	for _, t := range ticks {
		largest = max(largest, math.Abs(t.value))
	}
	size, name := 1.0, ""
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if largest >= 10*unit.size && largest < 1e5*unit.size && step >= unit.size/100 {
			size, name = unit.size, unit.name
			break
		}
	}
	for i, t := range ticks {
		ticks[i].label = plain(t.value/size, step/size) + name
		if t.value == 0 {
			ticks[i].label = "0"
		}
	}
}

func plain(v, step float64) string {
	if abs := math.Abs(v); abs >= 1e6 || abs < 1e-4 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	digits := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	return strconv.FormatFloat(v, 'f', min(digits, 6), 64)
}
