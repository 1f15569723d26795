package datasets

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/stheno-ml/stheno/internal/dense"
)

// csvSource is a text file that is read row by row.
type csvSource struct {
	path   string
	size   int64
	schema Schema
	layout *layout
	skip   bool // malformed rows
	first  *table
	reopen func() (io.ReadCloser, error)
}

// CSVOption changes CSV.
type CSVOption func(*csvSource)

// SkipMalformed leaves malformed rows out and counts them ([Iterator.Skipped]).
// A quote that is never closed makes one malformed row of the rest of the file.
func SkipMalformed() CSVOption { return func(s *csvSource) { s.skip = true } }

// CSV returns a data set of the rows of a text file, gzipped or not, with the tensors
// that the schema describes.
//
// The header and the first row are read at once. All else is read by iterators, row by
// row, never the whole file into memory; each keeps the file open until Close. The
// number of rows is therefore unknown, and to restore a position an iterator reads the
// file again from the beginning of the epoch. [Dataset.Load] takes a file into memory,
// where the number is known and nothing is read twice.
//
// A malformed row is a *RowError that names the file, the line, the column and the
// text: too few or too many fields, a word where a number belongs, a number too large
// for its dtype, NaN or an infinity, a text that is not in the vocabulary, a missing
// value, a stray quote. A file without rows is ErrEmpty.
func CSV(path string, schema Schema, opts ...CSVOption) *Dataset {
	s := &csvSource{path: path, schema: schema, reopen: func() (io.ReadCloser, error) { return openFile(path) }}
	for _, opt := range opts {
		if opt != nil {
			opt(s)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return failed("CSV: %w", err)
	}
	s.size = info.Size()
	if err := s.prepare(); err != nil {
		return &Dataset{src: noSource{}, err: err}
	}
	return &Dataset{src: s}
}

// prepare reads the header and the first row.
func (s *csvSource) prepare() (err error) {
	stage := &csvStage{source: s}
	defer func() { err = errors.Join(err, stage.close()) }()
	if err := stage.start(0); err != nil {
		return err
	}
	r, err := stage.next(context.Background())
	if err == io.EOF {
		return fmt.Errorf("datasets: CSV: %s: %w", s.path, ErrEmpty)
	}
	if err != nil {
		return err
	}
	s.first = r.table.slice(r.index)
	return nil
}

func (s *csvSource) spec() Spec              { return specOfFields(s.layout.fields) }
func (s *csvSource) rows() Cardinality       { return Unknown() }
func (s *csvSource) sample() (*table, error) { return s.first, nil }

// fingerprint leaves out the folder: a file may move.
func (s *csvSource) fingerprint() string {
	what := ""
	if s.skip {
		what = ", SkipMalformed"
	}
	if s.schema.DropMissing {
		what += ", DropMissing"
	}
	return fmt.Sprintf("CSV %s(%d bytes%s: %v)", filepath.Base(s.path), s.size, what, s.spec())
}

func (s *csvSource) open() (stage[row], error) { return &csvStage{source: s}, nil }

// blockRows is the number of rows in a table of parsed rows. A Shuffle keeps a whole
// table as long as it keeps a row of it.
const blockRows = 32

// csvStage reads a file.
type csvStage struct {
	source  *csvSource
	file    io.Closer
	reader  *csv.Reader
	begun   int64
	records int64
	left    atomic.Int64 // rows left out

	block  *table
	values []any // the block's typed slices
	used   int
	held   bool  // row used-1 was read ahead
	err    error // of the row read ahead
}

func (s *csvStage) start(epoch int64) error {
	s.begun, s.held, s.err, s.records = epoch, false, nil, 0
	if err := s.open(); err != nil {
		return fmt.Errorf("datasets: CSV: %w", err)
	}
	return nil
}

// open goes to the first row.
func (s *csvStage) open() error {
	if err := s.close(); err != nil {
		return err
	}
	f, err := s.source.reopen()
	if err != nil {
		return err
	}
	s.file = f
	s.reader = newCSVReader(f, s.source.schema)
	var header []string
	if !s.source.schema.NoHeader {
		if header, err = s.reader.Read(); err == io.EOF {
			return fmt.Errorf("%s: there is no header: %w", s.source.path, ErrEmpty)
		}
		if err != nil {
			return s.failure(err)
		}
	}
	// The header is looked at every time: the file may have been replaced.
	l, err := s.source.schema.layout(header)
	if err != nil {
		return fmt.Errorf("%s: %w", s.source.path, err)
	}
	if s.source.layout == nil {
		s.source.layout = l
	} else if !sameCells(l, s.source.layout) {
		return fmt.Errorf("%s: the columns have changed since the file was first read", s.source.path)
	}
	return nil
}

func newCSVReader(f io.Reader, schema Schema) *csv.Reader {
	r := csv.NewReader(withoutBOM(f))
	r.ReuseRecord, r.FieldsPerRecord = true, -1
	if r.Comment = schema.Comment; schema.Comma != 0 {
		r.Comma = schema.Comma
	}
	return r
}

func sameCells(a, b *layout) bool {
	if len(a.cells) != len(b.cells) || a.width != b.width {
		return false
	}
	for i := range a.cells {
		if a.cells[i].at != b.cells[i].at {
			return false
		}
	}
	return true
}

func withoutBOM(r io.Reader) io.Reader {
	var head [3]byte
	n, _ := io.ReadFull(r, head[:])
	if string(head[:n]) == "\xef\xbb\xbf" {
		return r
	}
	return io.MultiReader(strings.NewReader(string(head[:n])), r)
}

// read makes row used-1 of the block the next one.
func (s *csvStage) read(ctx context.Context) error {
	if s.held || s.err != nil {
		return s.err
	}
	for {
		// Now and then, as asking costs as much as reading a field.
		if s.records%256 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		record, err := s.record()
		if err == nil {
			err = s.parse(record)
		}
		switch {
		case err == nil:
			s.held = true
			return nil
		case s.leftOut(err):
			s.left.Add(1)
		default:
			s.err = notEOF(err)
			return s.err
		}
	}
}

// errDropped is a row that misses a value.
var errDropped = errors.New("dropped")

func (s *csvStage) leftOut(err error) bool {
	var malformed *RowError
	return err == errDropped || s.source.skip && errors.As(err, &malformed)
}

func (s *csvStage) record() ([]string, error) {
	record, err := s.reader.Read()
	s.records++
	if err != nil {
		return nil, s.failure(err)
	}
	return record, nil
}

func (s *csvStage) failure(err error) error {
	var p *csv.ParseError
	switch {
	case err == io.EOF:
		return io.EOF
	case errors.As(err, &p):
		return &RowError{File: s.source.path, Line: p.Line, Want: fmt.Sprintf("character %d: %v", p.Column, p.Err)}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: truncated: %w", s.source.path, err)
	}
	return fmt.Errorf("%s: %w", s.source.path, err)
}

// parse writes a record to the next row of the block.
func (s *csvStage) parse(record []string) error {
	l := s.source.layout
	if len(record) != l.width {
		line, _ := s.reader.FieldPos(0)
		return &RowError{File: s.source.path, Line: line, Want: fmt.Sprintf("%d columns, want %d", len(record), l.width)}
	}
	if s.block == nil || s.used == s.block.rows {
		s.block, s.used = newTable(l.fields, blockRows), 0
		s.values = s.values[:0]
		for _, c := range s.block.columns {
			s.values = append(s.values, dense.Elements(c.tensor))
		}
	}
	for i := range l.cells {
		c := &l.cells[i]
		text := strings.TrimSpace(record[c.at])
		want := ""
		if l.isMissing(text) {
			if c.Default == "" && l.drop {
				return errDropped
			}
			if c.Default == "" {
				want = "the value is missing: give the column a Default, or set DropMissing"
			}
			text = c.Default
		}
		var v value
		if want == "" {
			v, want = c.parse(text)
		}
		if want != "" {
			line, _ := s.reader.FieldPos(c.at)
			return &RowError{File: s.source.path, Line: line, Column: c.at + 1, Name: c.Name, Text: strings.Clone(record[c.at]), Want: want}
		}
		store(s.values[c.field], s.used*c.width+c.offset, v)
	}
	s.used++
	return nil
}

func (s *csvStage) next(ctx context.Context) (row, error) {
	if err := s.read(ctx); err != nil {
		return row{}, err
	}
	s.held = false
	return row{table: s.block, index: s.used - 1}, nil
}

// skip reads without parsing where no row can be left out.
func (s *csvStage) skip(ctx context.Context, n int64) (int64, error) {
	if s.source.skip || s.source.schema.DropMissing {
		return skipByNext[row](ctx, s, n)
	}
	for i := range n {
		if s.held {
			s.held = false
			continue
		}
		if s.err != nil {
			return i, sansEOF(s.err)
		}
		if s.records%256 == 0 && ctx.Err() != nil {
			return i, ctx.Err()
		}
		if _, err := s.record(); err != nil {
			s.err = notEOF(err)
			return i, sansEOF(s.err)
		}
	}
	return n, nil
}

// notEOF names who failed.
func notEOF(err error) error {
	if err == io.EOF {
		return err
	}
	return fmt.Errorf("datasets: CSV: %w", err)
}

func sansEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

func (s *csvStage) more(ctx context.Context) bool { return s.read(ctx) != io.EOF }
func (s *csvStage) epoch(context.Context) int64   { return s.begun }
func (s *csvStage) skippedRows() int64            { return s.left.Load() }

func (s *csvStage) close() error {
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return f.Close()
}
