package graphactions

import (
	"context"
	"fmt"
	"iter"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/session"
)

// Infer computes outputs once. Variables come from checkpointPath, or have their
// initial values when that is "".
func Infer(ctx context.Context, g *graph.Graph, checkpointPath string, outputs graph.Nodes, feed graph.Feed) (map[string]gorgonia.Value, error) {
	results, err := RunFeedsAll(ctx, g, checkpointPath, outputs, []graph.Feed{feed})
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

// RunN computes outputs n times with the same feed, in one session.
func RunN(ctx context.Context, g *graph.Graph, checkpointPath string, outputs graph.Nodes, feed graph.Feed, n int) ([]map[string]gorgonia.Value, error) {
	if n < 1 {
		return nil, argumentError("RunN", "n", fmt.Sprintf("%d, want at least 1", n))
	}
	feeds := make([]graph.Feed, n)
	for i := range feeds {
		feeds[i] = feed
	}
	return RunFeedsAll(ctx, g, checkpointPath, outputs, feeds)
}

// RunFeeds computes outputs for one feed after the other, each when it is asked for.
// Nothing happens before the first; leaving the loop closes the session. An error is
// the last element. The sequence can be used once more from its beginning.
func RunFeeds(ctx context.Context, g *graph.Graph, checkpointPath string, outputs graph.Nodes, feeds []graph.Feed) iter.Seq2[map[string]gorgonia.Value, error] {
	return func(yield func(map[string]gorgonia.Value, error) bool) {
		left := false
		err := runFeeds(ctx, g, checkpointPath, outputs, feeds, func(r map[string]gorgonia.Value, err error) bool {
			left = !yield(r, err)
			return !left
		})
		if err != nil && !left {
			yield(nil, err)
		}
	}
}

// RunFeedsAll is RunFeeds with all results in a slice.
func RunFeedsAll(ctx context.Context, g *graph.Graph, checkpointPath string, outputs graph.Nodes, feeds []graph.Feed) ([]map[string]gorgonia.Value, error) {
	var results []map[string]gorgonia.Value
	err := runFeeds(ctx, g, checkpointPath, outputs, feeds, func(r map[string]gorgonia.Value, _ error) bool {
		results = append(results, r)
		return true
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

func runFeeds(ctx context.Context, g *graph.Graph, checkpointPath string, outputs graph.Nodes, feeds []graph.Feed, yield func(map[string]gorgonia.Value, error) bool) (err error) {
	const f = "RunFeeds"
	c := newConfig(nil)
	c.graph = g
	switch {
	case g == nil:
		return argumentError(f, "g", "the graph is nil")
	case g.Err() != nil:
		return &ArgumentError{Function: f, Argument: "g", Err: g.Err()}
	case len(outputs) == 0:
		return argumentError(f, "outputs", "there is nothing to compute")
	case len(feeds) == 0:
		return argumentError(f, "feeds", "there are no feeds")
	}
	names, nodes := outputs.Names(), outputs.Ordered()
	for i, n := range nodes {
		if err := c.checkNode(f, "outputs["+names[i]+"]", "it is nil", n); err != nil {
			return err
		}
	}
	s, done, err := openFor(ctx, c, checkpointPath)
	if err != nil {
		return fmt.Errorf("graphactions: %s: %w", f, err)
	}
	defer func() { err = joinErrors(err, done()) }()
	for i, feed := range feeds {
		values, err := s.Run(ctx, nodes, feed)
		if err != nil {
			return fmt.Errorf("graphactions: %s: feed %d: %w", f, i, err)
		}
		result := make(map[string]gorgonia.Value, len(names))
		for k, name := range names {
			if result[name], err = gorgonia.CloneValue(values[k]); err != nil {
				return fmt.Errorf("graphactions: %s: feed %d: %w", f, i, err)
			}
		}
		if !yield(result, nil) {
			return nil
		}
	}
	return nil
}

// RestoreSession copies a checkpoint's variables to a session's store. Every
// variable of the session's graph must be in the checkpoint, with its dtype and
// shape; what the checkpoint has beyond that is ignored.
func RestoreSession(s *session.Session, checkpointPath string) error {
	ckpt, err := saver.Load(checkpointPath)
	if err != nil {
		return err
	}
	return RestoreFrom(s, ckpt, checkpointPath)
}

// RestoreFrom is [RestoreSession] of a checkpoint that was read already, from path.
func RestoreFrom(s *session.Session, ckpt *saver.Checkpoint, path string) error {
	if err := checkAgainst(s.Graph(), ckpt, path, false); err != nil {
		return err
	}
	return restoreVariables(s.Graph(), s.Store(), ckpt)
}
