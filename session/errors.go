package session

import (
	"errors"
	"fmt"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// ErrClosed is returned by a session that was closed.
var ErrClosed = errors.New("session: closed")

// NodeError is the failure of one op in a run.
type NodeError struct {
	// Node and Op name the node and what it computes.
	Node, Op string
	// Inputs are the shapes of the op's inputs.
	Inputs []tensor.Shape
	// Site is where the node was built, "" when not known.
	Site string
	// Err is the cause.
	Err error
}

// Error returns all of it in one line.
func (e *NodeError) Error() string {
	shapes := make([]string, len(e.Inputs))
	for i, s := range e.Inputs {
		shapes[i] = fmt.Sprint(s)
	}
	site := ""
	if e.Site != "" {
		site = ", built at " + e.Site
	}
	return fmt.Sprintf("session: node %q: op %s on inputs of shape [%s]%s: %v", e.Node, e.Op, strings.Join(shapes, " "), site, e.Err)
}

// Unwrap returns the cause.
func (e *NodeError) Unwrap() error { return e.Err }

func nodeError(g *graph.Graph, n *gorgonia.Node, inputs []gorgonia.Value, err error) error {
	e := &NodeError{Node: n.Name(), Op: fmt.Sprint(n.Op()), Site: g.Site(n), Err: err}
	for _, in := range inputs {
		if in == nil {
			e.Inputs = append(e.Inputs, nil)
			continue
		}
		e.Inputs = append(e.Inputs, in.Shape())
	}
	return e
}

// FixedSizeError says that a program cannot run a batch of another size because an
// op keeps a size from the time it was built.
type FixedSizeError struct {
	// Node and Op name the op; Site is where it was built, "" when not known.
	Node, Op, Site string
	// Feed names the placeholder; Built and Fed are its shapes.
	Feed       string
	Built, Fed tensor.Shape
}

// Error names the op and says what to do.
func (e *FixedSizeError) Error() string {
	site := ""
	if e.Site != "" {
		site = " (built at " + e.Site + ")"
	}
	return fmt.Sprintf("session: placeholder %q was built with shape %v and fed %v, but node %q%s, op %s, keeps the size it was built with: build the graph for this batch size, drop the short last batch, or use an op that takes its size from its inputs",
		e.Feed, e.Built, e.Fed, e.Node, site, e.Op)
}
