package ops

import (
	"fmt"

	"gorgonia.org/tensor"
)

// Padding says what a window may cover beside the input.
type Padding int

const (
	// Valid keeps the window inside: out = floor((in-window)/stride)+1, where a window
	// with dilation d is (size-1)*d+1 wide. The rest at the end is not looked at.
	Valid Padding = iota
	// Same makes out = ceil(in/stride) by padding with max((out-1)*stride+window-in, 0)
	// elements, half of them before the input and, if the number is odd, one more after
	// it, as TensorFlow does.
	Same
)

// String returns Keras' name.
func (p Padding) String() string {
	switch p {
	case Valid:
		return "valid"
	case Same:
		return "same"
	}
	return fmt.Sprintf("Padding(%d)", int(p))
}

// windowAxis is how a window slides along one axis.
type windowAxis struct {
	in, size, stride, dilation int
	out                        int // positions of the window
	before                     int // elements of padding before the input
}

// slide computes where a window stops on an axis of in elements.
func slide(in, size, stride, dilation int, padding Padding) (windowAxis, error) {
	a := windowAxis{in: in, size: size, stride: stride, dilation: dilation}
	width := (size-1)*dilation + 1
	if padding == Same {
		a.out = (in + stride - 1) / stride
		a.before = max((a.out-1)*stride+width-in, 0) / 2
		return a, nil
	}
	if in < width {
		return a, fmt.Errorf("the window is %d wide, the input only %d", width, in)
	}
	a.out = (in-width)/stride + 1
	return a, nil
}

// start is the input position of the window's first element, below 0 in the padding.
func (a windowAxis) start(out int) int { return out*a.stride - a.before }

// inside returns the elements of the window, from up to to, that lie on the input.
func (a windowAxis) inside(out int) (from, to int) {
	start := a.start(out)
	if start < 0 {
		from = (-start + a.dilation - 1) / a.dilation
	}
	to = a.size
	if last := start + (a.size-1)*a.dilation; last >= a.in {
		to = max((a.in-start+a.dilation-1)/a.dilation, 0)
	}
	return min(from, to), to
}

// interior returns the positions, from first up to last, where the whole window lies on
// the input.
func (a windowAxis) interior() (first, last int) {
	first = (a.before + a.stride - 1) / a.stride
	if room := a.in + a.before - (a.size-1)*a.dilation - 1; room >= 0 {
		last = min(room/a.stride+1, a.out)
	}
	return first, last
}

// perAxis completes a setting that is given for all axes, for each of them, or not.
func perAxis(name string, given []int, axes, fallback int) ([2]int, error) {
	var all [2]int
	for i := range axes {
		switch len(given) {
		case 0:
			all[i] = fallback
		case 1:
			all[i] = given[0]
		case axes:
			all[i] = given[i]
		default:
			return all, fmt.Errorf("%s is %v, want one number or one for each of %d axes", name, given, axes)
		}
		if all[i] < 1 {
			return all, fmt.Errorf("%s is %v, want at least 1", name, given)
		}
	}
	if axes == 1 { // one axis is the width of an image of height 1
		all = [2]int{1, all[0]}
	}
	return all, nil
}

// images is a batch of tensors with channels last: [batch, height, width, channels], or
// [batch, width, channels] with height 1.
type images struct {
	batch, height, width, channels int
}

func imagesOf(s tensor.Shape) images {
	if len(s) == 3 {
		return images{s[0], 1, s[1], s[2]}
	}
	return images{s[0], s[1], s[2], s[3]}
}

func imageAxes(axes int) string {
	if axes == 1 {
		return "[batch, steps, channels]"
	}
	return "[batch, height, width, channels]"
}
