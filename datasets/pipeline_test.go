package datasets_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
)

// TensorFlow's numpy_input_fn lets batches run across epochs.
func TestRepeatThenBatchRunsAcrossEpochs(t *testing.T) {
	got := batches(t, count(3).Repeat(3).Batch(2))
	require.Equal(t, [][]int64{{0, 1}, {2, 0}, {1, 2}, {0, 1}, {2}}, got)
}

func TestBatchThenRepeatEndsEpochsShort(t *testing.T) {
	got := batches(t, count(3).Batch(2).Repeat(2))
	require.Equal(t, [][]int64{{0, 1}, {2}, {0, 1}, {2}}, got)
}

func TestDropRemainder(t *testing.T) {
	require.Equal(t, [][]int64{{0, 1}, {0, 1}}, batches(t, count(3).Batch(2, datasets.DropRemainder()).Repeat(2)))
	require.Equal(t, [][]int64{{0, 1}, {2, 0}, {1, 2}}, batches(t, count(3).Repeat(2).Batch(2, datasets.DropRemainder())))
}

func TestTakeSkipCountElements(t *testing.T) {
	require.Equal(t, [][]int64{{1, 2}}, batches(t, count(5).Skip(1).Take(2).Batch(2)))
	require.Equal(t, [][]int64{{2, 3}}, batches(t, count(5).Batch(2).Skip(1).Take(1)))
	require.Empty(t, batches(t, count(5).Skip(9)))
	require.Empty(t, batches(t, count(5).Take(0)))
	require.Empty(t, batches(t, count(5).Repeat(0)))
}

func TestShardsPartition(t *testing.T) {
	for num := 1; num <= 5; num++ {
		seen := map[int64]int{}
		for i := range num {
			for _, b := range batches(t, count(7).Shard(num, i)) {
				seen[b[0]]++
			}
		}
		require.Len(t, seen, 7)
		for n, times := range seen {
			require.Equal(t, 1, times, "row %d in %d shards", n, num)
		}
	}
}

func TestMapBeforeAndAfterBatch(t *testing.T) {
	before, err := count(5).Map(double).Batch(2).Collect(ctx)
	require.NoError(t, err)
	after, err := count(5).Batch(2).Map(double).Collect(ctx)
	require.NoError(t, err)
	require.Equal(t, after, before)
	require.Equal(t, []float32{4, 2, 6, 3}, before[1].Features["x"].Float32s())
}

// A Map may rename, add and remove tensors; the spec follows.
func TestMapChangesTheSpec(t *testing.T) {
	ds := count(4).Map(func(b datasets.Batch) (datasets.Batch, error) {
		b.Features["again"] = b.Labels["y"]
		delete(b.Labels, "y")
		return b, nil
	}).Batch(3)
	require.NoError(t, ds.Err())
	require.Equal(t, `feature "again" int64 (), feature "x" float32 (2)`, ds.Spec().String())
	all, err := ds.Collect(ctx)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, []int64{3}, all[1].Features["again"].Int64s())
	require.Empty(t, all[1].Labels)
}

func TestUnbatched(t *testing.T) {
	all, err := count(2).Collect(ctx)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, "(1, 2)", fmt.Sprint(all[1].Features["x"].Shape()))
	require.Equal(t, "(1)", fmt.Sprint(all[1].Labels["y"].Shape()))
	require.Zero(t, count(2).BatchSize())
	require.Equal(t, 7, count(2).Batch(7).Repeat(3).BatchSize())
}

func TestIteratorEnds(t *testing.T) {
	it := open(t, count(1).Batch(2))
	_, err := it.Next(ctx)
	require.NoError(t, err)
	for range 3 {
		_, err = it.Next(ctx)
		require.Equal(t, io.EOF, err)
	}
	require.NoError(t, it.Close())
	require.NoError(t, it.Close())
	_, err = it.Next(ctx)
	require.ErrorIs(t, err, datasets.ErrClosed)
	_, err = it.Position()
	require.ErrorIs(t, err, datasets.ErrClosed)
	require.ErrorIs(t, it.Restore(nil), datasets.ErrClosed)
}

func TestAllTwinsAgree(t *testing.T) {
	ds := count(5).Shuffle(3).Batch(2)
	var each []string
	require.NoError(t, ds.ForEach(ctx, func(b datasets.Batch) error { each = append(each, text(b)); return nil }))
	var ranged []string
	for b, err := range ds.All(ctx) {
		require.NoError(t, err)
		ranged = append(ranged, text(b))
	}
	require.Equal(t, each, ranged)
	all, err := ds.Collect(ctx)
	require.NoError(t, err)
	for i, b := range all {
		require.Equal(t, each[i], text(b), "a collected batch has memory of its own")
	}
	for range ds.Repeat(-1).Prefetch(1).All(ctx) {
		break // goleak sees what stays behind
	}
	_, err = ds.Repeat(-1).Collect(ctx)
	require.ErrorIs(t, err, datasets.ErrInfinite)
}

func TestContext(t *testing.T) {
	for _, ds := range []*datasets.Dataset{count(3), count(3).Prefetch(1), countCSV(t, 3)} {
		it := open(t, ds)
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		_, err := it.Next(cancelled)
		require.ErrorIs(t, err, context.Canceled)
		b, err := it.Next(ctx)
		require.NoError(t, err, "a cancelled call loses nothing")
		require.Equal(t, []int64{0}, numbers(b))
	}
}

// element is an element of the model: rows and the epoch of the first.
type element struct {
	rows  []int64
	epoch int64
}

// model is the meaning of the operations in a few lines: lists of elements.
type model struct {
	elements []element
	batched  bool
	repeated int64
}

func (m model) element(rows []element) (e element) {
	e.epoch = rows[0].epoch
	for _, r := range rows {
		e.rows = append(e.rows, r.rows...)
	}
	return e
}

// step applies a random operation to a data set and to its model.
func step(r *rand.Rand, d *datasets.Dataset, m model) (*datasets.Dataset, model) {
	n := len(m.elements)
	switch k := r.IntN(8); {
	case k == 0 && !m.batched:
		size, drop := random(r, 1, 4), r.IntN(3) == 0
		var opts []datasets.BatchOption
		if drop {
			opts = append(opts, datasets.DropRemainder())
		}
		out := model{batched: true, repeated: m.repeated}
		for i := 0; i < n; i += size {
			if part := m.elements[i:min(i+size, n)]; len(part) == size || !drop {
				out.elements = append(out.elements, m.element(part))
			}
		}
		return d.Batch(size, opts...), out
	case k == 0:
		out := model{repeated: m.repeated}
		for _, e := range m.elements {
			for _, row := range e.rows {
				out.elements = append(out.elements, element{[]int64{row}, e.epoch})
			}
		}
		return d.Unbatch(), out
	case k == 1:
		take := min(random(r, 0, 12), n+1)
		m.elements = m.elements[:min(take, n)]
		return d.Take(int64(take)), m
	case k == 2:
		skip := random(r, 0, 4)
		m.elements = m.elements[min(skip, n):]
		return d.Skip(int64(skip)), m
	case k == 3:
		num := random(r, 1, 3)
		index := r.IntN(num)
		var out []element
		for i := index; i < n; i += num {
			out = append(out, m.elements[i])
		}
		m.elements = out
		return d.Shard(num, index), m
	case k == 4 && n < 100:
		times := random(r, 0, 3)
		out := model{batched: m.batched, repeated: m.repeated * int64(times)}
		for i := range times {
			for _, e := range m.elements {
				out.elements = append(out.elements, element{e.rows, e.epoch + int64(i)*m.repeated})
			}
		}
		return d.Repeat(times), out
	case k == 5 && !m.batched:
		var out []element
		for _, e := range m.elements {
			if e.rows[0]%2 == 1 {
				out = append(out, e)
			}
		}
		m.elements = out
		return d.Filter(odd), m
	case k == 6:
		return d.Map(double), m
	case k == 7:
		return d.Prefetch(random(r, 0, 2)), m
	}
	return d, m
}

// Random pipelines without Shuffle give what the model says, from memory and from a
// file, and know their cardinality.
func TestOperationsMeanWhatTheModelSays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 1500 {
		n := random(r, 1, 9)
		ds, m := count(n), model{repeated: 1}
		fromFile := i%5 == 0
		if fromFile {
			ds = countCSV(t, n)
		}
		for row := range n {
			m.elements = append(m.elements, element{rows: []int64{int64(row)}})
		}
		for range random(r, 0, 6) {
			ds, m = step(r, ds, m)
		}
		require.NoError(t, ds.Err(), "%v", ds)
		it := open(t, ds)
		rows := int64(0)
		for k, want := range m.elements {
			require.Equal(t, want.epoch, it.Epoch(), "%v: epoch of element %d", ds, k)
			b, err := it.Next(ctx)
			require.NoError(t, err, "%v: element %d", ds, k)
			require.Equal(t, want.rows, numbers(b), "%v: element %d", ds, k)
			rows += int64(len(want.rows))
		}
		_, err := it.Next(ctx)
		require.Equal(t, io.EOF, err, "%v", ds)
		if total, known := ds.Cardinality().N(); known {
			require.EqualValues(t, len(m.elements), total, "%v", ds)
		}
		if all, known := ds.Rows().N(); known && m.repeated == 1 {
			require.Equal(t, rows, all, "%v: rows", ds)
		}
	}
}

func TestCardinality(t *testing.T) {
	unknown := countCSV(t, 5)
	for _, c := range []struct {
		ds                 *datasets.Dataset
		elements, rows     string
		batchesPerEpoch    int64
		elementsAreCertain bool
	}{
		{ds: count(5), elements: "5", rows: "5", batchesPerEpoch: 5},
		{ds: count(5).Batch(2), elements: "3", rows: "5", batchesPerEpoch: 3},
		{ds: count(5).Batch(2, datasets.DropRemainder()), elements: "2", rows: "4", batchesPerEpoch: 2},
		{ds: count(5).Shuffle(9).Batch(2).Repeat(-1).Prefetch(1), elements: "infinite", rows: "5", batchesPerEpoch: 3},
		{ds: count(5).Repeat(-1).Batch(2), elements: "infinite", rows: "5", batchesPerEpoch: 3},
		{ds: count(5).Repeat(3).Batch(2), elements: "8", rows: "5", batchesPerEpoch: 3},
		{ds: count(5).Batch(2).Repeat(-1).Take(4), elements: "4", rows: "5", batchesPerEpoch: 3},
		{ds: count(5).Batch(2).Take(2), elements: "2", rows: "4", batchesPerEpoch: 2},
		{ds: count(5).Batch(2).Skip(1), elements: "2", rows: "3", batchesPerEpoch: 2},
		{ds: count(5).Batch(2).Shard(2, 0), elements: "2", rows: "3", batchesPerEpoch: 2},
		{ds: count(5).Batch(2).Shard(2, 1), elements: "1", rows: "2", batchesPerEpoch: 1},
		{ds: count(5).Batch(2).Shuffle(5), elements: "3", rows: "5", batchesPerEpoch: 3},
		{ds: count(5).Batch(2).Shuffle(5).Take(1), elements: "1", rows: "unknown", batchesPerEpoch: 1},
		{ds: count(5).Repeat(0), elements: "0", rows: "5", batchesPerEpoch: 5},
		{ds: count(5).Filter(odd), elements: "unknown", rows: "unknown", batchesPerEpoch: -1},
		{ds: unknown.Batch(2), elements: "unknown", rows: "unknown", batchesPerEpoch: -1},
		{ds: unknown.Batch(2).Repeat(-1), elements: "infinite", rows: "unknown", batchesPerEpoch: -1},
		{ds: unknown.Repeat(-1).Take(3), elements: "3", rows: "unknown", batchesPerEpoch: -1},
	} {
		require.NoError(t, c.ds.Err())
		require.Equal(t, c.elements, c.ds.Cardinality().String(), "%v", c.ds)
		require.Equal(t, c.elements == "infinite", c.ds.Cardinality().IsInfinite())
		require.Equal(t, c.rows, c.ds.Rows().String(), "%v", c.ds)
		require.Equal(t, c.batchesPerEpoch, c.ds.BatchesPerEpoch(), "%v", c.ds)
	}
}

// The epoch asked for before Next is that of the batch that Next gives.
func TestEpoch(t *testing.T) {
	for _, ds := range []*datasets.Dataset{count(3), countCSV(t, 3)} {
		for _, of := range []*datasets.Dataset{ds.Batch(2).Repeat(-1), ds.Shuffle(2).Batch(2).Repeat(-1), ds.Shuffle(2).Batch(2).Repeat(-1).Prefetch(2)} {
			it := open(t, of)
			for k := range 7 {
				require.EqualValues(t, k/2, it.Epoch(), "%v, batch %d", of, k)
				_, err := it.Next(ctx)
				require.NoError(t, err)
			}
		}
	}
	it := open(t, count(3).Repeat(-1).Batch(2))
	for k, want := range []int64{0, 0, 1, 2, 2, 3} {
		require.Equal(t, want, it.Epoch(), "batch %d", k)
		_, err := it.Next(ctx)
		require.NoError(t, err)
	}
	it = open(t, count(3).Repeat(-1).Shuffle(2).Batch(3))
	for k := range 4 {
		require.EqualValues(t, k, it.Epoch())
		_, err := it.Next(ctx)
		require.NoError(t, err)
	}
	require.EqualValues(t, -1, open(t, countCSV(t, 3).Repeat(-1).Shuffle(2)).Epoch())
}

func TestDatasetsAreImmutable(t *testing.T) {
	base := count(6).Take(5)
	a, b := base.Batch(2), base.Batch(3)
	require.Len(t, batches(t, a), 3)
	require.Len(t, batches(t, b), 2)
	require.Len(t, batches(t, base), 5)
	require.NoError(t, base.Err())
	require.Error(t, base.Batch(0).Err())
}

// Numbers beyond all bounds are as good as endless, and cost nothing.
func TestEnormousArguments(t *testing.T) {
	const most = math.MaxInt64
	require.Equal(t, batches(t, count(3).Shuffle(3).Batch(3)), batches(t, count(3).Shuffle(most).Batch(most).Shuffle(most).Take(most)))
	require.Equal(t, [][]int64{{1}}, batches(t, count(3).Shard(most, 1)))
	require.Empty(t, batches(t, count(3).Repeat(9).Batch(most).Skip(most).Skip(most)))
	require.Equal(t, "unknown", count(3).Repeat(most).Cardinality().String())
	require.Len(t, batches(t, count(3).Repeat(most).Take(7)), 7)
}

func TestLoad(t *testing.T) {
	ds, err := countCSV(t, 7).Map(double).Filter(odd).Batch(2).Load(ctx)
	require.NoError(t, err)
	require.Equal(t, "3", ds.Cardinality().String())
	require.Equal(t, [][]int64{{1}, {3}, {5}}, batches(t, ds))
	all, err := ds.Batch(9).Collect(ctx)
	require.NoError(t, err)
	require.Equal(t, []float32{1, 3, 5}, all[0].Features["x"].Float32s())
	_, err = ds.Repeat(-1).Load(ctx)
	require.ErrorIs(t, err, datasets.ErrInfinite)
	_, err = ds.Skip(9).Load(ctx)
	require.ErrorIs(t, err, datasets.ErrEmpty)
}

func TestFromTensors(t *testing.T) {
	ds := datasets.FromTensors(map[string]any{"a": []float64{1, 2}, "b": [][][]uint8{{{1, 2}}, {{3, 4}}}, "c": []bool{true, false}}, []int{4, 5})
	require.NoError(t, ds.Err())
	require.Equal(t, `feature "a" float64 (), feature "b" uint8 (1, 2), feature "c" bool (), label "y" int64 ()`, ds.Spec().String())
	all, err := ds.Batch(2).Collect(ctx)
	require.NoError(t, err)
	require.Equal(t, []uint8{1, 2, 3, 4}, all[0].Features["b"].Uint8s())
	require.Equal(t, []bool{true, false}, all[0].Features["c"].Bools())
	require.Equal(t, []int64{4, 5}, all[0].Labels["y"].Int64s())
}
