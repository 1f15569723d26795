package datasets

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
)

// Dataset describes a pipeline: a source of rows and what is done to them. It is
// immutable and safe for concurrent use; every method returns a new description.
// Nothing is read before an iterator is asked for rows, except what describing the
// rows needs: a file's header and first row, and one row through each Map.
//
// An element is what an iterator gives: a row before Batch, a batch after it.
type Dataset struct {
	src  source
	ops  []op
	err  error
	spec *lazySpec // behind the last Map; nil before the first
}

// source is where rows come from.
type source interface {
	// spec describes a row.
	spec() Spec
	// rows returns how many there are in one pass.
	rows() Cardinality
	// fingerprint tells sources apart whose positions must not be mixed up.
	fingerprint() string
	// sample returns a table whose row 0 is the first row, nil when it cannot be
	// had without using it up.
	sample() (*table, error)
}

// rowSource gives rows one by one.
type rowSource interface {
	source
	open() (stage[row], error)
}

// opKind is what an operation does.
type opKind int

const (
	opShuffle opKind = iota
	opBatch
	opUnbatch
	opRepeat
	opTake
	opSkip
	opShard
	opMap
	opFilter
	opPrefetch
)

var opNames = [...]string{"Shuffle", "Batch", "Unbatch", "Repeat", "Take", "Skip", "Shard", "Map", "Filter", "Prefetch"}

func (k opKind) String() string { return opNames[k] }

// op is one operation of a pipeline.
type op struct {
	kind          opKind
	n             int64 // buffer, rows, epochs, elements, shards or batches ahead
	index         int64 // of the shard
	dropRemainder bool
	seed          uint64
	seeded        bool
	transform     func(Batch) (Batch, error)
	keep          func(Batch) (bool, error)
}

// String is part of the fingerprint that positions carry.
func (o op) String() string {
	switch {
	case o.kind == opMap, o.kind == opFilter, o.kind == opUnbatch:
		return o.kind.String()
	case o.kind == opShard:
		return fmt.Sprintf("Shard(%d, %d)", o.n, o.index)
	case o.kind == opBatch && o.dropRemainder:
		return fmt.Sprintf("Batch(%d, DropRemainder)", o.n)
	case o.kind == opShuffle && o.seeded:
		return fmt.Sprintf("Shuffle(%d, seed %d)", o.n, o.seed)
	}
	return fmt.Sprintf("%v(%d)", o.kind, o.n)
}

// failed returns a data set that only has an error.
func failed(format string, args ...any) *Dataset {
	return &Dataset{src: noSource{}, err: fmt.Errorf("datasets: "+format, args...)}
}

// noSource stands in where the source could not be made.
type noSource struct{}

func (noSource) spec() Spec              { return Spec{} }
func (noSource) rows() Cardinality       { return Known(0) }
func (noSource) fingerprint() string     { return "none" }
func (noSource) sample() (*table, error) { return nil, nil }

// with returns the data set with one more operation, or with its first error.
func (d *Dataset) with(o op, err error) *Dataset {
	next := &Dataset{src: d.src, ops: append(slices.Clip(d.ops), o), err: d.err, spec: d.spec}
	if next.err == nil && err != nil {
		next.err = fmt.Errorf("datasets: %v: %w", o.kind, err)
	}
	return next
}

// atLeast reports a number below a bound.
func atLeast(what string, n, least int64) error {
	if n < least {
		return fmt.Errorf("%s is %d, want at least %d", what, n, least)
	}
	return nil
}

// batched reports whether elements are batches.
func (d *Dataset) batched() bool {
	_, yes := d.src.(*funcSource)
	for _, o := range d.ops {
		switch o.kind {
		case opBatch:
			yes = true
		case opUnbatch:
			yes = false
		}
	}
	return yes
}

// ShuffleOption changes Shuffle.
type ShuffleOption func(*op)

// ShuffleSeed orders this shuffle by a seed of its own in place of the iterator's.
func ShuffleSeed(seed uint64) ShuffleOption {
	return func(o *op) { o.seed, o.seeded = seed, true }
}

// Shuffle gives the elements in random order: it keeps up to buffer elements and
// gives any of them, each time taking in the next. A buffer as large as the data set
// gives every order with the same probability; a smaller one moves an element ahead
// by at most that much. The order is a pure function of the seed (see [Seed]), the
// epoch and the place in the pipeline: every epoch of a Repeat after it has another
// one, and none depends on how the iterator came there.
//
// Over rows in memory the buffer holds row numbers, 16 bytes each; over a file it
// holds rows. buffer must be at least 1.
func (d *Dataset) Shuffle(buffer int, opts ...ShuffleOption) *Dataset {
	o := op{kind: opShuffle, n: int64(buffer)}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	return d.with(o, atLeast("buffer", o.n, 1))
}

// BatchOption changes Batch.
type BatchOption func(*op)

// DropRemainder leaves out a last batch that would have too few rows.
func DropRemainder() BatchOption { return func(o *op) { o.dropRemainder = true } }

// Batch puts n rows together. After Repeat, batches run across the borders of
// epochs, and only the very last may be short; before Repeat, every epoch ends with
// a batch of what is left. n must be at least 1.
func (d *Dataset) Batch(n int, opts ...BatchOption) *Dataset {
	o := op{kind: opBatch, n: int64(n)}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	err := atLeast("batch size", o.n, 1)
	if err == nil && d.batched() {
		err = fmt.Errorf("the elements are batches already: Unbatch first")
	}
	return d.with(o, err)
}

// Unbatch takes batches apart into rows.
func (d *Dataset) Unbatch() *Dataset {
	var err error
	if !d.batched() {
		err = errors.New("the elements are rows already")
	}
	return d.with(op{kind: opUnbatch}, err)
}

// Repeat goes through everything before it n times, -1 for ever; each time is an
// epoch. 0 gives nothing.
func (d *Dataset) Repeat(n int) *Dataset {
	o := op{kind: opRepeat, n: int64(n)}
	if _, yes := d.src.(*funcSource); yes {
		return d.with(o, errors.New("a Func has one pass only: let the function itself go round"))
	}
	if n < -1 {
		return d.with(o, fmt.Errorf("the number of epochs is %d, want -1 (for ever), 0 or more", n))
	}
	return d.with(o, nil)
}

// Take gives the first n elements: rows before Batch, batches after it.
func (d *Dataset) Take(n int64) *Dataset {
	return d.with(op{kind: opTake, n: n}, atLeast("the number of elements", n, 0))
}

// Skip leaves out the first n elements.
func (d *Dataset) Skip(n int64) *Dataset {
	return d.with(op{kind: opSkip, n: n}, atLeast("the number of elements", n, 0))
}

// Shard gives every num-th element, beginning with number index: num workers with
// index 0 to num-1 share the data set out among them. Shard before Shuffle, so that
// the parts stay apart.
func (d *Dataset) Shard(num, index int) *Dataset {
	o := op{kind: opShard, n: int64(num), index: int64(index)}
	err := atLeast("the number of shards", o.n, 1)
	if err == nil && (index < 0 || index >= num) {
		err = fmt.Errorf("index is %d, want 0 to %d", index, num-1)
	}
	return d.with(o, err)
}

// Map changes rows by a function. The function is called with whole batches, also
// where Map comes before Batch (rows are put together first, as that is faster); so
// before Batch it must treat each row by itself. It must be a pure function of the
// rows, or a resumed run will not be exact. It may change the batch's tensors in
// place and may put others in the maps, of any dtype and shape but with the same
// number of rows. A panic becomes a *PanicError.
//
// The names, dtypes and shapes of the result are found by calling the function with
// the first row; after Func, whose rows cannot be had twice, they are taken to be
// unchanged. [Dataset.MapSpec] declares them.
func (d *Dataset) Map(f func(Batch) (Batch, error)) *Dataset { return d.mapWith(f, nil) }

// MapSpec is Map with the spec of its result declared, so that the function is not
// called to find it.
func (d *Dataset) MapSpec(spec Spec, f func(Batch) (Batch, error)) *Dataset {
	next := d.mapWith(f, &lazySpec{spec: spec.clone()})
	if err := spec.check(); err != nil && next.err == nil {
		next.err = fmt.Errorf("datasets: MapSpec: %w", err)
	}
	return next
}

func (d *Dataset) mapWith(f func(Batch) (Batch, error), spec *lazySpec) *Dataset {
	if f == nil {
		return d.with(op{kind: opMap}, errors.New("the function is nil"))
	}
	next := d.with(op{kind: opMap, transform: f}, nil)
	if next.spec = spec; spec == nil {
		next.spec = &lazySpec{before: d, transform: f}
	}
	return next
}

// Filter gives the rows for which keep returns true. It is called with batches of one
// row, valid during the call, and must be a pure function of them. Only before Batch.
func (d *Dataset) Filter(keep func(Batch) (bool, error)) *Dataset {
	var err error
	switch {
	case keep == nil:
		err = errors.New("the function is nil")
	case d.batched():
		err = errors.New("the elements are batches: filter before Batch")
	}
	return d.with(op{kind: opFilter, keep: keep}, err)
}

// Prefetch lets a goroutine of each iterator prepare up to n batches ahead, the
// functions given to Map and Filter included. It changes neither the order nor
// positions, wherever in the pipeline it is; of several the last counts, 0 turns it
// off. n is at most 1000; each takes the memory of a batch.
func (d *Dataset) Prefetch(n int) *Dataset {
	const most = 1000
	err := atLeast("the number of batches", int64(n), 0)
	if n > most {
		err = fmt.Errorf("the number of batches is %d, want at most %d", n, most)
	}
	return d.with(op{kind: opPrefetch, n: int64(n)}, err)
}

// Err returns the first error of the description: a bad argument, a file that cannot
// be opened, ErrEmpty for a source without rows, a Map that fails on the first row.
func (d *Dataset) Err() error {
	if d.err != nil {
		return d.err
	}
	if d.src.rows() == Known(0) {
		return fmt.Errorf("datasets: %s: %w", d.src.fingerprint(), ErrEmpty)
	}
	_, err := d.rowSpec()
	return err
}

// Spec describes one row of what the pipeline gives. It is empty when Err is not nil.
func (d *Dataset) Spec() Spec {
	if d.Err() != nil {
		return Spec{}
	}
	spec, _ := d.rowSpec()
	return spec.clone()
}

func (d *Dataset) rowSpec() (Spec, error) {
	if d.spec == nil {
		return d.src.spec(), nil
	}
	return d.spec.get()
}

// BatchSize returns the number of rows given to Batch; 0 when there is no Batch.
func (d *Dataset) BatchSize() int {
	n := int64(0)
	for _, o := range d.ops {
		switch o.kind {
		case opBatch:
			n = o.n
		case opUnbatch:
			n = 0
		}
	}
	return int(n)
}

func (d *Dataset) size() size {
	s := sizeOf(d.src)
	if d.err != nil {
		return size{epoch: Unknown(), total: Unknown()}
	}
	for _, o := range d.ops {
		s = s.apply(o)
	}
	return s
}

// Cardinality returns the number of elements in all epochs together.
func (d *Dataset) Cardinality() Cardinality { return d.size().total }

// Rows returns the number of rows in one epoch.
func (d *Dataset) Rows() Cardinality { return d.size().rows() }

// BatchesPerEpoch returns the number of elements in one epoch, -1 when it is unknown
// or infinite. It is rounded up where batches run across the borders of epochs.
func (d *Dataset) BatchesPerEpoch() int64 {
	if n, ok := d.size().epoch.N(); ok {
		return n
	}
	return -1
}

// String describes the pipeline in one line.
func (d *Dataset) String() string {
	if d.err != nil {
		return d.err.Error()
	}
	return d.fingerprint()
}

// fingerprint describes all that decides which rows come when, apart from the seed.
func (d *Dataset) fingerprint() string {
	parts := []string{d.src.fingerprint()}
	for _, o := range d.ops {
		if o.kind != opPrefetch {
			parts = append(parts, o.String())
		}
	}
	return strings.Join(parts, ".")
}

// lazySpec is the spec behind a Map, found at its first use.
type lazySpec struct {
	before    *Dataset
	same      bool // the Map is known to keep dtypes and shapes
	transform func(Batch) (Batch, error)

	once  sync.Once
	spec  Spec
	err   error
	first *table // row 0 is the first row behind the Map
}

func (l *lazySpec) get() (Spec, error) {
	l.once.Do(func() {
		if l.before != nil {
			l.find()
		}
	})
	return l.spec, l.err
}

func (l *lazySpec) find() {
	first, err := l.before.sample()
	if err != nil {
		l.err = err
		return
	}
	if first == nil || l.same {
		l.first = first
		l.spec, l.err = l.before.rowSpec()
		return
	}
	out, err := callMap(l.transform, first.slice(0).batch())
	if err == nil {
		l.spec, err = specOf(out)
	}
	if err == nil && out.Rows() != 1 {
		err = fmt.Errorf("it returned %d rows for 1", out.Rows())
	}
	if err != nil {
		l.err = fmt.Errorf("datasets: Map: the first row: %w", err)
		return
	}
	// Clone: the function may keep what it returned.
	l.first = tableOf(out.Clone(), l.spec.fields())
}

// sample returns a table with the first row of the data set's source behind its Maps.
func (d *Dataset) sample() (*table, error) {
	if d.err != nil {
		return nil, d.err
	}
	if d.spec == nil {
		return d.src.sample()
	}
	if _, err := d.spec.get(); err != nil {
		return nil, err
	}
	return d.spec.first, nil
}

// callMap calls a Map's function; a panic becomes an error.
func callMap(f func(Batch) (Batch, error), in Batch) (out Batch, err error) {
	defer catch(&err)
	return f(in)
}

// catch turns a panic into a *PanicError.
func catch(err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{Value: v, Stack: debug.Stack()}
	}
}
