package exporters

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/stheno-ml/stheno/estimator"
)

// defaultKeep is how many exports are kept unless [Keep] says otherwise.
const defaultKeep = 5

// Option changes a default of an exporter.
type Option func(*exporter)

// Keep keeps the n exports of the highest steps, by default 5; 0 keeps all. What was just
// exported is kept in any case.
func Keep(n int) Option { return func(x *exporter) { x.keep = n } }

// Finish adds files, such as a vocabulary, to an export before it appears under its name.
// It is given the directory.
func Finish(f func(dir string) error) Option { return func(x *exporter) { x.finish = f } }

// exporter is what all exporters have in common.
type exporter struct {
	name   string
	keep   int
	finish func(string) error
}

func newExporter(name string, keep int, opts []Option) exporter {
	x := exporter{name: name, keep: keep}
	for _, opt := range opts {
		if opt != nil {
			opt(&x)
		}
	}
	return x
}

// Name returns the name of the directory.
func (x *exporter) Name() string { return x.name }

// Validate reports the first bad argument.
func (x *exporter) Validate() error {
	if x.keep < 0 {
		return fmt.Errorf("Keep(%d): want 0, which keeps all, or more", x.keep)
	}
	return nil
}

// export writes the export and removes those that are not kept.
func (x *exporter) export(ctx context.Context, c estimator.ExportCandidate) (string, error) {
	path, err := c.Estimator.ExportCheckpoint(ctx, c.Checkpoint, c.Dir,
		estimator.ExportExtras{Evaluation: c.Evaluation, Metrics: c.Metrics, Finish: x.finish})
	if err != nil || x.keep == 0 {
		return path, err
	}
	just := func(all []Version) []Version {
		for _, v := range all {
			if v.Path == filepath.Clean(path) {
				return []Version{v}
			}
		}
		return nil
	}
	return path, Collect(c.Dir, Union(Largest(x.keep), just))
}

// FinalExporter exports when training has ended. Make one with [Final].
type FinalExporter struct{ exporter }

// Final returns an exporter that exports once, when training has ended, and keeps all of
// its exports.
func Final(name string, opts ...Option) *FinalExporter {
	return &FinalExporter{newExporter(name, 0, opts)}
}

// Export exports a final candidate.
func (x *FinalExporter) Export(ctx context.Context, c estimator.ExportCandidate) (string, error) {
	if !c.Final {
		return "", nil
	}
	return x.export(ctx, c)
}

// LatestExporter exports after every evaluation. Make one with [Latest].
type LatestExporter struct{ exporter }

// Latest returns an exporter that exports after every evaluation and keeps five of its
// exports.
func Latest(name string, opts ...Option) *LatestExporter {
	return &LatestExporter{newExporter(name, defaultKeep, opts)}
}

// Export exports every candidate.
func (x *LatestExporter) Export(ctx context.Context, c estimator.ExportCandidate) (string, error) {
	return x.export(ctx, c)
}
