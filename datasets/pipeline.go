package datasets

import (
	"context"
	"fmt"
	"io"
)

// pipeline is a data set at work for one iterator.
type pipeline struct {
	groups    stage[[]row]
	assembler *assembler
	repeats   []repeater
	skipped   func() int64
}

// build opens the source and sets the operations to work, from the source on.
func (d *Dataset) build(seed uint64) (*pipeline, error) {
	p := &pipeline{skipped: func() int64 { return 0 }}
	var rows stage[row]
	switch src := d.src.(type) {
	case *funcSource:
		p.groups = src.open(retains(d.ops))
	case rowSource:
		first, err := src.open()
		if err != nil {
			return nil, err
		}
		rows = first
		if c, ok := first.(interface{ skippedRows() int64 }); ok {
			p.skipped = c.skippedRows
		}
	}
	b := builder{p: p, seed: seed, size: sizeOf(d.src), epochs: 1}
	var transforms []transform
	for i, o := range d.ops {
		switch b.at = i; o.kind {
		case opMap:
			transforms = append(transforms, transform{name: fmt.Sprintf("Map (operation %d)", i+1), f: o.transform})
		case opPrefetch:
		case opBatch:
			p.groups = &batchStage{rows: rows, size: int(o.n), drop: o.dropRemainder, retain: retains(d.ops[i:])}
			rows = nil
		case opUnbatch:
			rows, p.groups = &unbatchStage{groups: p.groups}, nil
		case opFilter:
			rows = newFilter(rows, o, newAssembler(d.src.spec().fields(), transforms, nil, 1))
		default:
			if rows != nil {
				rows = wrap(&b, rows, o)
			} else {
				p.groups = wrap(&b, p.groups, o)
			}
		}
		b.size = b.size.apply(o)
	}
	if rows != nil {
		p.groups = &batchStage{rows: rows, size: 1}
	}
	spec, err := d.rowSpec()
	if err != nil {
		return nil, err
	}
	ring := 1
	if n := d.ahead(); n > 0 {
		// One batch is with the consumer, n are waiting, one is being made.
		ring = n + 2
	}
	p.assembler = newAssembler(d.src.spec().fields(), transforms, spec.fields(), ring)
	if err := p.groups.start(0); err != nil {
		p.groups.close()
		return nil, err
	}
	return p, nil
}

// ahead returns the number of batches to prefetch.
func (d *Dataset) ahead() int {
	n := 0
	for _, o := range d.ops {
		if o.kind == opPrefetch {
			n = int(o.n)
		}
	}
	return n
}

// retains reports whether one of the operations keeps batches or their rows beyond
// the next.
func retains(ops []op) bool {
	for _, o := range ops {
		if o.kind == opShuffle || o.kind == opUnbatch {
			return true
		}
	}
	return false
}

// builder carries what operations need to know about what is before them.
type builder struct {
	p        *pipeline
	seed     uint64
	at       int // number of the operation
	size     size
	repeated bool
	epochs   int64 // in one pass, 0 when endless
}

func wrap[T any](b *builder, in stage[T], o op) stage[T] {
	switch o.kind {
	case opTake:
		return &takeStage[T]{stage: in, n: o.n}
	case opSkip:
		return &skipStage[T]{stage: in, n: o.n}
	case opShard:
		return &shardStage[T]{stage: in, num: o.n, index: o.index}
	case opRepeat:
		s := &repeatStage[T]{in: in, count: o.n}
		b.p.repeats = append(b.p.repeats, s)
		b.repeated, b.epochs = true, b.epochs*max(o.n, 0)
		return s
	case opShuffle:
		s := &shuffleStage[T]{in: in, size: int(o.n), seed: b.seed, name: fmt.Sprintf("datasets/Shuffle/%d", b.at)}
		if o.seeded {
			s.seed = o.seed
		}
		s.epochs = shuffledEpochs{repeated: b.repeated, count: b.epochs, elements: b.size.epoch.n}
		return s
	}
	return in
}

func newFilter(rows stage[row], o op, a *assembler) *filterStage {
	one := make([]row, 1)
	return &filterStage{rows: rows, keep: func(r row) (keep bool, err error) {
		one[0] = r
		b, err := a.assemble(one)
		if err != nil {
			return false, err
		}
		defer func() {
			if err != nil {
				err = notTheEnd("Filter", err)
			}
		}()
		defer catch(&err)
		return o.keep(b)
	}}
}

// next makes the next batch.
func (p *pipeline) next(ctx context.Context) (Batch, error) {
	if err := ctx.Err(); err != nil {
		return Batch{}, err
	}
	group, err := p.groups.next(ctx)
	if err != nil {
		return Batch{}, err
	}
	return p.assembler.assemble(group)
}

// facts appends what the Repeats know.
func (p *pipeline) facts(to []fact) []fact {
	for _, r := range p.repeats {
		to = append(to, r.fact())
	}
	return to
}

// memoryStage gives the rows of a table.
type memoryStage struct {
	table *table
	index []int // the rows, in order; nil for all
	n, at int
	begun int64
}

func newMemoryStage(t *table, index []int) *memoryStage {
	s := &memoryStage{table: t, index: index, n: t.rows}
	if index != nil {
		s.n = len(index)
	}
	return s
}

func (s *memoryStage) start(epoch int64) error {
	s.at, s.begun = 0, epoch
	return nil
}

func (s *memoryStage) next(context.Context) (row, error) {
	if s.at == s.n {
		return row{}, io.EOF
	}
	i := s.at
	s.at++
	if s.index != nil {
		i = s.index[i]
	}
	return row{table: s.table, index: i}, nil
}

func (s *memoryStage) skip(_ context.Context, n int64) (int64, error) {
	n = min(n, int64(s.n-s.at))
	s.at += int(n)
	return n, nil
}

func (s *memoryStage) more(context.Context) bool   { return s.at < s.n }
func (s *memoryStage) epoch(context.Context) int64 { return s.begun }
func (s *memoryStage) close() error                { return nil }
