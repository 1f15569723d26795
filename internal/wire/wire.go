// Package wire reads and writes the protobuf wire format: the few lines of it that
// event files need, so that no generated code and no protobuf runtime is linked.
//
// The Append functions write one field each and, as proto3 does, leave out a scalar
// or a string that has its zero value. [Fields] reads a message field by field.
package wire

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"math/bits"
)

// Type says how a field's value is laid out.
type Type uint8

// The wire types that are in use. Groups (3 and 4) were deprecated before proto3.
const (
	Varint  Type = 0
	Fixed64 Type = 1
	Bytes   Type = 2
	Fixed32 Type = 5
)

func appendTag(b []byte, field int, t Type) []byte {
	return binary.AppendUvarint(b, uint64(field)<<3|uint64(t))
}

// AppendInt writes an int64, int32 or enum field. A negative number takes ten bytes.
func AppendInt(b []byte, field int, v int64) []byte {
	if v == 0 {
		return b
	}
	return binary.AppendUvarint(appendTag(b, field, Varint), uint64(v))
}

// AppendBool writes a bool field.
func AppendBool(b []byte, field int, v bool) []byte {
	if !v {
		return b
	}
	return append(appendTag(b, field, Varint), 1)
}

// AppendDouble writes a double field. Minus zero is not the zero value: it is written.
func AppendDouble(b []byte, field int, v float64) []byte {
	if math.Float64bits(v) == 0 {
		return b
	}
	return binary.LittleEndian.AppendUint64(appendTag(b, field, Fixed64), math.Float64bits(v))
}

// AppendFloatAlways writes a float field, zero too: a member of a oneof is set by
// being there.
func AppendFloatAlways(b []byte, field int, v float32) []byte {
	return binary.LittleEndian.AppendUint32(appendTag(b, field, Fixed32), math.Float32bits(v))
}

// AppendString writes a string or bytes field.
func AppendString[S ~string | ~[]byte](b []byte, field int, s S) []byte {
	if len(s) == 0 {
		return b
	}
	return AppendStringAlways(b, field, s)
}

// AppendStringAlways writes a string or bytes field, an empty one too: an element of a
// repeated field, or a member of a oneof.
func AppendStringAlways[S ~string | ~[]byte](b []byte, field int, s S) []byte {
	b = binary.AppendUvarint(appendTag(b, field, Bytes), uint64(len(s)))
	return append(b, s...)
}

// AppendDoubles writes a packed repeated double field.
func AppendDoubles(b []byte, field int, v []float64) []byte {
	if len(v) == 0 {
		return b
	}
	b = binary.AppendUvarint(appendTag(b, field, Bytes), uint64(8*len(v)))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

// AppendMessage writes a message field, an empty one too; body appends the message's
// own fields. The length comes before the body and its size is known only after it,
// so a body of 128 bytes or more is moved once.
func AppendMessage(b []byte, field int, body func([]byte) []byte) []byte {
	b = append(appendTag(b, field, Bytes), 0)
	start := len(b)
	b = body(b)
	n := len(b) - start
	if extra := uvarintLen(uint64(n)) - 1; extra > 0 {
		var pad [binary.MaxVarintLen64]byte
		b = append(b, pad[:extra]...)
		copy(b[start+extra:], b[start:start+n])
	}
	binary.PutUvarint(b[start-1:], uint64(n))
	return b
}

func uvarintLen(v uint64) int { return max(1, (bits.Len64(v)+6)/7) }

// Field is one field of a message as it lies on the wire.
type Field struct {
	Num  int    // the field's number in its message
	Type Type   // which of the members below holds the value
	Uint uint64 // of Varint, Fixed32 and Fixed64
	Data []byte // of Bytes; it shares the message's memory
}

// Int returns the value of an int64, int32, bool or enum field.
func (f Field) Int() int64 { return int64(f.Uint) }

// Double returns the value of a double field.
func (f Field) Double() float64 { return math.Float64frombits(f.Uint) }

// Float returns the value of a float field.
func (f Field) Float() float32 { return math.Float32frombits(uint32(f.Uint)) }

// Doubles returns the elements of a repeated double field: all of a packed one, or the
// one element of an unpacked one.
func (f Field) Doubles() ([]float64, error) {
	if f.Type == Fixed64 {
		return []float64{f.Double()}, nil
	}
	if f.Type != Bytes || len(f.Data)%8 != 0 {
		return nil, fmt.Errorf("field %d: %d bytes of wire type %d, want packed doubles of 8 bytes", f.Num, len(f.Data), f.Type)
	}
	v := make([]float64, len(f.Data)/8)
	for i := range v {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(f.Data[8*i:]))
	}
	return v, nil
}

// Is reports whether the field has the number and the type. A field that has the
// number and another type is skipped by readers, like one that they do not know.
func (f Field) Is(num int, t Type) bool { return f.Num == num && f.Type == t }

// Fields walks the fields of a message in their order. The first malformed one ends
// the walk with an error that says where in the message it begins.
func Fields(message []byte) iter.Seq2[Field, error] {
	return func(yield func(Field, error) bool) {
		for at := 0; at < len(message); {
			f, n, err := next(message[at:])
			if err != nil {
				yield(Field{}, fmt.Errorf("protobuf field at byte %d of %d: %w", at, len(message), err))
				return
			}
			if !yield(f, nil) {
				return
			}
			at += n
		}
	}
}

// next decodes the first field of b and returns its size.
func next(b []byte) (Field, int, error) {
	tag, n := binary.Uvarint(b)
	if n <= 0 {
		return Field{}, 0, fmt.Errorf("its number is cut short or longer than 64 bits")
	}
	num := tag >> 3
	if num == 0 || num > 1<<29-1 {
		return Field{}, 0, fmt.Errorf("its number is %d, want 1 to %d", num, 1<<29-1)
	}
	f := Field{Num: int(num), Type: Type(tag & 7)}
	rest := b[n:]
	switch f.Type {
	case Varint:
		v, m := binary.Uvarint(rest)
		if m <= 0 {
			return Field{}, 0, fmt.Errorf("field %d: the varint is cut short or longer than 64 bits", num)
		}
		f.Uint = v
		return f, n + m, nil
	case Fixed64:
		if len(rest) < 8 {
			return Field{}, 0, fmt.Errorf("field %d: %d bytes are left, want 8", num, len(rest))
		}
		f.Uint = binary.LittleEndian.Uint64(rest)
		return f, n + 8, nil
	case Fixed32:
		if len(rest) < 4 {
			return Field{}, 0, fmt.Errorf("field %d: %d bytes are left, want 4", num, len(rest))
		}
		f.Uint = uint64(binary.LittleEndian.Uint32(rest))
		return f, n + 4, nil
	case Bytes:
		size, m := binary.Uvarint(rest)
		if m <= 0 || size > uint64(len(rest)-m) {
			return Field{}, 0, fmt.Errorf("field %d: its length is cut short or greater than the %d bytes left", num, len(rest))
		}
		f.Data = rest[m : m+int(size) : m+int(size)]
		return f, n + m + int(size), nil
	}
	return Field{}, 0, fmt.Errorf("field %d: wire type %d, want 0, 1, 2 or 5", num, f.Type)
}
