package exporters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/internal/atomicfile"
)

// bestFile is the file beside the exports that holds the best results so far.
const bestFile = "best.json"

// Compare reports whether current is better than best, which is never nil.
type Compare func(best, current estimator.Metrics) (bool, error)

// BestExporter exports what is better than everything before. Make one with [Best] or
// [BestBy].
type BestExporter struct {
	exporter
	by      *estimator.Criterion // nil for a function
	compare Compare
}

// Best returns an exporter that exports after an evaluation that is strictly better than
// every one before, the first one included, and keeps five of its exports. The best results
// are kept in best.json beside the exports, so that a restart forgets nothing, and where
// that is missing or damaged the best of the exports counts. To start over, remove the
// directory.
func Best(name string, by estimator.Criterion, opts ...Option) *BestExporter {
	return &BestExporter{newExporter(name, defaultKeep, opts), &by, func(best, current estimator.Metrics) (bool, error) { return by.Better(current, best) }}
}

// BestBy is Best with a function of one's own, the compare_fn of tf.estimator.
func BestBy(name string, compare Compare, opts ...Option) *BestExporter {
	return &BestExporter{newExporter(name, defaultKeep, opts), nil, compare}
}

// Validate reports the first bad argument.
func (x *BestExporter) Validate() error {
	if x.by != nil {
		if err := x.by.Validate(); err != nil {
			return fmt.Errorf("Best: %w", err)
		}
	} else if x.compare == nil {
		return errors.New("BestBy: the function is nil")
	}
	return x.exporter.Validate()
}

// Metrics returns the metric that must be among the results, nothing for a function.
func (x *BestExporter) Metrics() []string {
	if x.by == nil {
		return nil
	}
	return []string{x.by.Metric()}
}

// best is the content of bestFile.
type best struct {
	Step    int64             `json:"step"`
	Metrics estimator.Metrics `json:"metrics"`
}

// Export exports a candidate that is the best so far.
func (x *BestExporter) Export(ctx context.Context, c estimator.ExportCandidate) (string, error) {
	before, err := x.recall(c.Dir)
	if err != nil {
		return "", err
	}
	if better, err := x.better(before, c.Metrics); err != nil || !better {
		return "", err
	}
	path, err := x.export(ctx, c)
	if err != nil {
		return "", err
	}
	// The results come after the export: a crash in between exports once more.
	return path, writeBest(filepath.Join(c.Dir, bestFile), &best{Step: c.Step, Metrics: c.Metrics})
}

// better compares with the best before, nil for none.
func (x *BestExporter) better(before *best, current estimator.Metrics) (bool, error) {
	switch {
	case before != nil:
		return x.compare(before.Metrics, current)
	case x.by != nil:
		return x.by.Better(current, nil)
	}
	return true, nil
}

// recall returns the best results of all exports so far, nil when there are none.
func (x *BestExporter) recall(dir string) (*best, error) {
	text, err := os.ReadFile(filepath.Join(dir, bestFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	b := new(best)
	if err == nil && json.Unmarshal(text, b) == nil {
		return b, nil
	}
	versions, err := Versions(dir)
	if err != nil {
		return nil, err
	}
	b = nil
	for _, v := range versions {
		info, err := estimator.ReadExport(v.Path)
		if err != nil {
			continue // it is something else
		}
		better, err := x.better(b, info.Metrics)
		if err != nil {
			return nil, err
		}
		if better {
			b = &best{Step: info.Step, Metrics: info.Metrics}
		}
	}
	return b, nil
}

func writeBest(path string, b *best) error {
	text, err := json.MarshalIndent(b, "", " ")
	if err != nil {
		return err
	}
	return atomicfile.Write(atomicfile.Disk, path, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}
