package session

import (
	"fmt"
	"slices"
	"unsafe"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
)

// planMemory gives every kernel the memory of its result. A result's memory is used
// again once nothing will read it; it never is memory that the kernel itself reads.
//
// Results that a stock op reads keep their memory for the whole run, since a stock op
// may return its input's memory as its own result. A node that only gives another shape
// to a kernel's result is a view of it and is not run.
func (p *program) planMemory() error {
	last := p.lastReads()
	var free []*block
	owned := make([][]*block, len(p.nodes)) // blocks to free after node i
	for i := range p.nodes {
		p.current = i
		st := &p.steps[i]
		if st.kernel == nil {
			continue
		}
		if bytes := float64(p.nodes[i].Dtype().Size()); bytes*elements(st.shape) > mostMemory {
			return nodeError(p.graph, p.nodes[i], nil, fmt.Errorf("a result of shape %v is too large", st.shape))
		}
		if viewed, err := p.viewOf(i); viewed || err != nil {
			if err != nil {
				return nodeError(p.graph, p.nodes[i], nil, err)
			}
			continue
		}
		dt := p.nodes[i].Dtype()
		n := st.shape.TotalSize()
		if len(st.shape) > 0 {
			size := (n*int(dt.Size()) + 63) &^ 63
			p.results += int64(size)
			b := take(&free, size)
			if b == nil {
				b = newBlock(size)
				p.bytes += int64(size)
			}
			if end := last[i]; end < len(p.nodes) {
				owned[end] = append(owned[end], b)
			}
			st.result = b.tensor(dt, st.shape)
		}
		if st.result == nil {
			var err error
			if st.result, err = view(dense.New(dt, st.shape)); err != nil {
				return nodeError(p.graph, p.nodes[i], nil, err)
			}
		}
		free = append(free, owned[i]...)
	}
	return nil
}

// mostMemory is what one result may take, in bytes. Where there is less, the process ends.
const mostMemory = 1 << 40

// elements does not overflow.
func elements(shape tensor.Shape) float64 {
	n := 1.0
	for _, d := range shape {
		n *= float64(d)
	}
	return n
}

// lastReads returns, for each node, the position of the last node that reads its result;
// the number of nodes where it must last for the whole run. What is fetched lasts until
// it is copied: before the updates or at the end.
func (p *program) lastReads() []int {
	last := make([]int, len(p.nodes))
	read := func(i, at int) {
		for {
			last[i] = max(last[i], at)
			owner, ok := p.viewed(i)
			if !ok {
				return
			}
			i = owner
		}
	}
	for i := range p.nodes {
		st := &p.steps[i]
		last[i] = max(last[i], i)
		at := i
		if _, update := st.op.(graph.Update); st.op != nil && st.kernel == nil && !update {
			at = len(p.nodes)
		}
		for _, in := range st.inputs {
			read(in, at)
		}
	}
	for _, i := range p.fetched {
		if i < p.writes {
			read(i, p.writes-1)
		} else {
			read(i, len(p.nodes))
		}
	}
	return last
}

// viewed returns the node whose memory node i shows in another shape, if it does.
func (p *program) viewed(i int) (owner int, ok bool) {
	st := &p.steps[i]
	v, ok := st.op.(graph.View)
	if !ok || !v.IsView() || st.kernel == nil || len(st.shape) == 0 {
		return 0, false
	}
	owner = st.inputs[0]
	from := &p.steps[owner]
	return owner, from.kernel != nil && len(from.shape) > 0 && from.shape.TotalSize() == st.shape.TotalSize()
}

// viewOf makes node i a view of its input's memory where it can be one.
func (p *program) viewOf(i int) (bool, error) {
	owner, ok := p.viewed(i)
	if !ok {
		return false, nil
	}
	st := &p.steps[i]
	memory := p.steps[owner].result.(*tensor.Dense)
	header := tensor.New(tensor.WithShape(st.shape...), tensor.WithBacking(dense.Elements(memory)))
	st.result, st.op = header, nil
	return true, nil
}

// block is memory for one result at a time. Its words are float64, so that it is aligned
// for every dtype.
type block struct{ words []float64 }

func newBlock(size int) *block {
	const line = 64 / 8
	words := make([]float64, size/8+line)
	// Results begin at a cache line, which vector code likes.
	skip := int(-uintptr(unsafe.Pointer(&words[0]))&63) / 8
	return &block{words[skip : skip+size/8]}
}

// take removes the smallest free block that is large enough, but not much too large.
func take(free *[]*block, size int) *block {
	best := -1
	for i, b := range *free {
		have := len(b.words) * 8
		if have >= size && have <= 2*size && (best < 0 || have < len((*free)[best].words)*8) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	b := (*free)[best]
	*free = slices.Delete(*free, best, best+1)
	return b
}

// tensor returns a header over the block's first elements.
func (b *block) tensor(dt tensor.Dtype, shape tensor.Shape) *tensor.Dense {
	n := shape.TotalSize()
	if n == 0 {
		return dense.New(dt, shape)
	}
	p := unsafe.Pointer(&b.words[0])
	var elements any
	switch dt {
	case tensor.Float32:
		elements = unsafe.Slice((*float32)(p), n)
	case tensor.Float64:
		elements = unsafe.Slice((*float64)(p), n)
	case tensor.Int64:
		elements = unsafe.Slice((*int64)(p), n)
	case tensor.Int32:
		elements = unsafe.Slice((*int32)(p), n)
	case tensor.Int:
		elements = unsafe.Slice((*int)(p), n)
	case tensor.Uint8:
		elements = unsafe.Slice((*uint8)(p), n)
	case tensor.Bool:
		elements = unsafe.Slice((*bool)(p), n)
	default:
		return dense.New(dt, shape)
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(elements))
}
