package saver

import (
	"bufio"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"unicode/utf8"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// Checkpoint is the state of a model at one step.
type Checkpoint struct {
	// Step is the number of updates that the tensors have seen, from 0.
	Step int64
	// Tensors are the values by name. Any UTF-8 text is a name, except "__metadata__".
	// Dtypes are float32, float64, int64, int32, int, uint8 and bool; views and empty
	// tensors are allowed.
	Tensors map[string]*tensor.Dense
	// Metadata is whatever else belongs to the state, as UTF-8 text. Keys that start
	// with "stheno." are the package's own.
	Metadata map[string]string
}

// encoded is a checkpoint ready to be written.
type encoded struct {
	header []byte
	data   [][]byte // of each tensor, in order
	// tensors keeps the memory of data reachable.
	tensors []*tensor.Dense
}

// encode checks everything about a checkpoint that could be wrong, and computes its
// header. The data stays where it is.
func encode(c *Checkpoint) (*encoded, error) {
	if err := hostError(); err != nil {
		return nil, err
	}
	if c.Step < 0 {
		return nil, fmt.Errorf("saver: step %d: a step is 0 or more", c.Step)
	}
	h := &header{step: c.Step, metadata: c.Metadata}
	for key, value := range c.Metadata {
		switch {
		case strings.HasPrefix(key, reserved):
			return nil, fmt.Errorf("saver: metadata key %q: keys that start with %q are reserved", key, reserved)
		case !utf8.ValidString(key) || !utf8.ValidString(value):
			return nil, fmt.Errorf("saver: metadata %q is not UTF-8 text: encode it, for instance in base64", key)
		}
	}
	contiguous := make(map[string]*tensor.Dense, len(c.Tensors))
	for name, t := range c.Tensors {
		e, err := newEntry(name, t)
		if err != nil {
			return nil, err
		}
		contiguous[name] = dense.Contiguous(t)
		if n, ok := bytesOf(e.shape, e.dtype.size); !ok || n != int64(len(dense.Bytes(contiguous[name]))) {
			return nil, fmt.Errorf("saver: tensor %q of shape %v has %d bytes, expected %d", name, e.shape, len(dense.Bytes(contiguous[name])), n)
		}
		h.entries = append(h.entries, e)
	}
	if err := sortEntries(h.entries); err != nil {
		return nil, fmt.Errorf("saver: %w", err)
	}
	var enc encoded
	for i := range h.entries {
		t := contiguous[h.entries[i].name]
		b := dense.Bytes(t)
		h.entries[i].crc = crc32.Checksum(b, castagnoli)
		enc.data, enc.tensors = append(enc.data, b), append(enc.tensors, t)
	}
	var err error
	if enc.header, err = h.encode(); err != nil {
		return nil, fmt.Errorf("saver: %w", err)
	}
	return &enc, nil
}

func newEntry(name string, t *tensor.Dense) (entry, error) {
	if !utf8.ValidString(name) || name == metadataKey {
		return entry{}, fmt.Errorf("saver: tensor %q: a name is UTF-8 text other than %q", name, metadataKey)
	}
	if t == nil {
		return entry{}, fmt.Errorf("saver: tensor %q is nil", name)
	}
	d, ok := dtypeOf(t.Dtype())
	if !ok {
		return entry{}, fmt.Errorf("saver: tensor %q has dtype %v, expected one of %s", name, t.Dtype(), supportedDtypes)
	}
	if len(t.Shape()) > maxAxes {
		return entry{}, fmt.Errorf("saver: tensor %q has %d axes, expected at most %d", name, len(t.Shape()), maxAxes)
	}
	return entry{name: name, dtype: d, shape: t.Shape().Clone(), isInt: t.Dtype() == tensor.Int}, nil
}

const (
	// bufferSize gathers small tensors into one write.
	bufferSize = 1 << 16
	// chunkSize is how much of a large tensor is written before ctx is asked again.
	chunkSize = 8 << 20
)

// write writes the file. It stops when ctx ends.
func (enc *encoded) write(ctx context.Context, w io.Writer) error {
	buffered := bufio.NewWriterSize(w, bufferSize)
	if _, err := buffered.Write(enc.header); err != nil {
		return err
	}
	for _, b := range enc.data {
		for len(b) > 0 {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("saver: saving was interrupted: %w", err)
			}
			n := min(len(b), chunkSize)
			if _, err := buffered.Write(b[:n]); err != nil {
				return err
			}
			b = b[n:]
		}
	}
	return buffered.Flush()
}
