package estimator

import (
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/session"
)

// model is what the model function built for one mode and batch size, with the
// session that runs it.
type model struct {
	mode             Mode
	graph            *graph.Graph
	features, labels graph.Nodes
	spec             *Spec
	session          *session.Session
	input            datasets.Spec  // what it was built for
	signature        *signature     // of input
	fits             *signature     // the trained model's, if input is known to agree with it
	outputs          gorgonia.Nodes // the predictions, by name
	outputNames      []string
	calls            sync.Pool // of *call, empty
}

// PanicError is a panic of a model function.
type PanicError struct {
	// Value is what it panicked with; Stack is the stack then.
	Value any
	Stack []byte
}

// Error returns the value and the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("the model function panicked: %v\n%s", e.Value, e.Stack)
}

// build calls the model function. spec describes one row of the input; rows is the
// size of a batch.
func (e *Estimator) build(mode Mode, spec datasets.Spec, rows int) (*model, error) {
	m := &model{
		mode: mode, graph: graph.New(graph.Seed(e.config.Seed), graph.Training(mode == Train), graph.Params(e.params)),
		input: spec, signature: signatureOf(spec),
	}
	m.graph.GlobalStep()
	m.features = placeholders(m.graph.Scope("features"), spec.Features, rows)
	m.labels = graph.Nodes{}
	if mode != Infer {
		m.labels = placeholders(m.graph.Scope("labels"), spec.Labels, rows)
	}
	err := m.callModelFn(e.engineered)
	if err != nil {
		return nil, fmt.Errorf("estimator: model function, mode %s: %w", mode, err)
	}
	if mode == Train {
		m.graph.AddTo(graph.Losses, m.spec.Loss)
	}
	m.outputs, m.outputNames = m.spec.Predictions.Ordered(), m.spec.Predictions.Names()
	return m, nil
}

func (m *model) callModelFn(fn ModelFn) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &PanicError{Value: r, Stack: debug.Stack()}
			if first := m.graph.Err(); first != nil {
				// The panic most likely follows from the first failure.
				err = errors.Join(first, err)
			}
		}
	}()
	features, labels := maps.Clone(m.features), maps.Clone(m.labels)
	if m.spec, err = fn(m.graph, features, labels, m.mode); err != nil {
		return err
	}
	if err := m.graph.Err(); err != nil {
		return err
	}
	return m.spec.validate(m.mode, m.graph)
}

func placeholders(g *graph.Graph, specs map[string]datasets.TensorSpec, rows int) graph.Nodes {
	nodes := graph.Nodes{}
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		shape := append([]int{rows}, specs[name].Shape...)
		nodes[name] = g.Placeholder(g.UniqueName(nodeName(name))+"/in", specs[name].Dtype, shape...)
	}
	return nodes
}

// nodeName makes a name that a graph accepts of the name of a column.
func nodeName(name string) string {
	clean := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\n\"\\:/", r) {
			return '_'
		}
		return r
	}, name)
	if clean == "" {
		return "unnamed"
	}
	return clean
}

// open gives the model a session over a store. When the session meets a batch size
// that the graph's ops cannot take, it builds the model again.
func (e *Estimator) open(m *model, store *session.Store) error {
	rebuild := func(shapes map[*gorgonia.Node]tensor.Shape) (*session.Twin, error) {
		rows := 0
		for _, shape := range shapes {
			rows = shape[0]
		}
		other, err := e.build(m.mode, m.input, rows)
		if err != nil {
			return nil, err
		}
		if err := sameVariables(m, other); err != nil {
			return nil, fmt.Errorf("estimator: model function, mode %s: it builds another model for %d rows: %w", m.mode, rows, err)
		}
		return &session.Twin{Graph: other.graph, Node: m.twinOf(other)}, nil
	}
	options := []session.Option{session.WithStore(store), session.WithRebuild(rebuild)}
	if e.config.Workers > 0 {
		options = append(options, session.Workers(e.config.Workers))
	}
	s, err := session.New(m.graph, options...)
	if err != nil {
		return fmt.Errorf("estimator: mode %s: %w", m.mode, err)
	}
	m.session = s
	return nil
}

// sameVariables reports the first variable that one of two models lacks or has with
// another dtype or shape.
func sameVariables(m, other *model) error {
	have := map[string]*graph.Variable{}
	for _, v := range m.graph.Variables() {
		have[v.Name] = v
	}
	for _, v := range other.graph.Variables() {
		before := have[v.Name]
		if before == nil {
			return fmt.Errorf("variable %q is new", v.Name)
		}
		if before.Dtype != v.Dtype || !slices.Equal(before.Shape, v.Shape) || before.Local != v.Local {
			return fmt.Errorf("variable %q was %v %v and is %v %v", v.Name, before.Dtype, before.Shape, v.Dtype, v.Shape)
		}
		delete(have, v.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		return fmt.Errorf("variable %q is missing", name)
	}
	return nil
}

// twinOf maps the nodes of m to those of a model that the same function built. What
// has a meaning is matched by it; other nodes, which a monitor may ask for, by the
// order of building, or else by a name that only one node has, and only where the ops
// agree.
func (m *model) twinOf(other *model) func(*gorgonia.Node) *gorgonia.Node {
	twin := map[*gorgonia.Node]*gorgonia.Node{}
	alike := func(a, b *gorgonia.Node) bool {
		return fmt.Sprintf("%T", a.Op()) == fmt.Sprintf("%T", b.Op()) && a.Shape().Dims() == b.Shape().Dims()
	}
	ours, theirs := m.graph.AllNodes(), other.graph.AllNodes()
	if len(ours) == len(theirs) {
		for i, n := range ours {
			if alike(n, theirs[i]) {
				twin[n] = theirs[i]
			}
		}
	} else {
		named := byName(theirs)
		for name, n := range byName(ours) {
			if counterpart := named[name]; counterpart != nil && n != nil && alike(n, counterpart) {
				twin[n] = counterpart
			}
		}
	}
	pair := func(a, b *gorgonia.Node) {
		if a != nil && b != nil {
			twin[a] = b
		}
	}
	for name, n := range m.features {
		pair(n, other.features[name])
	}
	for name, n := range m.labels {
		pair(n, other.labels[name])
	}
	for name, n := range m.spec.Predictions {
		pair(n, other.spec.Predictions[name])
	}
	pair(m.spec.Loss, other.spec.Loss)
	pair(m.spec.TrainOp, other.spec.TrainOp)
	for name, metric := range m.spec.Metrics {
		if counterpart := other.spec.Metrics[name]; counterpart != nil {
			nodes := counterpart.Nodes()
			for i, n := range metric.Nodes() {
				if i < len(nodes) {
					pair(n, nodes[i])
				}
			}
		}
	}
	for _, v := range m.graph.Variables() {
		if counterpart := other.graph.VariableNamed(v.Name); counterpart != nil {
			pair(v.Node, counterpart.Node)
		}
	}
	return func(n *gorgonia.Node) *gorgonia.Node { return twin[n] }
}

// byName returns nodes by the names that the model function gave them, nil for a name
// that several have. Gorgonia's own names are made of the numbers of nodes, such as
// %12, which mean other nodes in a graph of another length.
func byName(nodes gorgonia.Nodes) map[string]*gorgonia.Node {
	named := make(map[string]*gorgonia.Node, len(nodes))
	for _, n := range nodes {
		name := n.Name()
		if strings.Contains(name, "%") {
			continue
		}
		if _, taken := named[name]; taken {
			n = nil
		}
		named[name] = n
	}
	return named
}
