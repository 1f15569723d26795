package ops

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/parallel"
)

// unrolling is a forward or backward pass over all steps in progress. Sequences do not
// depend on one another: the batch is cut into shards, each of which goes through all its
// steps without waiting for others.
type unrolling[T float] struct {
	at   positions
	call func(*row[T])
	loop *rowLoop

	unrolled
	lengths                    lengths
	hidden, last, gates, saved []T // sections of forward's result
	h0, c0                     []T // the initial states, nil for zeros
	kernel, bias               []T // of the product with h; the kernel transposed in backward
	rec                        []T
	grad, byX, byH, dh, dc     []T

	zeros, recMemory []T
	rows             []row[T] // one for each shard
}

// set prepares a pass over result, forward's. in[2] is the recurrent kernel.
func (f *unrolling[T]) set(c *cell, result []T, x tensor.Shape, in []gorgonia.Value) error {
	f.unrolled = c.of(x, in[2].Shape())
	var err error
	if f.lengths, err = lengthsOf(f.at.value(f.at.lengths, in), f.batch, f.time); err != nil {
		return err
	}
	f.hidden, f.last, f.gates, f.saved = sections(&f.unrolled, result)
	f.h0, f.c0 = nil, nil
	if f.at.h > 0 {
		f.h0 = elements[T](in[f.at.h])
	}
	if f.at.c > 0 {
		f.c0 = elements[T](in[f.at.c])
	}
	clear(grow(&f.zeros, f.units))
	return nil
}

// release forgets what belongs to the program.
func (f *unrolling[T]) release() {
	clear(f.rows)
	*f = unrolling[T]{at: f.at, call: f.call, loop: f.loop, zeros: f.zeros, recMemory: f.recMemory, rows: f.rows}
}

// A shard has about shardRows sequences, enough for the products to be efficient.
const shardRows = 8

// run does the whole batch, shard by shard. How it is cut follows from the sizes alone.
func (f *unrolling[T]) run() {
	shards := 1
	if f.batch*f.time*f.units*f.width() >= parallelFrom*perFunction {
		shards = max(1, f.batch/shardRows)
	}
	f.loop.rows, f.loop.step = f.batch, max(1, ceil(f.batch, shards))
	shards = ceil(f.batch, f.loop.step)
	grow(&f.rows, shards)
	parallel.For(shards, f.loop)
}

// rowFor returns the row that the shard beginning at a row of the batch works with.
func (f *unrolling[T]) rowFor(from int) *row[T] { return &f.rows[from/f.loop.step] }

// states are the states of all sequences at one time.
type states[T float] struct {
	values        []T
	first, stride int
}

// from returns the memory from the state of row b on.
func (s states[T]) from(b int) []T { return s.values[s.first+b*s.stride:] }

// statesBefore returns the hidden and the cell states before step t.
func (f *unrolling[T]) statesBefore(t int) (h, c states[T]) {
	if t > 0 {
		h = states[T]{f.hidden, (t - 1) * f.units, f.time * f.units}
	} else {
		h = f.initial(f.h0)
	}
	if t > 0 && f.states > 1 { // the cell state is what is saved first
		c = states[T]{f.saved, (t - 1) * f.unrolled.saved * f.units, f.time * f.unrolled.saved * f.units}
	} else {
		c = f.initial(f.c0)
	}
	return h, c
}

func (f *unrolling[T]) initial(values []T) states[T] {
	if values == nil {
		return states[T]{f.zeros, 0, 0}
	}
	return states[T]{values, 0, f.units}
}

// transposed returns x [rows, columns] as [columns, rows].
func transposed[T float](memory *[]T, x []T, rows, columns int) []T {
	y := grow(memory, rows*columns)
	const block = 16
	for i0 := 0; i0 < rows; i0 += block {
		for j := range columns {
			for i := i0; i < min(i0+block, rows); i++ {
				y[j*rows+i] = x[i*columns+j]
			}
		}
	}
	return y
}
