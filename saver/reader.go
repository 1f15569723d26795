package saver

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// Variable is a tensor's name, dtype and shape.
type Variable struct {
	Name  string
	Dtype tensor.Dtype
	Shape tensor.Shape
}

// String returns for instance "dense/kernel float32 (784, 256)".
func (v Variable) String() string { return fmt.Sprintf("%s %v %v", v.Name, v.Dtype, v.Shape) }

// Reader reads single tensors of a file. It may be used from several goroutines.
type Reader struct {
	path   string
	header *header
	byName map[string]*entry
	r      io.ReaderAt
	close  func() error
}

// Open reads the header of a safetensors file. Everything in it is verified: its
// checksum, the names, dtypes, shapes and offsets, and the size of the file. A damaged
// file gives a [*CorruptError].
//
// Files of other programs have no checksums: of those, only damage that makes the
// header wrong is found.
func Open(path string) (*Reader, error) {
	if err := hostError(); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("saver: %s is not a checkpoint: there is no such file: %w", path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("saver: %w", err)
	}
	r, err := openFile(f, path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

func openFile(f *os.File, path string) (*Reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("saver: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("saver: %s is not a checkpoint: it is not a regular file", path)
	}
	r, err := newReader(f, info.Size(), path)
	if err != nil {
		return nil, err
	}
	r.close = f.Close
	return r, nil
}

func newReader(f io.ReaderAt, size int64, path string) (*Reader, error) {
	h, err := readHeader(f, size, path)
	if err != nil {
		return nil, err
	}
	r := &Reader{path: path, header: h, r: f, byName: make(map[string]*entry, len(h.entries)), close: func() error { return nil }}
	for i := range h.entries {
		e := &h.entries[i]
		if e.dtype.of.Type == nil {
			return nil, fmt.Errorf("saver: %s: tensor %q has dtype %s, expected one of %s", path, e.name, e.dtype.name, supportedDtypes)
		}
		r.byName[e.name] = e
	}
	return r, nil
}

// Metadata returns a copy of the metadata that the caller of [Saver.Save] gave, or that
// another program wrote.
func (r *Reader) Metadata() map[string]string { return maps.Clone(r.header.metadata) }

// Names returns the names of all tensors in ascending order.
func (r *Reader) Names() []string { return slices.Sorted(maps.Keys(r.byName)) }

// Step returns the checkpoint's step. For a file of another program it is the one in
// the file's name, 0 when there is none.
func (r *Reader) Step() int64 {
	if !r.header.hasStep {
		_, step, _ := parseName(r.path)
		return step
	}
	return r.header.step
}

// Checksums reports whether the file has checksums: whether this package wrote it.
func (r *Reader) Checksums() bool { return r.header.checked }

// Variables returns name, dtype and shape of all tensors in ascending order of names.
func (r *Reader) Variables() []Variable {
	all := make([]Variable, 0, len(r.byName))
	for _, e := range r.header.byName() {
		v := e.variable()
		v.Shape = v.Shape.Clone()
		all = append(all, v)
	}
	return all
}

// Tensor reads one tensor and verifies its checksum. TensorFlow's ":0" at the end of a
// name is left out. An unknown name gives [ErrNotFound].
func (r *Reader) Tensor(name string) (*tensor.Dense, error) {
	e, ok := r.byName[name]
	if !ok {
		e, ok = r.byName[strings.TrimSuffix(name, ":0")]
	}
	if !ok {
		return nil, fmt.Errorf("saver: %s: tensor %q: %w", r.path, name, ErrNotFound)
	}
	v := e.variable()
	t := dense.New(v.Dtype, v.Shape.Clone())
	b := dense.Bytes(t)
	if len(b) == 0 {
		return t, nil
	}
	if err := readAt(r.r, b, r.header.size+e.begin, r.path); err != nil {
		return nil, err
	}
	if crc := crc32.Checksum(b, castagnoli); r.header.checked && crc != e.crc {
		return nil, corrupt(r.path, "tensor %q has checksum %s, expected %s", name, crcText(crc), crcText(e.crc))
	}
	if v.Dtype == tensor.Bool {
		// Any other byte in a Go bool is undefined behaviour.
		if i := slices.IndexFunc(b, func(x byte) bool { return x > 1 }); i >= 0 {
			return nil, corrupt(r.path, "tensor %q has byte %d at element %d, expected 0 or 1", name, b[i], i)
		}
	}
	return t, nil
}

// Close closes the file. It may be called more than once.
func (r *Reader) Close() error {
	if err := r.close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("saver: %w", err)
	}
	return nil
}

// Load reads a whole file and verifies every byte of it: a damaged one gives a
// [*CorruptError], never wrong data. A file of another program, such as Python's
// safetensors, has no checksums: its tensors are as the file has them.
func Load(path string) (*Checkpoint, error) {
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	c, err := r.all()
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	return c, nil
}

func (r *Reader) all() (*Checkpoint, error) {
	c := &Checkpoint{Step: r.Step(), Metadata: r.Metadata(), Tensors: make(map[string]*tensor.Dense, len(r.byName))}
	for _, e := range r.header.entries {
		t, err := r.Tensor(e.name)
		if err != nil {
			return nil, err
		}
		c.Tensors[e.name] = t
	}
	return c, nil
}
