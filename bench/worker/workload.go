package worker

import "math/rand"

// Workload is a model and its input. bench/python/common.py has the same list.
type Workload struct {
	Name string
	// Batch is the rows of a batch, Batches the distinct batches of an epoch.
	Batch, Batches int
	// Layers are the sizes of a multi-layer perceptron, its input first; nil for W4 and
	// W6. One output is one logit, more are classes.
	Layers []int
}

// Sizes of W4, images, and of W6, a language model over characters.
const (
	Side, Classes                    = 28, 10
	Vocabulary, Time, Dim, Units     = 65, 50, 128, 128
	Filters1, Filters2, Kernel, Pool = 32, 64, 3, 2
	Flat, Hidden                     = 1600, 128
)

var workloads = []Workload{
	{"W1", 128, 200, []int{784, 256, 10}},
	{"W2", 32, 400, []int{16, 64, 64, 1}},
	{"W3", 32, 400, []int{30, 1}},
	{"W4", 64, 60, nil},
	{"W6", 32, 40, nil},
	{"W7", 512, 20, []int{1024, 2048, 2048, 10}},
}

// Find returns the workload of a name.
func Find(name string) (Workload, bool) {
	for _, w := range workloads {
		if w.Name == name {
			return w, true
		}
	}
	return Workload{}, false
}

// Inputs is the numbers in a row of features, Outputs the logits.
func (w Workload) Inputs() int {
	switch w.Name {
	case "W4":
		return Side * Side
	case "W6":
		return Time
	}
	return w.Layers[0]
}

// Outputs is the number of logits.
func (w Workload) Outputs() int {
	switch w.Name {
	case "W4":
		return Classes
	case "W6":
		return Vocabulary
	}
	return w.Layers[len(w.Layers)-1]
}

// Rows are the rows of an epoch: X [rows, inputs] and Y [rows] for a model of numbers, and
// Y [rows, time] and IDs [rows, time] for W6.
type Rows struct {
	N   int
	X   []float32
	IDs []int64
	Y   []int64
}

// NewRows makes the rows of a workload, the same ones each time.
func NewRows(w Workload) *Rows {
	r := rand.New(rand.NewSource(7))
	n, inputs, outputs := w.Batch*w.Batches, w.Inputs(), w.Outputs()
	rows := &Rows{N: n}
	if w.Name == "W6" {
		rows.IDs, rows.Y = make([]int64, n*Time), make([]int64, n*Time)
		for i := range rows.Y {
			rows.IDs[i], rows.Y[i] = r.Int63n(Vocabulary), r.Int63n(Vocabulary)
		}
		return rows
	}
	rows.X, rows.Y = make([]float32, n*inputs), make([]int64, n)
	for i := range rows.X {
		if w.Name == "W4" {
			rows.X[i] = r.Float32()
		} else {
			rows.X[i] = float32(r.NormFloat64())
		}
	}
	for i := range rows.Y {
		if outputs > 1 {
			rows.Y[i] = r.Int63n(int64(outputs))
		} else if x := rows.X[i*inputs:]; x[0]+x[1]+x[2]+x[3] > 0 {
			rows.Y[i] = 1
		}
	}
	return rows
}

// Feed deals out the rows in shuffled batches, for frameworks without data sets.
type Feed struct {
	rows  *Rows
	batch int
	order []int
	rand  *rand.Rand
}

// NewFeed returns a feed of batches.
func NewFeed(rows *Rows, batch int) *Feed {
	return &Feed{rows: rows, batch: batch, rand: rand.New(rand.NewSource(1))}
}

// Next returns the indexes of the rows of the next batch, valid until the next call.
func (f *Feed) Next() []int {
	if len(f.order) < f.batch {
		f.order = f.rand.Perm(f.rows.N)
	}
	next := f.order[:f.batch]
	f.order = f.order[f.batch:]
	return next
}

// Gather copies the rows of the given indexes, width numbers each.
func Gather[T any](to, from []T, rows []int, width int) {
	for i, row := range rows {
		copy(to[i*width:(i+1)*width], from[row*width:])
	}
}
