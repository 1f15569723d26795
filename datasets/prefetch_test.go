package datasets_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
)

func TestPrefetchChangesNothing(t *testing.T) {
	for _, ds := range []*datasets.Dataset{
		count(10).Shuffle(4).Batch(3).Repeat(3),
		countCSV(t, 10).Shuffle(4).Batch(3).Repeat(3),
		count(10).Repeat(3).Map(double).Batch(4),
	} {
		want := drain(t, open(t, ds), 99)
		for _, n := range []int{1, 2, 50} {
			require.Equal(t, want, drain(t, open(t, ds.Prefetch(n)), 99), "%v", ds)
		}
	}
}

// A batch stays valid while the next are made.
func TestPrefetchedBatchesStayValid(t *testing.T) {
	it := open(t, count(40).Batch(2).Repeat(-1).Prefetch(3))
	for k := range 50 {
		b, err := it.Next(ctx)
		require.NoError(t, err)
		if k%10 == 0 {
			time.Sleep(time.Millisecond) // time to overwrite it
		}
		n := int64(2*k) % 40
		require.Equal(t, []int64{n, n + 1}, numbers(b))
	}
}

// A goroutine that is left early ends: goleak looks in TestMain.
func TestPrefetchEndsEarly(t *testing.T) {
	for k := range 4 {
		it, err := count(10).Batch(2).Repeat(-1).Prefetch(2).Iterator()
		require.NoError(t, err)
		for range k {
			_, err := it.Next(ctx)
			require.NoError(t, err)
		}
		require.NoError(t, it.Close())
	}
}

// A wait for a slow function ends with the context, and the batch is not lost.
func TestPrefetchWaits(t *testing.T) {
	release := make(chan struct{})
	next := feed(1, nil)
	it := open(t, datasets.Func(ySpec, func() (datasets.Batch, error) {
		<-release
		return next()
	}).Prefetch(1))
	soon, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
	defer cancel()
	_, err := it.Next(soon)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	close(release)
	b, err := it.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, []int64{0, 1}, numbers(b))
}

// Iterators over one data set in several goroutines share nothing that changes.
func TestConcurrentIterators(t *testing.T) {
	train, _ := datasets.Iris().Split(0.8)
	for _, ds := range []*datasets.Dataset{
		train.Standardize().Shuffle(50).Batch(7).Repeat(2).Prefetch(2),
		countCSV(t, 100).Map(double).Shuffle(20).Batch(7),
	} {
		var wg sync.WaitGroup
		all := make([][]datasets.Batch, 4)
		errs := make([]error, 4)
		for i := range all {
			wg.Go(func() { all[i], errs[i] = ds.Collect(ctx, datasets.Seed(3)) })
		}
		wg.Wait()
		for i := range all {
			require.NoError(t, errs[i])
			require.Equal(t, all[0], all[i])
		}
	}
}
