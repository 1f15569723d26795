package vector

import "github.com/stheno-ml/stheno/internal/cpu"

// ReLU sets dst to max(x, 0). NaN stays NaN, and -0 stays -0.
func ReLU(dst, x []float32) {
	x = x[:len(dst)]
	set := cpu.Active()
	for n := part(set, len(dst)); n > 0; n = part(set, len(dst)) {
		reluVector(set, &dst[0], &x[0], n)
		dst, x = dst[n:], x[n:]
	}
	for i, v := range x {
		if v < 0 {
			v = 0
		}
		dst[i] = v
	}
}

// BiasReLU sets dst to max(x + bias, 0) for each row of x [rows, len(bias)]. NaN stays.
func BiasReLU(dst, x, bias []float32) {
	x = x[:len(dst)]
	n := len(bias)
	if n == 0 {
		return
	}
	for ; len(dst) >= n; dst, x = dst[n:], x[n:] {
		biasReLURow(dst[:n], x[:n], bias)
	}
}

func biasReLURow(dst, x, bias []float32) {
	set := cpu.Active()
	for n := part(set, len(dst)); n > 0; n = part(set, len(dst)) {
		biasReLUVector(set, &dst[0], &x[0], &bias[0], n)
		dst, x, bias = dst[n:], x[n:], bias[n:]
	}
	dst, bias = dst[:len(x)], bias[:len(x)]
	for i, v := range x {
		if v += bias[i]; v < 0 {
			v = 0
		}
		dst[i] = v
	}
}

// AddBias sets dst to x + bias for each row of x [rows, len(bias)].
func AddBias(dst, x, bias []float32) {
	x = x[:len(dst)]
	n := len(bias)
	if n == 0 {
		return
	}
	for ; len(dst) >= n; dst, x = dst[n:], x[n:] {
		Add(dst[:n], x[:n], bias)
	}
}

// ReLUGrad sets dst to grad where y > 0 and to 0 elsewhere, where y is NaN too. y may be
// the input or the result of ReLU.
func ReLUGrad(dst, grad, y []float32) {
	grad, y = grad[:len(dst)], y[:len(dst)]
	set := cpu.Active()
	for n := part(set, len(dst)); n > 0; n = part(set, len(dst)) {
		reluGradVector(set, &dst[0], &grad[0], &y[0], n)
		dst, grad, y = dst[n:], grad[n:], y[n:]
	}
	for i, v := range y {
		g := grad[i]
		if !(v > 0) {
			g = 0
		}
		dst[i] = g
	}
}
