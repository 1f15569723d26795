// Package philox is the project's only source of randomness: the counter-based
// generator Philox 4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random
// numbers: as easy as 1, 2, 3" (SC11).
//
// A draw is a pure function of a key and an index, so nothing has to be saved to
// resume a run, and any number of workers draws the same values without talking
// to each other. A [Stream] is keyed by a seed, the name of whoever draws (a graph
// node, a data set) and the time of the draw (a step, an epoch).
package philox

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/bits"
)

const (
	multiplier0 = 0xD2511F53
	multiplier1 = 0xCD9E8D57
	weyl0       = 0x9E3779B9
	weyl1       = 0xBB67AE85
	rounds      = 10
)

// Block computes one Philox 4x32-10 block: four words for a counter and a key.
func Block(counter [4]uint32, key [2]uint32) [4]uint32 {
	for range rounds {
		p0 := uint64(multiplier0) * uint64(counter[0])
		p1 := uint64(multiplier1) * uint64(counter[2])
		counter = [4]uint32{
			uint32(p1>>32) ^ counter[1] ^ key[0], uint32(p1),
			uint32(p0>>32) ^ counter[3] ^ key[1], uint32(p0),
		}
		key[0] += weyl0
		key[1] += weyl1
	}
	return counter
}

// Stream is an addressable sequence of random values; the zero value is the
// stream of seed 0 without a name. It is a value: copy it freely, use it from any
// number of goroutines.
type Stream struct {
	key  [2]uint32
	high [2]uint32
}

// New returns the stream of a seed, the name of who draws and the time of the
// draw (a global step or an epoch).
func New(seed uint64, name string, time int64) Stream {
	h := fnv.New64a()
	h.Write([]byte(name))
	var word [8]byte
	binary.LittleEndian.PutUint64(word[:], seed)
	h.Write(word[:])
	n := mix(h.Sum64())
	return Stream{
		key:  [2]uint32{uint32(n), uint32(n >> 32)},
		high: [2]uint32{uint32(uint64(time)), uint32(uint64(time) >> 32)},
	}
}

// mix spreads similar names and seeds over all 64 bits (the finaliser of
// MurmurHash3, Appleby, public domain).
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// Block returns words 4*index to 4*index+3 of the stream.
func (s Stream) Block(index uint64) [4]uint32 {
	return Block([4]uint32{uint32(index), uint32(index >> 32), s.high[0], s.high[1]}, s.key)
}

// Uint32 returns word number index of the stream.
func (s Stream) Uint32(index uint64) uint32 { return s.Block(index / 4)[index%4] }

// Uint64 returns 64 random bits, number index of the stream.
func (s Stream) Uint64(index uint64) uint64 {
	b := s.Block(index / 2)
	if index%2 == 0 {
		return uint64(b[1])<<32 | uint64(b[0])
	}
	return uint64(b[3])<<32 | uint64(b[2])
}

// Float32 returns a uniform value in [0, 1), number index of the stream, with 24
// random bits.
func (s Stream) Float32(index uint64) float32 { return float32(s.Uint32(index)>>8) / (1 << 24) }

// Float64 returns a uniform value in [0, 1), number index of the stream, with 53
// random bits.
func (s Stream) Float64(index uint64) float64 { return float64(s.Uint64(index)>>11) / (1 << 53) }

// Normal returns a value of the standard normal distribution, number index of the
// stream (Box and Muller 1958: two uniform values a draw, the cosine half).
func (s Stream) Normal(index uint64) float64 {
	b := s.Block(index)
	// 1-u is in (0, 1], so the logarithm is finite.
	u := 1 - float64((uint64(b[1])<<32|uint64(b[0]))>>11)/(1<<53)
	v := float64((uint64(b[3])<<32|uint64(b[2]))>>11) / (1 << 53)
	return math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*v)
}

// Intn returns a uniform value in [0, n), number index of the stream. n must be
// positive. The bias is below n/2^64 (multiply and shift).
func (s Stream) Intn(index uint64, n int) int { return below(s.Uint64(index), n) }

func below(x uint64, n int) int {
	if n <= 0 {
		return 0
	}
	hi, _ := bits.Mul64(x, uint64(n))
	return int(hi)
}

// Cursor reads a stream's values by index, as the stream does, in a third of the time where
// consecutive ones are read in turn: it makes two blocks at a time and keeps them.
type Cursor struct {
	stream Stream
	blocks [8]uint32 // an even block and the next
	number uint64    // of that pair, plus 1; 0 when there is none
}

// NewCursor returns a cursor of a stream.
func NewCursor(s Stream) Cursor { return Cursor{stream: s} }

// Intn is [Stream.Intn].
func (c *Cursor) Intn(index uint64, n int) int {
	if number := index/4 + 1; number != c.number {
		c.blocks, c.number = c.stream.pair(index/4), number
	}
	k := index % 4 * 2
	return below(uint64(c.blocks[k+1])<<32|uint64(c.blocks[k]), n)
}

// pair returns blocks 2*index and 2*index+1. A round waits for its products: those of two
// blocks take hardly longer than those of one.
func (s Stream) pair(index uint64) [8]uint32 {
	index *= 2 // even, so that the low word of the next does not carry
	a0, a1, a2, a3 := uint32(index), uint32(index>>32), s.high[0], s.high[1]
	b0, b1, b2, b3 := a0+1, a1, a2, a3
	k0, k1 := s.key[0], s.key[1]
	for range rounds {
		p, q := uint64(multiplier0)*uint64(a0), uint64(multiplier1)*uint64(a2)
		r, t := uint64(multiplier0)*uint64(b0), uint64(multiplier1)*uint64(b2)
		a0, a1, a2, a3 = uint32(q>>32)^a1^k0, uint32(q), uint32(p>>32)^a3^k1, uint32(p)
		b0, b1, b2, b3 = uint32(t>>32)^b1^k0, uint32(t), uint32(r>>32)^b3^k1, uint32(r)
		k0 += weyl0
		k1 += weyl1
	}
	return [8]uint32{a0, a1, a2, a3, b0, b1, b2, b3}
}
