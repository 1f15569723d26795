package graphfuzz

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// reshaped gives another shape, which f chooses, nil if it cannot.
func reshaped(f func(shape []int) []int) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		shape := f(in[0].shape)
		if shape == nil || elements(shape) != elements(in[0].shape) || len(shape) > 0 && slices.Min(shape) < 0 {
			return nil, wants(false, in...)
		}
		return one(in[0].reshaped(shape...), nil)
	}
}

func rowsOf(row []int) func(shape []int) []int {
	return func(shape []int) []int {
		if len(shape) == 0 || elements(shape[1:]) != elements(row) {
			return nil
		}
		return append([]int{shape[0]}, row...)
	}
}

func flatten(shape []int) []int {
	if len(shape) == 0 {
		return nil
	}
	return []int{shape[0], elements(shape[1:])}
}

func squeeze(shape []int) []int {
	if len(shape) == 0 || shape[len(shape)-1] != 1 {
		return nil
	}
	return append([]int{}, shape[:len(shape)-1]...)
}

func merge(n int) func(shape []int) []int {
	return func(shape []int) []int {
		if n < 1 || n > len(shape) {
			return nil
		}
		return append([]int{elements(shape[:n])}, shape[n:]...)
	}
}

func concat(axis int) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		dims := len(in[0].shape)
		if axis < -dims || axis >= dims {
			return nil, fmt.Errorf("axis %d of shape %v", axis, in[0].shape)
		}
		k := (axis + dims) % dims
		shape := slices.Clone(in[0].shape)
		for _, a := range in[1:] {
			if len(a.shape) != dims {
				return nil, wants(false, in...)
			}
			for i, n := range a.shape {
				if i != k && n != shape[i] {
					return nil, wants(false, in...)
				}
			}
			shape[k] += a.shape[k]
		}
		y := zeros(in[0].dt, shape...)
		index(shape, func(at []int) {
			from := slices.Clone(at)
			for _, a := range in {
				if from[k] < a.shape[k] {
					*y.at(at...) = *a.at(from...)
					return
				}
				from[k] -= a.shape[k]
			}
		})
		return one(y, nil)
	}
}

func transpose(order []int) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		x, axes := in[0], slices.Clone(order)
		if len(axes) == 0 {
			for i := range x.shape {
				axes = append(axes, len(x.shape)-1-i)
			}
		}
		shape := make([]int, len(axes))
		for i, axis := range axes {
			if len(axes) != len(x.shape) || axis < 0 || axis >= len(axes) || slices.Contains(axes[:i], axis) {
				return nil, fmt.Errorf("order %v of shape %v", order, x.shape)
			}
			shape[i] = x.shape[axis]
		}
		y := zeros(x.dt, shape...)
		index(shape, func(at []int) {
			from := make([]int, len(at))
			for i, axis := range axes {
				from[axis] = at[i]
			}
			*y.at(at...) = *x.at(from...)
		})
		return one(y, nil)
	}
}

// gather looks rows of a table up.
func gather(_ *arithmetic, in []array) ([]array, error) {
	table, ids := in[0], in[1]
	if len(table.shape) != 2 {
		return nil, wants(false, in...)
	}
	n := table.shape[1]
	y := zeros(table.dt, append(slices.Clone(ids.shape), n)...)
	for i, id := range ids.x {
		k := int(id.v)
		if k < 0 || k >= table.shape[0] {
			return one(y, errValue)
		}
		copy(y.x[i*n:(i+1)*n], table.x[k*n:])
	}
	return one(y, nil)
}

// marked is 1 where mark says so, for each integer and each of n places.
func marked(n int, dt tensor.Dtype, mark func(id, place int) bool) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		if n < 1 {
			return nil, fmt.Errorf("%d places", n)
		}
		y := zeros(dt, append(slices.Clone(in[0].shape), n)...)
		for i, id := range in[0].x {
			for k := range n {
				if mark(int(id.v), k) {
					y.x[i*n+k] = exact(1)
				}
			}
		}
		return one(y, nil)
	}
}

// reverseSequence turns the first steps of each row around. in[1], if there, has their
// numbers.
func reverseSequence(_ *arithmetic, in []array) ([]array, error) {
	x := in[0]
	if len(x.shape) < 2 || len(in) == 2 && !slices.Equal(in[1].shape, x.shape[:1]) {
		return nil, wants(false, in...)
	}
	y := x.reshaped(x.shape...)
	n := elements(x.shape[2:])
	for b := range x.shape[0] {
		steps, err := stepsOf(in[1:], b, x.shape[1])
		if err != nil {
			return one(y, err)
		}
		for t := range steps {
			from, to := (b*x.shape[1]+steps-1-t)*n, (b*x.shape[1]+t)*n
			copy(y.x[to:to+n], x.x[from:from+n])
		}
	}
	return one(y, nil)
}

// stepsOf is how many time steps of a row count.
func stepsOf(lengths []array, row, time int) (int, error) {
	if len(lengths) == 0 {
		return time, nil
	}
	n := int(lengths[0].x[row].v)
	if n < 0 || n > time {
		return 0, errValue
	}
	return n, nil
}

func group(_ *arithmetic, in []array) ([]array, error) { return one(zeros(tensor.Int64), nil) }
