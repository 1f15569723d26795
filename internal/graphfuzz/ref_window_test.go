package graphfuzz

import (
	"fmt"
	"slices"

	"github.com/stheno-ml/stheno/ops"
)

// window is how a kernel slides along one axis.
type window struct{ in, size, stride, dilation, out, before int }

func slide(in, size, stride, dilation int, padding ops.Padding) (window, error) {
	w := window{in: in, size: size, stride: stride, dilation: dilation}
	if size < 1 || stride < 1 || dilation < 1 {
		return w, fmt.Errorf("a window of size %d, stride %d and dilation %d", size, stride, dilation)
	}
	wide := (size-1)*dilation + 1
	switch padding {
	case ops.Same:
		w.out = (in + stride - 1) / stride
		w.before = max((w.out-1)*stride+wide-in, 0) / 2
	case ops.Valid:
		if wide > in {
			return w, fmt.Errorf("a window of %d on %d", wide, in)
		}
		w.out = (in-wide)/stride + 1
	default:
		return w, fmt.Errorf("padding %d", padding)
	}
	return w, nil
}

// at is the element of the input under element p of the window, -1 in the padding.
func (w window) at(out, p int) int {
	if i := out*w.stride - w.before + p*w.dilation; i < w.in {
		return max(i, -1)
	}
	return -1
}

// setting completes a setting for each axis.
func setting(given []int, axes, fallback int) ([]int, error) {
	all := slices.Repeat([]int{fallback}, axes)
	switch len(given) {
	case 0:
	case 1:
		all = slices.Repeat(given, axes)
	case axes:
		all = given
	default:
		return nil, fmt.Errorf("%v for %d axes", given, axes)
	}
	return all, nil
}

// image gives an array with one spatial axis a second one of size 1 before it.
func image(a array, axes, at int) array {
	if axes == 1 {
		return a.reshaped(slices.Insert(slices.Clone(a.shape), at, 1)...)
	}
	return a
}

func spatial(a array, axes int) array {
	if axes == 1 {
		return a.reshaped(slices.Delete(slices.Clone(a.shape), 1, 2)...)
	}
	return a
}

// convolution is the sum over the window and the channels of a filter's group. in[2], if
// there, is the bias.
func convolution(axes int, o ops.ConvOptions) reference {
	return func(r *arithmetic, in []array) ([]array, error) {
		strides, err1 := setting(o.Strides, axes, 1)
		dilations, err2 := setting(o.Dilations, axes, 1)
		groups := o.Groups
		if groups == 0 {
			groups = 1
		}
		if err1 != nil || err2 != nil || groups < 1 || len(in[0].shape) != axes+2 || len(in[1].shape) != axes+2 {
			return nil, wants(false, in...)
		}
		x, kernel := image(in[0], axes, 1), image(in[1], axes, 0)
		if axes == 1 {
			strides, dilations = append([]int{1}, strides...), append([]int{1}, dilations...)
		}
		channels, perGroup, filters := x.shape[3], kernel.shape[2], kernel.shape[3]
		if perGroup < 1 || filters < 1 || channels != perGroup*groups || filters%groups != 0 || len(in) == 3 && !slices.Equal(in[2].shape, []int{filters}) {
			return nil, wants(false, in...)
		}
		h, err := slide(x.shape[1], kernel.shape[0], strides[0], dilations[0], o.Padding)
		if err != nil {
			return nil, err
		}
		w, err := slide(x.shape[2], kernel.shape[1], strides[1], dilations[1], o.Padding)
		if err != nil {
			return nil, err
		}
		y := zeros(x.dt, x.shape[0], h.out, w.out, filters)
		index(y.shape, func(at []int) {
			var terms []num
			padded := false
			first := at[3] / (filters / groups) * perGroup
			for p := range h.size {
				for q := range w.size {
					i, j := h.at(at[1], p), w.at(at[2], q)
					if i < 0 || j < 0 {
						padded = true
						continue
					}
					for c := range perGroup {
						terms = append(terms, x.at(at[0], i, j, first+c).mul(*kernel.at(p, q, c, at[3])))
					}
				}
			}
			if len(in) == 3 {
				terms = append(terms, in[2].x[at[3]])
			}
			v := sum(terms...)
			switch {
			case padded && !allFinite(kernel):
				v = anything() // padding may count as 0 times Inf, or not at all
			case o.ReLU && !r.above(v, exact(0)) && v.v <= 0:
				v = num{e: v.e}
			}
			*y.at(at...) = v
		})
		return one(spatial(y, axes), nil)
	}
}

func allFinite(a array) bool {
	return !slices.ContainsFunc(a.x, func(x num) bool { return !finite(x.v) })
}

// pooling puts the elements of each window together.
func pooling(axes int, o ops.PoolOptions, f func(r *arithmetic, terms []num) num) reference {
	return func(r *arithmetic, in []array) ([]array, error) {
		sizes, err1 := setting(o.Size, axes, 2)
		strides := sizes
		var err2 error
		if o.Strides != nil {
			strides, err2 = setting(o.Strides, axes, 1)
		}
		if err1 != nil || err2 != nil || len(in[0].shape) != axes+2 {
			return nil, wants(false, in...)
		}
		if axes == 1 {
			sizes, strides = append([]int{1}, sizes...), append([]int{1}, strides...)
		}
		x := image(in[0], axes, 1)
		h, err := slide(x.shape[1], sizes[0], strides[0], 1, o.Padding)
		if err != nil {
			return nil, err
		}
		w, err := slide(x.shape[2], sizes[1], strides[1], 1, o.Padding)
		if err != nil {
			return nil, err
		}
		y := zeros(x.dt, x.shape[0], h.out, w.out, x.shape[3])
		index(y.shape, func(at []int) {
			var terms []num
			for p := range h.size {
				for q := range w.size {
					if i, j := h.at(at[1], p), w.at(at[2], q); i >= 0 && j >= 0 {
						terms = append(terms, *x.at(at[0], i, j, at[3]))
					}
				}
			}
			*y.at(at...) = f(r, terms)
		})
		return one(spatial(y, axes), nil)
	}
}

// globalPooling is over all axes between the first and the last.
func globalPooling(f func(r *arithmetic, terms []num) num) reference {
	return func(r *arithmetic, in []array) ([]array, error) {
		s := in[0].shape
		if len(s) < 3 || elements(s[1:len(s)-1]) == 0 {
			return nil, wants(false, in...)
		}
		var axes []int
		for axis := 1; axis < len(s)-1; axis++ {
			axes = append(axes, axis)
		}
		return reduced(axes, f)(r, in)
	}
}
