package session

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
)

// program is a compiled set of fetches for one set of feed shapes. It owns the
// memory of results; only one run uses it at a time.
type program struct {
	graph   *graph.Graph
	twin    *variant
	fetches gorgonia.Nodes
	shapes  map[*gorgonia.Node]tensor.Shape
	used    int64
	bytes   int64 // memory of results
	results int64 // what it would be if no memory were used twice

	nodes   gorgonia.Nodes         // what runs, inputs before users
	index   map[*gorgonia.Node]int // position of a node in nodes
	steps   []step                 // one for each node
	writes  int                    // position of the first node that is an update or depends on one
	values  []gorgonia.Value       // the result of each node in this run
	fetched []int                  // position of each fetch
	late    []gorgonia.Value       // memory for fetches that come after the first update
	updated []int                  // positions of the variables that updates write to
	reads   []read                 // what late nodes read and updates may write over
	current int                    // the node being computed, for errors
	resized bool                   // some shape differs from the built one

	measured []measured // for each node, nil without Profiling
	trace    TraceFunc  // of this run, nil when nobody watches
}

// read is an input of a late node that is looked at before the first update.
type read struct {
	node, input int
	// always is true where the input is a variable that some update writes to: it is
	// copied. Elsewhere it is copied only if it shares memory with such a variable.
	always bool
}

// step is what a program does for one node.
type step struct {
	op       gorgonia.Op
	kernel   gorgonia.UsePreallocDoer // set where the result goes into memory of ours
	inputs   []int
	scratch  []gorgonia.Value
	result   gorgonia.Value // memory for the kernel's result, or a constant or variable
	feed     *gorgonia.Node // set where the value is fed
	direct   bool           // the fed tensor is given to kernels as it is
	constant bool           // the result is the same in every run
	shape    tensor.Shape
	copies   []int // inputs that the op may overwrite: it gets copies
	updating []int // inputs that the op updates
}

func (p *program) matches(fetches gorgonia.Nodes, feed graph.Feed) bool {
	if len(fetches) != len(p.fetches) || len(feed) != len(p.shapes) {
		return false
	}
	for i, n := range fetches {
		if n != p.fetches[i] {
			return false
		}
	}
	for n, t := range feed {
		shape, ok := p.shapes[n]
		if !ok || t == nil || t.Dtype() != n.Dtype() || !dense.SameShape(shape, t.Shape()) {
			return false
		}
	}
	return true
}

// compile orders what the fetches need, infers shapes, and plans memory. A panic becomes
// an error that names the node.
func (s *Session) compile(g *graph.Graph, fetches gorgonia.Nodes, shapes map[*gorgonia.Node]tensor.Shape) (_ *program, err error) {
	p := &program{
		graph: g, fetches: append(gorgonia.Nodes(nil), fetches...), shapes: shapes,
		index: map[*gorgonia.Node]int{},
	}
	defer func() {
		if r := recover(); r != nil {
			if err = fmt.Errorf("compiling: panic: %v", r); p.current < len(p.nodes) {
				err = nodeError(g, p.nodes[p.current], nil, err)
			}
		}
	}()
	p.order(fetches)
	if err := p.inferShapes(); err != nil {
		return nil, err
	}
	var missing []string
	for i, n := range p.nodes {
		p.current = i
		if err := p.plan(s, i, n, &missing); err != nil {
			return nil, err
		}
		if err := p.fold(i); err != nil {
			return nil, err
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, fmt.Errorf("session: nothing is fed for placeholder %s", quoteAll(missing))
	}
	p.findReads()
	p.findDirectFeeds()
	p.values = make([]gorgonia.Value, len(p.nodes))
	for _, n := range fetches {
		p.fetched = append(p.fetched, p.index[n])
	}
	p.late = make([]gorgonia.Value, len(fetches))
	if err := p.planMemory(); err != nil {
		return nil, err
	}
	s.measure(p)
	s.stats.Compiles++
	return p, nil
}

func quoteAll(names []string) string {
	text := ""
	for i, n := range names {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q", n)
	}
	return text
}

// order sets nodes: first everything that no update feeds into, then the updates
// and what depends on them. Within each part nodes come in the order of building,
// in which inputs precede users.
func (p *program) order(fetches gorgonia.Nodes) {
	needed := p.needed(fetches)
	slices.SortFunc(needed, func(a, b *gorgonia.Node) int { return int(a.ID() - b.ID()) })
	late := map[*gorgonia.Node]bool{}
	var writes gorgonia.Nodes
	for _, n := range needed {
		_, isLate := n.Op().(graph.Update)
		isLate = isLate && !p.isFed(n)
		for _, in := range p.inputs(n) {
			isLate = isLate || late[in]
		}
		if isLate {
			late[n] = true
			writes = append(writes, n)
			continue
		}
		p.nodes = append(p.nodes, n)
	}
	p.writes = len(p.nodes)
	p.nodes = append(p.nodes, writes...)
	for i, n := range p.nodes {
		p.index[n] = i
	}
}

func (p *program) isFed(n *gorgonia.Node) bool {
	_, fed := p.shapes[n]
	return fed
}

// inputs returns what n is computed from; a fed node is not computed.
func (p *program) inputs(n *gorgonia.Node) gorgonia.Nodes {
	if p.isFed(n) {
		return nil
	}
	return graph.InputsOf(n)
}

// needed returns the nodes that the fetches depend on, up to what is fed.
func (p *program) needed(fetches gorgonia.Nodes) (nodes gorgonia.Nodes) {
	seen := map[*gorgonia.Node]bool{}
	stack := append(gorgonia.Nodes(nil), fetches...)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		nodes = append(nodes, n)
		stack = append(stack, p.inputs(n)...)
	}
	return nodes
}

// plan fills in one step.
func (p *program) plan(s *Session, i int, n *gorgonia.Node, missing *[]string) error {
	st := &p.steps[i]
	if p.isFed(n) {
		st.feed = n
		if len(st.shape) == 0 {
			var err error
			if st.result, err = view(dense.New(n.Dtype(), st.shape)); err != nil {
				return nodeError(p.graph, n, nil, err)
			}
		}
		return nil
	}
	var err error
	if st.op, err = s.rightOp(p.graph, n); err != nil {
		return err
	}
	if c, ok := st.op.(graph.PerProgram); ok {
		st.op = c.ForProgram()
	}
	for _, in := range p.inputs(n) {
		st.inputs = append(st.inputs, p.index[in])
	}
	st.scratch = make([]gorgonia.Value, len(st.inputs))
	if st.op == nil {
		return p.planInput(s, st, n, missing)
	}
	if c, ok := st.op.(interface{ Value() gorgonia.Value }); ok && len(st.inputs) == 0 {
		st.result, st.op, st.constant = c.Value(), nil, true
		return nil
	}
	if u, ok := st.op.(graph.Update); ok {
		st.updating = u.UpdatedInputs()
		for _, k := range st.updating {
			v := p.nodes[st.inputs[k]]
			if p.isFed(v) {
				return fmt.Errorf("session: variable %q is fed and updated in one run", v.Name())
			}
			p.updated = append(p.updated, st.inputs[k])
		}
		return nil
	}
	if sized, ok := st.op.(graph.SizedByInputs); ok {
		st.kernel = sized // its memory comes from planMemory
		return nil
	}
	if k := overwritten(st.op); k >= 0 && k < len(st.inputs) {
		st.copies = append(st.copies, k)
	}
	return nil
}

// overwritten returns the input that a stock op may write to, -1 if none.
func overwritten(op gorgonia.Op) int {
	if fmt.Sprintf("%T", op) == "*gorgonia.yoloOp" {
		return 0 // it says none, and returns its input, transposed and through a sigmoid
	}
	return op.OverwritesInput()
}

// planInput finds the value of a node without an op: a variable, a fed placeholder,
// or an input that carries its own value.
func (p *program) planInput(s *Session, st *step, n *gorgonia.Node, missing *[]string) error {
	if v := p.graph.VariableOf(n); v != nil {
		value, err := s.variable(v)
		if err != nil {
			return fmt.Errorf("session: variable %q: %w", v.Name, err)
		}
		st.result = value
		return nil
	}
	if value := n.Value(); value != nil {
		st.result = value
		return nil
	}
	*missing = append(*missing, n.Name())
	return nil
}

// variable returns the session's own header over a variable's memory.
func (s *Session) variable(v *graph.Variable) (gorgonia.Value, error) {
	memory := s.locals[v.Name]
	if !v.Local {
		s.store.mu.RLock()
		memory = s.store.values[v.Name]
		s.store.mu.RUnlock()
	}
	if header, ok := s.headers[memory]; ok {
		return header, nil
	}
	header, err := view(memory)
	if err == nil {
		s.headers[memory] = header
	}
	return header, err
}

// findReads lists the inputs of late nodes that updates may write over: reads come
// before writes. They are variables that some update of this program writes, and
// results of stock ops, which may alias one (a reshape).
func (p *program) findReads() {
	for i := p.writes; i < len(p.nodes); i++ {
		st := &p.steps[i]
		for k, in := range st.inputs {
			if in >= p.writes || slices.Contains(st.updating, k) {
				continue
			}
			always := slices.Contains(p.updated, in)
			if from := &p.steps[in]; always || from.op != nil && from.kernel == nil {
				p.reads = append(p.reads, read{node: i, input: k, always: always})
			}
		}
	}
}

// findDirectFeeds marks the fed tensors that only kernels of ours see, which read them
// and nothing else. Stock ops get a header of the program's own: they may change it,
// and the caller may share the tensor with other goroutines.
func (p *program) findDirectFeeds() {
	for i := range p.steps {
		p.steps[i].direct = p.steps[i].feed != nil
	}
	for i := range p.steps {
		st := &p.steps[i]
		_, update := st.op.(graph.Update)
		if st.kernel != nil || update {
			continue
		}
		for _, in := range st.inputs {
			p.steps[in].direct = false
		}
	}
}
