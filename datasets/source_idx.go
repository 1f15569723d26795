package datasets

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"gorgonia.org/tensor"
)

// idxTypes names the element types of the format; only the first is read.
var idxTypes = map[byte]string{0x08: "uint8", 0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}

// IDX returns a data set of images and their classes from files in the format of
// MNIST, gzipped or not: feature [DefaultFeature] is float32 [rows, columns], the
// bytes divided by 255, and label [DefaultLabel] int64 (). labelsPath may be "" for
// images alone.
//
// The files' headers are read at once, the rest at the first use, into memory that all
// pipelines of this data set share: 4 bytes for each byte of the images. A wrong magic
// number, numbers of rows that differ, and files that are too short or too long are
// errors that name the file.
func IDX(imagesPath, labelsPath string) *Dataset {
	images := func() (io.ReadCloser, error) { return openFile(imagesPath) }
	labels := func() (io.ReadCloser, error) { return openFile(labelsPath) }
	if labelsPath == "" {
		labels = nil
	}
	return idx(idxFile{imagesPath, images}, idxFile{labelsPath, labels})
}

// idxFile is a file or embedded bytes.
type idxFile struct {
	name string
	open func() (io.ReadCloser, error)
}

func idx(images, labels idxFile) *Dataset {
	shape, err := images.header()
	if err != nil {
		return failed("IDX: %w", err)
	}
	if len(shape) < 2 {
		return failed("IDX: %s: it has %d axis, want images of at least 2: [rows, ...]", images.name, len(shape))
	}
	fields := []field{{name: DefaultFeature, TensorSpec: TensorSpec{Dtype: tensor.Float32, Shape: shape[1:]}}}
	if labels.open != nil {
		of, err := labels.header()
		if err != nil {
			return failed("IDX: %w", err)
		}
		if len(of) != 1 {
			return failed("IDX: %s: it has shape %v, want labels: one axis", labels.name, of)
		}
		if of[0] != shape[0] {
			return failed("IDX: %s has %d images and %s has %d labels: want as many", images.name, shape[0], labels.name, of[0])
		}
		fields = append(fields, field{name: DefaultLabel, label: true, TensorSpec: TensorSpec{Dtype: tensor.Int64, Shape: tensor.Shape{}}})
	}
	src := &memorySource{name: "IDX " + filepath.Base(images.name), fields: fields, n: shape[0]}
	src.load = sync.OnceValues(func() (*table, error) { return loadIDX(images, labels, fields, shape[0]) })
	return &Dataset{src: src}
}

func loadIDX(images, labels idxFile, fields []field, rows int) (*table, error) {
	pixels, err := images.read()
	if err != nil {
		return nil, fmt.Errorf("datasets: IDX: %w", err)
	}
	var classes []byte
	if labels.open != nil {
		if classes, err = labels.read(); err != nil {
			return nil, fmt.Errorf("datasets: IDX: %w", err)
		}
	}
	t := newTable(fields, rows)
	if len(pixels) != t.columns[0].tensor.Shape().TotalSize() || labels.open != nil && len(classes) != rows {
		return nil, fmt.Errorf("datasets: IDX: %s changed while it was read", images.name)
	}
	to := t.columns[0].tensor.Float32s()
	for i, p := range pixels {
		to[i] = float32(p) / 255
	}
	for i, c := range classes {
		t.columns[1].tensor.Int64s()[i] = int64(c)
	}
	return t, nil
}

// header reads the shape.
func (f idxFile) header() (tensor.Shape, error) {
	r, err := f.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return f.shape(r)
}

func (f idxFile) shape(r io.Reader) (tensor.Shape, error) {
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return nil, f.short("the magic number", err)
	}
	if magic[0] != 0 || magic[1] != 0 || idxTypes[magic[2]] == "" || magic[3] == 0 {
		return nil, fmt.Errorf("%s: the magic number is % x, want 00 00 08 and the number of axes: not an IDX file", f.name, magic)
	}
	if magic[2] != 0x08 {
		return nil, fmt.Errorf("%s: its elements are %s, want uint8", f.name, idxTypes[magic[2]])
	}
	shape := make(tensor.Shape, magic[3])
	elements := int64(1)
	for i := range shape {
		var size [4]byte
		if _, err := io.ReadFull(r, size[:]); err != nil {
			return nil, f.short("the sizes", err)
		}
		n := binary.BigEndian.Uint32(size[:])
		if n == 0 && i > 0 {
			return nil, fmt.Errorf("%s: axis %d has size 0, want at least 1", f.name, i)
		}
		// More than this is no file but a damaged header.
		if shape[i], elements = int(n), product(elements, int64(n)); elements > 1<<40 || n > 1<<31-1 {
			return nil, fmt.Errorf("%s: axis %d has size %d: too large", f.name, i, n)
		}
	}
	return shape, nil
}

func (f idxFile) short(where string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: the file ends within %s: truncated, or not an IDX file", f.name, where)
	}
	return fmt.Errorf("%s: reading %s: %w", f.name, where, err)
}

// read returns the elements.
func (f idxFile) read() ([]byte, error) {
	r, err := f.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	shape, err := f.shape(r)
	if err != nil {
		return nil, err
	}
	want := int64(shape.TotalSize())
	// The header's word is not taken for how much memory to get.
	data, err := io.ReadAll(io.LimitReader(r, want+1))
	switch {
	case err != nil:
		return nil, f.short(fmt.Sprintf("the elements, after %d of %d bytes", len(data), want), err)
	case int64(len(data)) < want:
		return nil, fmt.Errorf("%s: it has %d of the %d bytes that its shape %v needs: truncated", f.name, len(data), want, shape)
	case int64(len(data)) > want:
		return nil, fmt.Errorf("%s: it goes on after the %d bytes that its shape %v needs", f.name, want, shape)
	}
	return data, nil
}

// openFile opens a file, and what is in it if it is gzipped, which its first bytes
// tell.
func openFile(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := unzip(path, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return readCloser{Reader: r, Closer: f}, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

func unzip(name string, r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 1<<16)
	if head, _ := buffered.Peek(2); !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return buffered, nil
	}
	z, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, fmt.Errorf("%s: gzip: %w", name, err)
	}
	return z, nil
}
