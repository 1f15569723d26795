package session

import (
	"context"
	"fmt"
	"reflect"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

// VM runs a whole Gorgonia graph, as gorgonia.NewTapeMachine does, on this package's
// executor. Input nodes use the values bound to them (gorgonia.Let, WithValue,
// WithInit) at each run; afterwards every node's Value is the one just computed,
// gorgonia.Read has its result, and Grad of a node whose gradient the graph computes
// returns it, so that gorgonia's solvers work unchanged.
//
// What differs: gradients never accumulate from run to run, an op's panic becomes an
// error instead of ending the process, no op writes to memory that another node still
// reads, and wrong ops are refused or replaced ([RefusedOpError]). A value is written over
// by the next run.
type VM struct {
	session *Session
	program *program
	nodes   int
	inputs  []vmInput // in the program's order
}

var _ gorgonia.VM = (*VM)(nil)

// NewVM returns a machine for g. The options of Gorgonia's own machines are accepted
// so that a call of NewTapeMachine can be replaced as it stands; they tune those
// machines' logging and memory and have no effect here. BindDualValues in
// particular is not needed: Grad works without it.
func NewVM(g *gorgonia.ExprGraph, _ ...gorgonia.VMOpt) *VM {
	wrapped := graph.Wrap(g)
	s, err := New(wrapped)
	if err != nil { // Wrap's graph has neither an error nor variables
		panic(err)
	}
	return &VM{session: s}
}

// RunAll computes every node of the graph.
func (vm *VM) RunAll() error {
	vm.session.mu.Lock()
	defer vm.session.mu.Unlock()
	if vm.session.closed {
		return ErrClosed
	}
	if err := vm.compile(); err != nil {
		return err
	}
	p := vm.program
	if err := vm.takeInputs(); err != nil {
		return err
	}
	for i, n := range p.nodes {
		if err := p.compute(i, i+1, nil); err != nil {
			return err
		}
		if n.Op() != nil {
			if err := bindValue(n, p.values[i]); err != nil {
				return nodeError(p.graph, n, nil, err)
			}
		}
	}
	if err := vm.bindGradients(); err != nil {
		return err
	}
	return vm.read()
}

// compile plans the graph again when it has grown since the last run.
func (vm *VM) compile() error {
	s := vm.session
	all := s.graph.AllNodes()
	if vm.program != nil && vm.nodes == len(all) {
		return nil
	}
	var fetches gorgonia.Nodes
	for _, n := range all {
		if readInto(n) == nil && n.Type() != nil {
			fetches = append(fetches, n)
		}
	}
	if len(fetches) == 0 {
		return fmt.Errorf("session: the graph has no nodes")
	}
	// Inputs without a value are reported when they are needed, by name and shape.
	s.graph = graph.Wrap(s.graph.ExprGraph)
	p, err := s.compileForVM(fetches)
	if err != nil {
		return err
	}
	vm.program, vm.nodes = p, len(all)
	vm.findInputs()
	return nil
}

func (s *Session) compileForVM(fetches gorgonia.Nodes) (*program, error) {
	for _, n := range fetches {
		if n.Op() == nil && n.Value() == nil {
			return nil, fmt.Errorf("session: input %q of shape %v has no value: use gorgonia.Let", n.Name(), n.Shape())
		}
	}
	return s.compile(s.graph, fetches, nil)
}

// read serves gorgonia.Read.
func (vm *VM) read() error {
	for _, n := range vm.session.graph.AllNodes() {
		into := readInto(n)
		if into == nil {
			continue
		}
		for _, in := range graph.InputsOf(n) {
			v, err := copyOf(vm.program.values[vm.program.index[in]])
			if err != nil {
				return nodeError(vm.program.graph, in, nil, err)
			}
			*into = v
		}
	}
	return nil
}

// readInto returns where gorgonia.Read wants a value, nil for any other node. The op
// and its one field are not exported; its type name and layout are part of the
// pinned version of Gorgonia, and a test reads through it.
func readInto(n *gorgonia.Node) *gorgonia.Value {
	v := reflect.ValueOf(n.Op())
	if !v.IsValid() || v.Type().String() != "gorgonia.readOp" || v.NumField() != 1 || v.Field(0).Kind() != reflect.Pointer {
		return nil
	}
	return (*gorgonia.Value)(v.Field(0).UnsafePointer())
}

// Reset does nothing: a run depends on nothing that an earlier one left.
func (vm *VM) Reset() {}

// Close frees what the machine holds.
func (vm *VM) Close() error {
	vm.program = nil
	return vm.session.Close()
}

// Run is RunAll with a context that is looked at before the run.
func (vm *VM) Run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return vm.RunAll()
}
