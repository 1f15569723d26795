package hooks

import (
	"context"
	"fmt"
	"maps"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

// FinalOps runs nodes once when a run has ended well: FinalOpsHook of tf.train. Make one
// with [NewFinalOps].
type FinalOps struct {
	Base
	nodes  graph.Nodes
	feed   graph.Feed
	run    *Run
	values map[string]gorgonia.Value
}

// NewFinalOps runs the nodes at the end of a run, with the variables as the last update
// left them, and keeps their values. feed gives the placeholders that they need their
// values; nil where they need none. Begin reports nodes that cannot be run so. After an
// error, or in a run that was cancelled, they are not run.
//
// The final checkpoint is written before: what the nodes change in variables is not in
// it.
func NewFinalOps(nodes graph.Nodes, feed graph.Feed) *FinalOps {
	return &FinalOps{nodes: maps.Clone(nodes), feed: maps.Clone(feed)}
}

// Validate reports an empty list or a nil node.
func (f *FinalOps) Validate() error {
	if err := checkNodes(f.nodes); err != nil {
		return fmt.Errorf("hooks: FinalOps: %w", err)
	}
	return nil
}

// Begin forgets the values of an earlier run.
func (f *FinalOps) Begin(run *Run) error {
	if err := f.Validate(); err != nil {
		return err
	}
	f.run, f.values = run, nil
	if err := run.Session.Compile(f.nodes.Ordered(), f.feed); err != nil {
		return fmt.Errorf("hooks: FinalOps: %w", err)
	}
	return nil
}

// End runs the nodes.
func (f *FinalOps) End(cause error) error {
	if cause != nil || f.run == nil {
		return nil
	}
	values, err := f.run.Session.Run(context.Background(), f.nodes.Ordered(), f.feed)
	if err != nil {
		return fmt.Errorf("hooks: FinalOps: %w", err)
	}
	f.values = map[string]gorgonia.Value{}
	for i, tag := range f.nodes.Names() {
		f.values[tag] = values[i]
	}
	return nil
}

// Values returns the values by the names given to [NewFinalOps], nil before the end of a
// run that went well. The map is the caller's own.
func (f *FinalOps) Values() map[string]gorgonia.Value { return maps.Clone(f.values) }
