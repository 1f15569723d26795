package philox

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// The known answers of the Random123 distribution (kat_vectors, philox4x32-10).
func TestKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{
			[4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, [2]uint32{0xffffffff, 0xffffffff},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		require.Equal(t, c.want, Block(c.counter, c.key))
	}
}

func TestStreamsDiffer(t *testing.T) {
	seen := map[uint64]string{}
	for _, s := range []struct {
		seed uint64
		name string
		time int64
	}{{0, "", 0}, {1, "", 0}, {0, "a", 0}, {0, "", 1}, {1, "a", 1}, {0, "b", 0}, {0, "", -1}, {0, "", 1 << 32}} {
		v := New(s.seed, s.name, s.time).Uint64(0)
		require.NotContains(t, seen, v)
		seen[v] = s.name
	}
}

func TestWordsAgree(t *testing.T) {
	s := New(7, "x", 3)
	for i := range uint64(20) {
		require.Equal(t, s.Block(i / 4)[i%4], s.Uint32(i))
		require.Equal(t, uint64(s.Uint32(2*i+1))<<32|uint64(s.Uint32(2*i)), s.Uint64(i))
	}
}

func TestMoments(t *testing.T) {
	s := New(1, "moments", 0)
	const n = 100_000
	var uniform, normal, square float64
	counts := make([]int, 7)
	for i := range uint64(n) {
		u := s.Float64(i)
		require.True(t, u >= 0 && u < 1)
		f := s.Float32(i)
		require.True(t, f >= 0 && f < 1)
		uniform += u
		z := s.Normal(i)
		normal += z
		square += z * z
		counts[s.Intn(i, 7)]++
	}
	require.InDelta(t, 0.5, uniform/n, 5*math.Sqrt(1./12/n))
	require.InDelta(t, 0, normal/n, 5/math.Sqrt(n))
	require.InDelta(t, 1, square/n, 5*math.Sqrt(2./n))
	for _, c := range counts {
		require.InDelta(t, n/7., c, 5*math.Sqrt(n/7.))
	}
	require.Zero(t, s.Intn(0, 0))
	require.Zero(t, s.Intn(0, 1))
}

// A cursor gives the stream's own values, in any order.
func TestCursor(t *testing.T) {
	s := New(3, "cursor", 7)
	c := NewCursor(s)
	for _, index := range []uint64{0, 1, 2, 3, 4, 5, 7, 6, 6, 1000, 999, 0, 1 << 40, 1<<40 + 2, 1<<33 - 1, math.MaxUint64} {
		for _, n := range []int{1, 10, 1 << 40} {
			require.Equal(t, s.Intn(index, n), c.Intn(index, n), "value %d below %d", index, n)
		}
	}
}

// Intn is the high half of the product of 64 random bits and n.
func TestIntn(t *testing.T) {
	s := New(1, "intn", 0)
	for i := range uint64(1000) {
		n := int(i*i*i*7919 + 1)
		want := new(big.Int).Rsh(new(big.Int).Mul(new(big.Int).SetUint64(s.Uint64(i)), big.NewInt(int64(n))), 64)
		require.EqualValues(t, want.Int64(), s.Intn(i, n))
	}
}
