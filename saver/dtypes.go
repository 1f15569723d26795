package saver

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"strconv"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// dtype is a type of element of the safetensors format.
type dtype struct {
	name string
	size int64
	// rank is the type's place in the order of tensors in a file, as safetensors
	// itself writes them: large elements first, so that each tensor is aligned.
	rank int
	// of is the tensor's dtype, without a value when Go has no tensor of the type.
	of tensor.Dtype
}

// dtypes has every type of the format whose elements are whole bytes.
var dtypes = []dtype{
	{"BOOL", 1, 0, tensor.Bool},
	{"U8", 1, 1, tensor.Uint8},
	{"I8", 1, 2, tensor.Dtype{}},
	{"F8_E5M2", 1, 3, tensor.Dtype{}},
	{"F8_E4M3", 1, 4, tensor.Dtype{}},
	{"F8_E8M0", 1, 5, tensor.Dtype{}},
	{"I16", 2, 6, tensor.Dtype{}},
	{"U16", 2, 7, tensor.Dtype{}},
	{"F16", 2, 8, tensor.Dtype{}},
	{"BF16", 2, 9, tensor.Dtype{}},
	{"I32", 4, 10, tensor.Int32},
	{"U32", 4, 11, tensor.Dtype{}},
	{"F32", 4, 12, tensor.Float32},
	{"C64", 8, 13, tensor.Dtype{}},
	{"F64", 8, 14, tensor.Float64},
	{"I64", 8, 15, tensor.Int64},
	{"U64", 8, 16, tensor.Dtype{}},
}

func dtypeNamed(name string) (dtype, bool) {
	for _, d := range dtypes {
		if d.name == name {
			return d, true
		}
	}
	return dtype{}, false
}

// dtypeOf returns how a tensor's dtype is stored. An int is stored as an int64.
func dtypeOf(dt tensor.Dtype) (dtype, bool) {
	if !dense.Supported(dt) {
		return dtype{}, false
	}
	if dt == tensor.Int {
		dt = tensor.Int64
	}
	for _, d := range dtypes {
		if d.of == dt {
			return d, true
		}
	}
	return dtype{}, false
}

// supportedDtypes names what a checkpoint can hold, for errors.
const supportedDtypes = "float32, float64, int64, int32, int, uint8 and bool"

// bytesOf returns the number of bytes of a tensor, false when it does not fit in an
// int64.
func bytesOf(shape tensor.Shape, size int64) (int64, bool) {
	// An axis of 0 makes it empty, however large the others.
	for _, n := range shape {
		if n == 0 {
			return 0, true
		}
	}
	product := uint64(size)
	for _, n := range shape {
		high, low := bits.Mul64(product, uint64(n)) // a negative axis is a huge one
		if high != 0 || low > 1<<62 {
			return 0, false
		}
		product = low
	}
	return int64(product), true
}

// hostError says why tensors cannot be written and read in this machine's memory as
// they are in a file, nil where they can.
func hostError() error {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return errors.New("saver: checkpoints need a little-endian machine")
	}
	if strconv.IntSize != 64 {
		return errors.New("saver: checkpoints need a 64-bit machine")
	}
	return nil
}
