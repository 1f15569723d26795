package hooks

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

// PrintTensor logs the values of nodes at the steps of [EveryN]: the monitor of that name
// of tf.contrib.learn. [LoggingTensor] is the hook of tf.train, with a [Schedule]. Make
// one with [NewPrintTensor] or [NewLoggingTrainable].
type PrintTensor struct {
	EveryN
	nodes     graph.Nodes
	variables *string // a pattern of trainable variables, in the place of nodes
}

// NewPrintTensor logs "Step 100: a = 1, b = 2", ordered by tag, at the first firstN steps,
// every everyN steps and at the last step if the run knows it. tf.contrib.learn's defaults
// are 100 and 1. The values are those from before the step's update.
func NewPrintTensor(nodes graph.Nodes, everyN, firstN int64) *PrintTensor {
	p := &PrintTensor{EveryN: EveryN{N: everyN, First: firstN}, nodes: maps.Clone(nodes)}
	p.OnStepBegin, p.OnStepEnd = p.ask, p.print
	return p
}

// NewLoggingTrainable is NewPrintTensor for the trainable variables whose names begin
// with a match of the regular expression scope, "" for all. Begin reports a scope that no
// variable matches.
func NewLoggingTrainable(scope string, everyN, firstN int64) *PrintTensor {
	p := NewPrintTensor(nil, everyN, firstN)
	p.variables = &scope
	return p
}

// Validate reports a negative everyN, an empty list, a nil node or a bad pattern.
func (p *PrintTensor) Validate() error {
	if err := p.EveryN.Validate(); err != nil {
		return err
	}
	if p.variables != nil {
		if _, err := namePattern(*p.variables); err != nil {
			return fmt.Errorf("hooks: LoggingTrainable: %w", err)
		}
		return nil
	}
	if err := checkNodes(p.nodes); err != nil {
		return fmt.Errorf("hooks: PrintTensor: %w", err)
	}
	return nil
}

// Begin finds the variables.
func (p *PrintTensor) Begin(run *Run) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if p.variables != nil {
		nodes, err := trainableNodes(run, *p.variables)
		if err != nil {
			return fmt.Errorf("hooks: LoggingTrainable: %w", err)
		}
		p.nodes = nodes
	}
	return p.EveryN.Begin(run)
}

func (p *PrintTensor) ask(int64) ([]*gorgonia.Node, error) { return p.nodes.Ordered(), nil }

func (p *PrintTensor) print(step int64, out Outputs) (bool, error) {
	values, err := out.valuesOf(p.nodes.Ordered())
	if err != nil {
		return false, err
	}
	p.Run().Logger.Info(fmt.Sprintf("Step %d: %s", step, valuesText(p.nodes.Names(), values)))
	return false, nil
}

// CaptureVariable keeps the value of a node, known by its name, at the steps of [EveryN]:
// the monitor of that name of tf.contrib.learn. [Capture] has a [Schedule]. Make one with
// [NewCaptureVariable].
type CaptureVariable struct {
	EveryN
	name   string
	node   *gorgonia.Node
	values map[int64]gorgonia.Value
}

// NewCaptureVariable keeps the value of the variable, or of another node, of that name at
// the first firstN steps, every everyN steps and at the last step if the run knows it.
// tf.contrib.learn's defaults are 100 and 1. A variable's value is the one from before
// the step's update. TensorFlow's ":0" at the end of a name is left out. Begin reports a
// name that no node has, or several.
func NewCaptureVariable(name string, everyN, firstN int64) *CaptureVariable {
	c := &CaptureVariable{EveryN: EveryN{N: everyN, First: firstN}, name: name}
	c.OnStepBegin, c.OnStepEnd = c.ask, c.keep
	return c
}

// Validate reports an empty name or a negative everyN.
func (c *CaptureVariable) Validate() error {
	if c.name == "" {
		return errors.New("hooks: CaptureVariable: the name is empty")
	}
	return c.EveryN.Validate()
}

// Begin finds the node and forgets what an earlier run captured.
func (c *CaptureVariable) Begin(run *Run) (err error) {
	if err := c.Validate(); err != nil {
		return err
	}
	if c.node, err = nodeNamed(run.Graph, c.name); err != nil {
		return fmt.Errorf("hooks: CaptureVariable: %w", err)
	}
	c.values = map[int64]gorgonia.Value{}
	return c.EveryN.Begin(run)
}

func (c *CaptureVariable) ask(int64) ([]*gorgonia.Node, error) {
	return []*gorgonia.Node{c.node}, nil
}

func (c *CaptureVariable) keep(step int64, out Outputs) (bool, error) {
	v, err := out.Value(c.node)
	if errors.Is(err, ErrNotComputed) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c.values[step], err = gorgonia.CloneValue(v)
	return false, err
}

// Values returns what was captured, by step. The map is the caller's own.
func (c *CaptureVariable) Values() map[int64]gorgonia.Value { return maps.Clone(c.values) }

// nodeNamed returns the only node of a name, with or without TensorFlow's ":0".
func nodeNamed(g *graph.Graph, name string) (*gorgonia.Node, error) {
	plain := strings.TrimSuffix(name, ":0")
	if v := g.VariableNamed(plain); v != nil {
		return v.Node, nil
	}
	switch nodes := g.ByName(plain); len(nodes) {
	case 0:
		return nil, fmt.Errorf("no node of the graph is called %q", name)
	case 1:
		return nodes[0], nil
	default:
		return nil, fmt.Errorf("%d nodes of the graph are called %q, want one", len(nodes), name)
	}
}
