package exporters

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stheno-ml/stheno/estimator"
)

// StepsExporter exports at some steps. Make one with [Steps].
type StepsExporter struct {
	exporter
	steps []int64
}

// Steps returns an exporter that exports, for each of the steps, after the first
// evaluation at that step or later, and keeps all of its exports. What was exported
// before a restart is not exported again.
func Steps(name string, steps []int64, opts ...Option) *StepsExporter {
	return &StepsExporter{newExporter(name, 0, opts), slices.Sorted(slices.Values(steps))}
}

// Validate reports the first bad argument.
func (x *StepsExporter) Validate() error {
	if len(x.steps) == 0 {
		return errors.New("Steps: there are no steps")
	}
	if x.steps[0] < 1 {
		return fmt.Errorf("Steps: %d, want steps of at least 1", x.steps[0])
	}
	return x.exporter.Validate()
}

// Export exports a candidate if one of the steps has been reached since the last export.
func (x *StepsExporter) Export(ctx context.Context, c estimator.ExportCandidate) (string, error) {
	exported, err := Versions(c.Dir)
	if err != nil {
		return "", err
	}
	for i, step := range x.steps {
		// An export at this step or later, but before the following step, was made for it.
		done := slices.ContainsFunc(exported, func(v Version) bool {
			return v.Number >= step && (i+1 == len(x.steps) || v.Number < x.steps[i+1])
		})
		last := i+1 == len(x.steps) || c.Step < x.steps[i+1]
		if c.Step >= step && last && !done {
			return x.export(ctx, c)
		}
	}
	return "", nil
}
