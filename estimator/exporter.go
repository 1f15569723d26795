package estimator

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime/debug"

	"github.com/stheno-ml/stheno/graphactions"
)

// Exporter decides after each evaluation of an [EvalSpec] whether the model is exported.
// Package exporters has those of tf.estimator. It is called from one goroutine. It may be
// called again for an evaluation that it has seen: after a restart, and at the end of
// training, with Final set.
type Exporter interface {
	// Name is that of the directory, <model directory>/export/<name>, so it must be unique.
	Name() string
	// Export returns the path of what it exported, "" when it decided against it.
	Export(ctx context.Context, c ExportCandidate) (path string, err error)
}

// ExportCandidate is a checkpoint that was evaluated.
type ExportCandidate struct {
	// Estimator writes the export: see [Estimator.ExportCheckpoint].
	Estimator *Estimator
	// Dir is <model directory>/export/<name>. It need not exist.
	Dir string
	// Checkpoint is the path of the checkpoint that was evaluated.
	Checkpoint string
	// Step is the checkpoint's.
	Step int64
	// Evaluation is the name of the evaluation, Metrics its results.
	Evaluation string
	Metrics    Metrics
	// Final says that training has ended.
	Final bool
}

// ExportDir returns where the exporter of that name writes: <model directory>/export/<name>.
// It is "" while there is no model directory.
func (e *Estimator) ExportDir(name string) string {
	if dir := e.ModelDir(); dir != "" {
		return filepath.Join(dir, "export", name)
	}
	return ""
}

// export offers a checkpoint to the exporters and returns the paths of what they wrote.
func (e *Estimator) export(ctx context.Context, exporters []Exporter, c ExportCandidate) (paths []string, err error) {
	c.Estimator = e
	for _, x := range exporters {
		c.Dir = e.ExportDir(x.Name())
		path, err := exportWith(ctx, x, c)
		if err != nil {
			return paths, fmt.Errorf("exporter %q at step %d: %w", x.Name(), c.Step, err)
		}
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// exportWith turns a panic of an exporter into an error.
func exportWith(ctx context.Context, x Exporter, c ExportCandidate) (path string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &graphactions.PanicError{Where: "Export", Value: r, Stack: debug.Stack()}
		}
	}()
	return x.Export(ctx, c)
}
