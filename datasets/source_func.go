package datasets

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// funcSource is a feed function.
type funcSource struct {
	f      func() (Batch, error)
	fields []field
}

func (s *funcSource) spec() Spec              { return specOfFields(s.fields) }
func (s *funcSource) rows() Cardinality       { return Unknown() }
func (s *funcSource) fingerprint() string     { return fmt.Sprintf("Func(%v)", s.spec()) }
func (s *funcSource) sample() (*table, error) { return nil, nil }

// Func gives what a function returns: batches with the names, dtypes and row shapes of
// spec and any number of rows. io.EOF ends it, any other error fails it, a panic
// becomes a *PanicError. The tensors are copied and may be used again by the function
// in its next call.
//
// All iterators call the same function: have one at a time. A function has no position,
// so a run that is fed by it cannot be resumed exactly ([Iterator.Resumable] is false), and no
// epochs ([Iterator.Epoch] is -1, Repeat is an error).
func Func(spec Spec, f func() (Batch, error)) *Dataset {
	if f == nil {
		return failed("Func: the function is nil")
	}
	if err := spec.check(); err != nil {
		return failed("Func: %w", err)
	}
	return &Dataset{src: &funcSource{f: f, fields: spec.fields()}}
}

func (s *funcSource) open(retain bool) stage[[]row] {
	return &funcStage{source: s, retain: retain}
}

// funcStage gives the function's batches, as they are while the next is not asked for,
// or else copies.
type funcStage struct {
	source *funcSource
	retain bool
	calls  int
	group  []row
	held   bool // group was read ahead by more
	err    error
}

func (s *funcStage) start(int64) error { return nil }

func (s *funcStage) read() {
	if s.held || s.err != nil {
		return
	}
	b, err := callFunc(s.source.f)
	if err == nil {
		err = checkBatch(b, s.source.fields, -1)
		if err == nil && b.Rows() == 0 {
			err = errors.New("the batch has no rows: return io.EOF at the end")
		}
	}
	s.calls++
	if errors.Is(err, io.EOF) {
		s.err = io.EOF
		return
	}
	if err != nil {
		s.err = fmt.Errorf("datasets: Func: call %d: %w", s.calls, err)
		return
	}
	if s.group = s.group[:0]; s.retain {
		b, s.group = b.Clone(), nil
	}
	t := tableOf(b, s.source.fields)
	for i := range t.rows {
		s.group = append(s.group, row{table: t, index: i})
	}
	s.held = true
}

func callFunc(f func() (Batch, error)) (b Batch, err error) {
	defer catch(&err)
	return f()
}

func (s *funcStage) next(ctx context.Context) ([]row, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.read()
	if !s.held {
		return nil, s.err
	}
	s.held = false
	return s.group, nil
}

func (s *funcStage) skip(ctx context.Context, n int64) (int64, error) {
	return skipByNext[[]row](ctx, s, n)
}

func (s *funcStage) more(context.Context) bool {
	s.read()
	return s.held || s.err != io.EOF
}

func (s *funcStage) epoch(context.Context) int64 { return -1 }
func (s *funcStage) close() error                { return nil }
