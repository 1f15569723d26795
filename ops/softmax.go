package ops

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/vector"
)

// Softmax is exp(x)/sum(exp(x)) over the last axis, computed after subtracting the
// maximum, so that it does not overflow.
func Softmax(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return lastAxis(g, "Softmax", x, softmaxRow32, softmaxRow[float64], softmaxPull[float32], softmaxPull[float64])
}

// LogSoftmax is x - log(sum(exp(x))) over the last axis, computed after subtracting the
// maximum. (Gorgonia's Log(SoftMax(x)) changes the softmax node.)
func LogSoftmax(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return lastAxis(g, "LogSoftmax", x, logSoftmaxRow32, logSoftmaxRow[float64], logSoftmaxPull[float32], logSoftmaxPull[float64])
}

// lastAxis applies a function to every row of the last axis. Its gradient is computed
// from the result.
func lastAxis(g *graph.Graph, name string, x *gorgonia.Node, f32 func(y, x []float32), f64 func(y, x []float64),
	pull32 func(d, y, grad []float32), pull64 func(d, y, grad []float64)) *gorgonia.Node {
	if bad, ok := check(g, name, x); !ok {
		return bad
	}
	if x.Dims() == 0 {
		return fail(g, name, "%q is a scalar, want [..., classes]", x.Name())
	}
	return applyWithScratch(g, definition{
		name: name, dtype: x.Dtype(), dims: x.Dims(),
		shape:          func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
		differentiable: []bool{true},
		gradient: func(_ gorgonia.Nodes, out, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{applyWithScratch(g, definition{
				name: name + "Grad", dtype: x.Dtype(), dims: x.Dims(),
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return sameShape(name+"Grad", in) },
			}, pickScratch(x.Dtype(), rowPullKernel(pull32), rowPullKernel(pull64)), out, grad)}
		},
	}, pickScratch(x.Dtype(), rowKernel(f32), rowKernel(f64)), x)
}

// perRow counts an exponential for every element, four of them done at once.
const perRow = perFunction / 4

func rowKernel[T float](f func(y, x []T)) func() kernel {
	return func() kernel {
		var y, x []T
		var width int
		rows := overRows(func(from, to int) {
			for i := from; i < to; i++ {
				f(y[i*width:(i+1)*width], x[i*width:(i+1)*width])
			}
		})
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			var n int
			n, width = last(out.Shape())
			y, x = elements[T](out), elements[T](in[0])
			rows.run(n, width*perRow)
			y, x = nil, nil
			return nil
		}
	}
}

func rowPullKernel[T float](f func(d, y, grad []T)) func() kernel {
	return func() kernel {
		var d, y, grad []T
		var width int
		rows := overRows(func(from, to int) {
			for i := from; i < to; i++ {
				f(d[i*width:(i+1)*width], y[i*width:(i+1)*width], grad[i*width:(i+1)*width])
			}
		})
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			var n int
			n, width = last(out.Shape())
			d, y, grad = elements[T](out), elements[T](in[0]), elements[T](in[1])
			rows.run(n, width*perRow)
			d, y, grad = nil, nil, nil
			return nil
		}
	}
}

func maximum[T float](x []T) T {
	m := T(math.Inf(-1))
	for _, v := range x {
		if v > m || v != v {
			m = v
		}
	}
	return m
}

func softmaxRow[T float](y, x []T) {
	m, sum := maximum(x), 0.0
	for i, v := range x {
		e := math.Exp(float64(v - m))
		y[i] = T(e)
		sum += e
	}
	inverse := T(1 / sum)
	for i := range y {
		y[i] *= inverse
	}
}

func softmaxRow32(y, x []float32) {
	sum := vector.ExpSum(y, x, vector.Max(x))
	vector.Scale(y, 1/sum, y)
}

// softmaxPull: d = y*(grad - sum(grad*y)).
func softmaxPull[T float](d, y, grad []T) {
	dot := 0.0
	for i := range y {
		dot += float64(y[i]) * float64(grad[i])
	}
	for i := range d {
		d[i] = y[i] * (grad[i] - T(dot))
	}
}

func logSoftmaxRow[T float](y, x []T) {
	m, sum := maximum(x), 0.0
	for _, v := range x {
		sum += math.Exp(float64(v - m))
	}
	logSum := T(math.Log(sum))
	for i, v := range x {
		y[i] = v - m - logSum
	}
}

func logSoftmaxRow32(y, x []float32) {
	m := vector.Max(x)
	logSum := float32(math.Log(float64(vector.ExpSum(y, x, m))))
	for i, v := range x {
		y[i] = v - m - logSum // in this order: m may be large
	}
}

// logSoftmaxPull: d = grad - exp(y)*sum(grad).
func logSoftmaxPull[T float](d, y, grad []T) {
	sum := 0.0
	for _, v := range grad {
		sum += float64(v)
	}
	for i := range d {
		d[i] = grad[i] - T(math.Exp(float64(y[i]))*sum)
	}
}

// SparseSoftmaxCrossEntropy is -log(softmax(logits)[label]) of each row: logits
// [batch, ..., classes], labels [batch, ...] integers in [0, classes), result
// [batch, ...]. A label out of range is an error of the run that names the row.
func SparseSoftmaxCrossEntropy(g *graph.Graph, logits, labels *gorgonia.Node) *gorgonia.Node {
	const name = "SparseSoftmaxCrossEntropy"
	if bad, ok := check(g, name, logits); !ok {
		return bad
	}
	if bad, ok := checkAny(g, name, labels); !ok {
		return bad
	}
	if !isInteger(labels.Dtype()) {
		return fail(g, name, "labels %q have dtype %v, want integers: use SoftmaxCrossEntropy for probabilities", labels.Name(), labels.Dtype())
	}
	if logits.Dims() == 0 {
		return fail(g, name, "logits %q are a scalar, want [batch, classes]", logits.Name())
	}
	// The log-softmax is a node of its own, so that the gradient finds it computed.
	logSoftmax := LogSoftmax(g, logits)
	if g.Poisoned(logSoftmax) {
		return logSoftmax
	}
	return apply(g, definition{
		name: name, dtype: logits.Dtype(), dims: logits.Dims() - 1,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			rows := in[0][:len(in[0])-1]
			if !equal(rows, in[2]) {
				return nil, fmt.Errorf("%s: logits have shape %v and labels %v, want %v", name, in[0], in[2], rows)
			}
			return rows.Clone(), nil
		},
		run:            pick(logits.Dtype(), sparseKernel[float32], sparseKernel[float64]),
		differentiable: []bool{true, false, false},
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{applyWithScratch(g, definition{
				name: name + "Grad", dtype: logits.Dtype(), dims: logits.Dims(),
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
			}, pickScratch(logits.Dtype(), sparsePullKernel[float32], sparsePullKernel[float64]), in[1], in[2], grad), nil, nil}
		},
	}, logits, logSoftmax, labels)
}

func sparseKernel[T float](out gorgonia.Value, in []gorgonia.Value) error {
	y, logSoftmax := elements[T](out), elements[T](in[1])
	_, classes := last(in[1].Shape())
	labels := classesOf(in[2])
	if err := checkLabels(&labels, len(y), classes); err != nil {
		return err
	}
	for i := range y {
		y[i] = -logSoftmax[i*classes+int(labels.at(i))]
	}
	return nil
}

func checkLabels(labels *classes, rows, classes int) error {
	for i := range rows {
		if k := labels.at(i); k < 0 || k >= int64(classes) {
			return fmt.Errorf("the label of row %d is %d, want 0 to %d", i, k, classes-1)
		}
	}
	return nil
}

// sparsePullKernel: d = grad*(softmax - onehot).
func sparsePullKernel[T float]() kernel {
	var d, logSoftmax, grad []T
	var width int
	var labels classes
	rows := overRows(func(from, to int) {
		for i := from; i < to; i++ {
			row := d[i*width : (i+1)*width]
			expTimes(row, logSoftmax[i*width:(i+1)*width], grad[i])
			row[labels.at(i)] -= grad[i]
		}
	})
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		d, logSoftmax, grad = elements[T](out), elements[T](in[0]), elements[T](in[2])
		_, width = last(in[0].Shape())
		labels = classesOf(in[1])
		err := checkLabels(&labels, len(grad), width) // the loss may not be fetched
		if err == nil {
			rows.run(len(grad), width*perRow)
		}
		d, logSoftmax, grad, labels = nil, nil, nil, classes{}
		return err
	}
}

// expTimes sets d to by*exp(x).
func expTimes[T float](d, x []T, by T) {
	if d32, ok := any(d).([]float32); ok {
		vector.ExpSum(d32, any(x).([]float32), 0)
		vector.Scale(d32, float32(by), d32)
		return
	}
	for k, v := range x {
		d[k] = by * T(math.Exp(float64(v)))
	}
}

// SoftmaxCrossEntropy is -sum(labels*log(softmax(logits))) of each row: logits and
// labels [batch, ..., classes], each row of labels a distribution over the classes,
// result [batch, ...]. There is no gradient with respect to the labels.
func SoftmaxCrossEntropy(g *graph.Graph, logits, labels *gorgonia.Node) *gorgonia.Node {
	const name = "SoftmaxCrossEntropy"
	if bad, ok := check(g, name, logits, labels); !ok {
		return bad
	}
	if logits.Dims() == 0 {
		return fail(g, name, "logits %q are a scalar, want [batch, classes]", logits.Name())
	}
	logSoftmax := LogSoftmax(g, logits)
	if g.Poisoned(logSoftmax) {
		return logSoftmax
	}
	return apply(g, definition{
		name: name, dtype: logits.Dtype(), dims: logits.Dims() - 1,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			if !equal(in[0], in[2]) {
				return nil, fmt.Errorf("%s: logits have shape %v and labels %v, want the same", name, in[0], in[2])
			}
			return in[0][:len(in[0])-1].Clone(), nil
		},
		run:            pick(logits.Dtype(), softmaxLossKernel[float32], softmaxLossKernel[float64]),
		differentiable: []bool{true, false, false},
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{apply(g, definition{
				name: name + "Grad", dtype: logits.Dtype(), dims: logits.Dims(),
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
				run:   pick(logits.Dtype(), softmaxLossPullKernel[float32], softmaxLossPullKernel[float64]),
			}, in[1], in[2], grad), nil, nil}
		},
	}, logits, logSoftmax, labels)
}

func softmaxLossKernel[T float](out gorgonia.Value, in []gorgonia.Value) error {
	y, logSoftmax, labels := elements[T](out), elements[T](in[1]), elements[T](in[2])
	_, classes := last(in[1].Shape())
	for i := range y {
		sum := 0.0
		for k := i * classes; k < (i+1)*classes; k++ {
			if labels[k] != 0 { // 0 times -Inf is 0 here
				sum -= float64(labels[k]) * float64(logSoftmax[k])
			}
		}
		y[i] = T(sum)
	}
	return nil
}

// softmaxLossPullKernel: d = grad*(softmax*sum(labels) - labels).
func softmaxLossPullKernel[T float](out gorgonia.Value, in []gorgonia.Value) error {
	d, logSoftmax, labels, grad := elements[T](out), elements[T](in[0]), elements[T](in[1]), elements[T](in[2])
	_, classes := last(in[0].Shape())
	for i, v := range grad {
		total := 0.0
		for _, label := range labels[i*classes : (i+1)*classes] {
			total += float64(label)
		}
		for k := i * classes; k < (i+1)*classes; k++ {
			d[k] = v * (T(total*math.Exp(float64(logSoftmax[k]))) - labels[k])
		}
	}
	return nil
}
