package estimator

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/stheno-ml/stheno/saver"
)

// BestCheckpoints is the name under which [KeepBest] pins checkpoints.
const BestCheckpoints = "best"

// Criterion says which of two evaluations is the better one. Make one with [Least] or
// [Greatest].
type Criterion struct {
	metric  string
	greater bool
}

// Least takes smaller values of the metric for better ones, as for a loss.
func Least(metric string) Criterion { return Criterion{metric: metric} }

// Greatest takes greater values of the metric for better ones, as for an accuracy.
func Greatest(metric string) Criterion { return Criterion{metric: metric, greater: true} }

// Metric returns the metric's name.
func (c Criterion) Metric() string { return c.metric }

// String returns for instance "least loss".
func (c Criterion) String() string {
	if c.greater {
		return "greatest " + c.metric
	}
	return "least " + c.metric
}

// Validate reports a metric without a name.
func (c Criterion) Validate() error {
	if c.metric == "" {
		return errors.New("the metric's name is empty")
	}
	return nil
}

// Better reports whether the results are strictly better than best, which are nil when
// there are none yet. NaN is never better. Results without the metric are an error that
// names those there are.
func (c Criterion) Better(results, best Metrics) (bool, error) {
	x, ok := results[c.metric]
	if !ok {
		return false, fmt.Errorf("the metric %q is missing from the results: there are %q", c.metric, results.Names())
	}
	if math.IsNaN(x) {
		return false, nil
	}
	y, ok := best[c.metric]
	if !ok || math.IsNaN(y) {
		return true, nil
	}
	if c.greater {
		return x > y, nil
	}
	return x < y, nil
}

// bestOf is what [KeepBest] asks for.
type bestOf struct {
	name string
	by   Criterion
	n    int
}

// KeepBest keeps the checkpoints of the n best evaluations: rotation does not delete them,
// and neither later saves nor restarts forget them. A checkpoint is saved at a step that is
// among the best. Of equal ones the earlier is the better. [Estimator.BestCheckpoint]
// returns the best one.
func KeepBest(by Criterion, n int) EvalSpecOption { return KeepBestAs(BestCheckpoints, by, n) }

// KeepBestAs is KeepBest under another name, for several evaluations that each keep
// their own.
func KeepBestAs(name string, by Criterion, n int) EvalSpecOption {
	return evalSpecOption(func(s *EvalSpec) { s.best = &bestOf{name: name, by: by, n: n} })
}

func (b *bestOf) validate() error {
	switch {
	case strings.TrimSpace(b.name) == "":
		return fmt.Errorf("the name is %q, want one", b.name)
	case b.n < 1:
		return fmt.Errorf("the number is %d, want at least 1", b.n)
	}
	return b.by.Validate()
}

// BestCheckpoint returns the path of the best checkpoint that [KeepBest] has kept, "" when
// there is none. Evaluate takes it as a CheckpointPath.
func (e *Estimator) BestCheckpoint() (string, error) {
	dir := e.ModelDir()
	if dir == "" {
		return "", nil
	}
	pins, err := saver.Pins(dir, BestCheckpoints)
	if err != nil || len(pins) == 0 {
		return "", err
	}
	return pins[0].Path, nil
}

// bestKeeper keeps the best of one evaluation.
type bestKeeper struct {
	*bestOf
	evaluation string
	entries    []bestEntry // the best first
}

// bestEntry is an evaluation that is among the best, the note of its pin.
type bestEntry struct {
	Step       int64   `json:"step"`
	Evaluation string  `json:"evaluation"`
	By         string  `json:"by"`
	Metrics    Metrics `json:"metrics"`
}

// consider takes in an evaluation. changed says that other steps are the best now.
func (k *bestKeeper) consider(step int64, results Metrics) (changed bool, err error) {
	if _, err := k.by.Better(results, nil); err != nil {
		return false, err
	}
	before := k.steps()
	// A step that is evaluated again, after a run that was lost, is what it is now.
	k.entries = slices.DeleteFunc(k.entries, func(e bestEntry) bool { return e.Step == step })
	k.insert(bestEntry{Step: step, Evaluation: k.evaluation, By: k.by.String(), Metrics: results})
	return !slices.Equal(before, k.steps()), nil
}

// insert puts an entry that has the metric where it belongs.
func (k *bestKeeper) insert(entry bestEntry) {
	value := entry.Metrics[k.by.metric]
	if math.IsNaN(value) {
		return
	}
	at := slices.IndexFunc(k.entries, func(e bestEntry) bool {
		better, _ := k.by.Better(entry.Metrics, e.Metrics)
		return better || value == e.Metrics[k.by.metric] && entry.Step < e.Step
	})
	if at < 0 {
		at = len(k.entries)
	}
	k.entries = slices.Insert(k.entries, at, entry)
	k.entries = k.entries[:min(len(k.entries), k.n)]
}

func (k *bestKeeper) steps() (steps []int64) {
	for _, e := range k.entries {
		steps = append(steps, e.Step)
	}
	return steps
}

// recall takes in what is pinned in the directory, by this run or an earlier one. What was
// pinned by another criterion or evaluation is let go at the next pin.
func (k *bestKeeper) recall(dir string) error {
	pins, err := saver.Pins(dir, k.name)
	if err != nil {
		return err
	}
	var entries []bestEntry
	for _, pin := range pins {
		var e bestEntry
		if json.Unmarshal([]byte(pin.Note), &e) == nil && e.Step == pin.Step {
			entries = append(entries, e)
		}
	}
	k.resume(entries)
	return nil
}

// resume takes in what an earlier run knew.
func (k *bestKeeper) resume(entries []bestEntry) {
	for _, e := range entries {
		_, err := k.by.Better(e.Metrics, nil)
		if err == nil && e.Evaluation == k.evaluation && e.By == k.by.String() && !slices.Contains(k.steps(), e.Step) {
			k.insert(e)
		}
	}
}

// pin pins the best of those that have a checkpoint. One that has none, and is not of a
// step pending, gives its place back to what it displaced.
func (k *bestKeeper) pin(dir string, pending ...int64) error {
	saved, err := saver.Steps(dir)
	if err != nil {
		return err
	}
	k.entries = slices.DeleteFunc(k.entries, func(e bestEntry) bool {
		return !slices.Contains(saved, e.Step) && !slices.Contains(pending, e.Step)
	})
	durable := *k
	durable.entries = slices.DeleteFunc(slices.Clone(k.entries), func(e bestEntry) bool { return !slices.Contains(saved, e.Step) })
	if err := durable.recall(dir); err != nil && !errors.Is(err, saver.ErrCorrupt) {
		return err
	}
	k.resume(durable.entries)
	var pins []saver.Pin
	for _, e := range durable.entries {
		note, err := json.Marshal(e)
		if err != nil {
			return err
		}
		pins = append(pins, saver.Pin{Step: e.Step, Note: string(note)})
	}
	return saver.SetPins(dir, k.name, pins...)
}
