package graphfuzz

import "slices"

// normalised is gamma*(x-mean)/sqrt(variance+epsilon) + beta.
func normalised(x, gamma, beta, mean, variance num, epsilon float64) num {
	return x.sub(mean).mul(gamma.div(variance.add(exact(epsilon)).sqrt())).add(beta)
}

func moments(terms []num) (m, variance num) {
	m = mean(nil, terms)
	var squares []num
	for _, x := range terms {
		d := x.sub(m)
		squares = append(squares, d.mul(d))
	}
	return m, mean(nil, squares)
}

// vectors wants x to be [..., channels] and all others [channels].
func vectors(in []array) error {
	s := in[0].shape
	if len(s) < 2 {
		return wants(false, in...)
	}
	for _, a := range in[1:] {
		if !slices.Equal(a.shape, s[len(s)-1:]) {
			return wants(false, in...)
		}
	}
	return nil
}

// batchNorm returns y, mean and variance. The latter two have no derivative.
func batchNorm(epsilon float64) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		if err := vectors(in); err != nil {
			return nil, err
		}
		x := in[0]
		rows, channels := x.rows()
		y, m, v := zeros(x.dt, x.shape...), zeros(x.dt, channels), zeros(x.dt, channels)
		for k := range channels {
			var column []num
			for i := range rows {
				column = append(column, x.x[i*channels+k])
			}
			mean, variance := moments(column)
			if rows == 0 {
				mean, variance = exact(0), exact(0)
			}
			for i := range rows {
				y.x[i*channels+k] = normalised(column[i], in[1].x[k], in[2].x[k], mean, variance, epsilon)
			}
			m.x[k], v.x[k] = mean.stop(), variance.stop()
		}
		return []array{y, m, v}, nil
	}
}

// frozenBatchNorm is given mean and variance, without derivatives.
func frozenBatchNorm(epsilon float64) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		if err := vectors(in); err != nil {
			return nil, err
		}
		_, channels := in[0].rows()
		y := zeros(in[0].dt, in[0].shape...)
		for i, x := range in[0].x {
			k := i % channels
			y.x[i] = normalised(x, in[1].x[k], in[2].x[k], in[3].x[k].stop(), in[4].x[k].stop(), epsilon)
		}
		return one(y, nil)
	}
}

func layerNorm(epsilon float64) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		if err := vectors(in); err != nil {
			return nil, err
		}
		x := in[0]
		rows, channels := x.rows()
		y := zeros(x.dt, x.shape...)
		for i := range rows {
			row := x.x[i*channels : (i+1)*channels]
			mean, variance := moments(row)
			for k, v := range row {
				y.x[i*channels+k] = normalised(v, in[1].x[k], in[2].x[k], mean, variance, epsilon)
			}
		}
		return one(y, nil)
	}
}

func movingAverage(momentum float64) reference {
	return pairwise(func(v, by num) num { return v.sub(v.sub(by).mul(exact(1 - momentum))) })
}
