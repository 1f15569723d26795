package datasets_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
)

// wild adds random operations, Shuffle and endless Repeat among them.
func wild(r *rand.Rand, d *datasets.Dataset) *datasets.Dataset {
	batched, endless := false, false
	for range random(r, 1, 6) {
		switch k := r.IntN(11); {
		case k == 0 && !batched:
			d, batched = d.Batch(random(r, 1, 4)), true
		case k == 1 && !batched:
			d, batched = d.Batch(random(r, 1, 3), datasets.DropRemainder()), true
		case k <= 1:
			d, batched = d.Unbatch(), false
		case k <= 3:
			d = d.Shuffle(random(r, 1, 12))
		case k == 4:
			d = d.Repeat(random(r, 2, 3))
		case k == 5:
			d, endless = d.Repeat(-1), true
		case k == 6:
			d = d.Take(int64(random(r, 1, 30)))
		case k == 7:
			d = d.Skip(int64(random(r, 0, 3)))
		case k == 8:
			num := random(r, 1, 3)
			d = d.Shard(num, r.IntN(num))
		case k == 9 && !batched && !endless: // an endless search for an odd row has no end
			d = d.Filter(odd)
		default:
			d = d.Map(double)
		}
	}
	if r.IntN(3) == 0 {
		d = d.Prefetch(random(r, 1, 3))
	}
	return d
}

// drainSoftly is drain where ErrEmpty, of an endless Repeat of nothing, is an end.
func drainSoftly(t *testing.T, it *datasets.Iterator, most int) (all []string, positions [][]byte) {
	t.Helper()
	for range most {
		p, err := it.Position()
		require.NoError(t, err)
		positions = append(positions, p)
		epoch := it.Epoch()
		b, err := it.Next(ctx)
		if err != nil {
			if err != io.EOF {
				require.ErrorIs(t, err, datasets.ErrEmpty)
			}
			return append(all, err.Error()), positions
		}
		all = append(all, fmt.Sprint(epoch, " ", text(b)))
	}
	return all, positions
}

// For any pipeline and any k: what comes after the position behind k batches is what
// would have come without it, bit for bit, epochs included.
func TestResumeIsExact(t *testing.T) {
	const most = 25
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 600 {
		n := random(r, 1, 9)
		source := count(n)
		if i%6 == 0 {
			source = countCSV(t, n)
		}
		ds := wild(r, source)
		require.NoError(t, ds.Err(), "%v", ds)
		seed := r.Uint64()
		whole, positions := drainSoftly(t, open(t, ds, datasets.Seed(seed)), most)
		for k, p := range positions {
			// Another seed: the position brings its own. And not from its beginning.
			it := open(t, ds, datasets.Seed(seed+1))
			for range k % 3 {
				_, _ = it.Next(ctx)
			}
			require.NoError(t, it.Restore(p), "%v after %d: %s", ds, k, p)
			again, err := it.Position()
			require.NoError(t, err)
			rest, _ := drainSoftly(t, it, most-k)
			require.Equal(t, whole[k:], rest, "%v after %d batches: %s", ds, k, p)
			if !strings.Contains(ds.String(), "Prefetch") && k > 0 {
				it = open(t, ds)
				require.NoError(t, it.Restore(again), "a position of a restored iterator")
			}
			require.NoError(t, it.Close())
		}
	}
}

// flaky is a context that is cancelled after it was asked a few times.
type flaky struct {
	context.Context
	left int
}

func (f *flaky) Err() error {
	if f.left--; f.left < 0 {
		return context.Canceled
	}
	return nil
}

// A context that is cancelled anywhere within Next loses no row.
func TestCancelledNextLosesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 300 {
		n := random(r, 1, 9)
		source := count(n)
		if i%6 == 0 {
			source = countCSV(t, n)
		}
		ds := wild(r, source).Prefetch(0)
		want, _ := drainSoftly(t, open(t, ds), 20)
		it := open(t, ds)
		var got []string
		for len(got) < len(want) {
			epoch := it.Epoch()
			b, err := it.Next(&flaky{ctx, r.IntN(6)})
			if err != nil && strings.Contains(err.Error(), "canceled") {
				continue
			}
			if err != nil {
				got = append(got, err.Error())
				continue
			}
			got = append(got, fmt.Sprint(epoch, " ", text(b)))
		}
		require.Equal(t, want, got, "%v", ds)
	}
}

// Deep in an endless run over a file of unknown length, restoring reads one epoch.
func TestRestoreJumpsOverEpochs(t *testing.T) {
	ds := countCSV(t, 50).Shuffle(20).Batch(8).Repeat(-1)
	it := open(t, ds)
	for range 7*300 + 3 {
		_, err := it.Next(ctx)
		require.NoError(t, err)
	}
	p, err := it.Position()
	require.NoError(t, err)
	require.Contains(t, string(p), `"epochs":[{"epoch":300,"before":2100}]`)
	other := open(t, ds)
	require.NoError(t, other.Restore(p))
	require.Equal(t, drain(t, it, 10), drain(t, other, 10))
}

func TestPrefetchPositionIsTheConsumers(t *testing.T) {
	ds := count(10).Shuffle(10).Batch(3).Repeat(-1)
	plain, ahead := open(t, ds), open(t, ds.Prefetch(3))
	for range 9 {
		a, err := plain.Position()
		require.NoError(t, err)
		b, err := ahead.Position()
		require.NoError(t, err)
		require.Equal(t, string(a), string(b))
		require.Equal(t, drain(t, plain, 1), drain(t, ahead, 1))
	}
}

func TestRestoreRefuses(t *testing.T) {
	ds := count(6).Shuffle(3).Batch(2).Repeat(2)
	it := open(t, ds)
	_, err := it.Next(ctx)
	require.NoError(t, err)
	good, err := it.Position()
	require.NoError(t, err)
	whole := drain(t, open(t, ds), 9)
	of := func(d *datasets.Dataset) string {
		p, err := open(t, d).Position()
		require.NoError(t, err)
		return string(p)
	}
	for name, c := range map[string]struct{ position, want string }{
		"other rows":   {of(count(7).Shuffle(3).Batch(2).Repeat(2)), "7 rows"},
		"other buffer": {of(count(6).Shuffle(4).Batch(2).Repeat(2)), "Shuffle(4)"},
		"other size":   {of(count(6).Shuffle(3).Batch(3).Repeat(2)), "Batch(3)"},
		"other order":  {of(count(6).Shuffle(3).Repeat(2).Batch(2)), "Repeat(2).Batch(2)"},
		"a Map more":   {of(ds.Map(double)), "Map"},
		"other dtype":  {of(datasets.FromTensors([]float64{1, 2, 3, 4, 5, 6}, nil).Shuffle(3).Batch(2).Repeat(2)), "float64"},
		"version":      {strings.Replace(string(good), `"version":1`, `"version":9`, 1), "version 9, want 1"},
		"too far":      {strings.Replace(string(good), `"elements":1`, `"elements":99`, 1), "only 6"},
		"negative":     {strings.Replace(string(good), `"elements":1`, `"elements":-1`, 1), "after -1 elements"},
		"no JSON":      {"half a posit", "not JSON"},
		"empty":        {"", "not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			err := it.Restore([]byte(c.position))
			require.ErrorIs(t, err, datasets.ErrPosition)
			require.ErrorContains(t, err, c.want)
			require.Equal(t, whole, drain(t, it, 9), "the iterator is at its beginning")
		})
	}
}

// The same seed gives the same rows whatever the number of processors.
func TestProcessorsChangeNothing(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var want []string
	for _, n := range []int{1, 2, 8} {
		runtime.GOMAXPROCS(n)
		got := drain(t, open(t, count(50).Shuffle(20).Map(double).Batch(7).Repeat(3).Prefetch(2), datasets.Seed(9)), 99)
		if want == nil {
			want = got
		}
		require.Equal(t, want, got)
	}
}
