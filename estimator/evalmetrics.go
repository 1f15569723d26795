package estimator

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stheno-ml/stheno/summaries"
)

// ReadEvalMetrics returns the evaluations whose summaries are in a directory such as
// EvalDir(name), by ascending step, whichever process wrote them; of several at one step
// the last counts. A directory that does not exist has none.
//
// A file that is damaged is an error, which comes with everything that could be read.
func ReadEvalMetrics(dir string) (Evaluations, error) {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("estimator: reading evaluations: %w", err)
	}
	at := map[int64]Metrics{}
	var errs []error
	for _, file := range files { // by name, which is the order in which they were begun
		if !strings.Contains(file.Name(), "tfevents") || file.IsDir() {
			continue
		}
		events, err := summaries.ReadFile(filepath.Join(dir, file.Name()))
		errs = append(errs, err)
		for _, event := range events {
			for _, v := range event.Values {
				if v.Plugin != "scalars" {
					continue
				}
				if at[event.Step] == nil {
					at[event.Step] = Metrics{}
				}
				at[event.Step][v.Tag] = v.Scalar
			}
		}
	}
	var all Evaluations
	for _, step := range slices.Sorted(maps.Keys(at)) {
		all = append(all, &Evaluation{Step: step, Metrics: at[step]})
	}
	return all, errors.Join(errs...)
}
