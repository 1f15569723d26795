package datasets_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
)

func flat(groups [][]int64) []int64 { return slices.Concat(groups...) }

func TestShuffleIsAPermutationThatDiffers(t *testing.T) {
	ds := count(20).Shuffle(20).Batch(20).Repeat(4)
	epochs := batches(t, ds)
	require.Len(t, epochs, 4)
	seen := map[string]bool{}
	for _, e := range append(epochs, batches(t, ds, datasets.Seed(1))...) {
		seen[fmt.Sprint(e)] = true
		slices.Sort(e)
		require.Equal(t, flat(batches(t, count(20))), e, "every row once")
	}
	require.Len(t, seen, 8, "epochs and seeds have orders of their own")
	require.Equal(t, batches(t, ds, datasets.Seed(7)), batches(t, ds, datasets.Seed(7)))
}

func TestShuffleSeedIsItsOwn(t *testing.T) {
	own := count(20).Shuffle(20, datasets.ShuffleSeed(5))
	require.Equal(t, batches(t, own, datasets.Seed(1)), batches(t, own, datasets.Seed(2)))
	require.Equal(t, batches(t, own), batches(t, count(20).Shuffle(20), datasets.Seed(5)))
}

// A row cannot come before the buffer has reached it.
func TestShuffleBuffer(t *testing.T) {
	for _, buffer := range []int{1, 3, 7} {
		order := flat(batches(t, count(50).Shuffle(buffer)))
		for i, n := range order {
			require.Less(t, n, int64(i+buffer))
		}
		if buffer == 1 {
			require.True(t, slices.IsSorted(order))
		}
	}
}

// Over many epochs every row comes first equally often.
func TestShuffleIsFair(t *testing.T) {
	const epochs = 6000
	first := make([]int, 6)
	for k, b := range batches(t, count(6).Shuffle(6).Batch(6).Repeat(epochs)) {
		_ = k
		first[b[0]]++
	}
	for n, times := range first {
		// 1000 expected, standard deviation 29.
		require.InDelta(t, epochs/6, times, 150, "row %d", n)
	}
}

func TestShuffleOfBatchesKeepsThemWhole(t *testing.T) {
	got := batches(t, count(9).Batch(2).Shuffle(9))
	require.Len(t, got, 5)
	for _, b := range got {
		require.Zero(t, b[0]%2)
	}
	all := flat(got)
	slices.Sort(all)
	require.Equal(t, flat(batches(t, count(9))), all)
}

// Repeats within repeats do not shuffle twice alike.
func TestNestedRepeatsNumberEpochsThrough(t *testing.T) {
	epochs := batches(t, count(30).Shuffle(30).Batch(30).Repeat(2).Repeat(3))
	seen := map[string]bool{}
	for _, e := range epochs {
		seen[fmt.Sprint(e)] = true
	}
	require.Len(t, seen, 6)
}

// Parts shuffled after Shard stay apart.
func TestShardThenShuffle(t *testing.T) {
	seen := map[int64]bool{}
	for i := range 3 {
		for _, n := range flat(batches(t, count(10).Shard(3, i).Shuffle(10).Batch(2))) {
			require.False(t, seen[n])
			seen[n] = true
		}
	}
	require.Len(t, seen, 10)
}
