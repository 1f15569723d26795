// Package record reads and writes TFRecord framing, the form of TensorBoard's event
// files and of tf.data's record files. A file is a row of records and nothing else:
//
//	uint64 length | uint32 crc of the 8 length bytes | data | uint32 crc of the data
//
// little-endian, where a crc is a masked crc32c ([Checksum]). Records are only ever
// appended, so a file that a crash cut short is whole but for its last record.
package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Overhead is how many bytes framing adds to a record.
const Overhead = headerSize + footerSize

const (
	headerSize = 12
	footerSize = 4
	// A record is read in pieces of this size, so that a length that lies does not
	// allocate memory for data that is not there.
	chunk = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum returns the masked crc32c of b. The mask keeps a checksum that is itself
// part of checksummed data from being a checksum that cancels out.
func Checksum(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// Begin reserves room for the header of a record at the end of b. The caller appends
// the data to what it returns and passes that to [End] with the length that b had.
func Begin(b []byte) []byte {
	var header [headerSize]byte
	return append(b, header[:]...)
}

// End completes the record that was begun when b was start bytes long.
func End(b []byte, start int) []byte {
	data := b[start+headerSize:]
	binary.LittleEndian.PutUint64(b[start:], uint64(len(data)))
	binary.LittleEndian.PutUint32(b[start+8:], Checksum(b[start:start+8]))
	return binary.LittleEndian.AppendUint32(b, Checksum(data))
}

// Append appends data to b as one record.
func Append(b, data []byte) []byte {
	return End(append(Begin(b), data...), len(b))
}

// CorruptError says where a file stops being records.
type CorruptError struct {
	Offset int64  // where the damaged record begins, in bytes from the start
	Reason string // what is wrong with it
}

// Error gives the offset and the reason.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("corrupt record at byte %d: %s", e.Offset, e.Reason)
}

// Reader reads records one by one. Make one with [NewReader].
type Reader struct {
	r      io.Reader
	offset int64 // of the record that Next reads next
	data   []byte
	err    error
}

// NewReader reads records from r, which should be buffered.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Offset returns where the next record begins: after an error, where the bytes that
// could not be read begin.
func (r *Reader) Offset() int64 { return r.offset }

// Next returns the data of the next record, valid until the next call. The error is
// io.EOF after the last record, io.ErrUnexpectedEOF when the file ends inside a record
// (a writer was cut short, or is about to write the rest), a [*CorruptError] when the
// bytes are no record, or what the underlying reader returned. Every later call gives
// the same error.
func (r *Reader) Next() ([]byte, error) {
	if r.err == nil {
		r.data, r.err = r.next()
	}
	if r.err != nil {
		return nil, r.err
	}
	return r.data, nil
}

func (r *Reader) next() ([]byte, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r.r, header[:]); err != nil {
		return nil, err
	}
	if want, got := binary.LittleEndian.Uint32(header[8:]), Checksum(header[:8]); got != want {
		if header == [headerSize]byte{} && r.onlyZeros() {
			return nil, io.ErrUnexpectedEOF
		}
		return nil, r.corrupt("the checksum of its length is %08x, want %08x", got, want)
	}
	length := binary.LittleEndian.Uint64(header[:])
	data, err := r.read(length)
	if err != nil {
		return nil, err
	}
	var footer [footerSize]byte
	if _, err := io.ReadFull(r.r, footer[:]); err != nil {
		return nil, inside(err)
	}
	if want, got := binary.LittleEndian.Uint32(footer[:]), Checksum(data); got != want {
		return nil, r.corrupt("the checksum of its %d bytes is %08x, want %08x", length, got, want)
	}
	r.offset += int64(length) + Overhead
	return data, nil
}

// read returns n bytes in the memory of the last record.
func (r *Reader) read(n uint64) ([]byte, error) {
	data := r.data[:0]
	for uint64(len(data)) < n {
		at, size := len(data), int(min(n-uint64(len(data)), chunk))
		if cap(data)-at < size {
			data = append(data, make([]byte, size)...)
		}
		data = data[:at+size]
		if _, err := io.ReadFull(r.r, data[at:]); err != nil {
			return nil, inside(err)
		}
	}
	return data, nil
}

// onlyZeros reports whether nothing but zeros follows: a file system can leave that at
// the end of a file whose last write a power failure cut short.
func (r *Reader) onlyZeros() bool {
	buf := make([]byte, 4096)
	for {
		n, err := r.r.Read(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return false
			}
		}
		if err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

func (r *Reader) corrupt(format string, args ...any) error {
	return &CorruptError{Offset: r.offset, Reason: fmt.Sprintf(format, args...)}
}

// inside turns the end of the file inside a record into the error for that.
func inside(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
