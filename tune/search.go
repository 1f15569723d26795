package tune

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/internal/table"
	"github.com/stheno-ml/stheno/saver"
)

// TrialsFile is the file of the results of a search in its directory.
const TrialsFile = "trials.jsonl"

// Option is a keyword argument of [Search].
type Option func(*search)

// Trials bounds the number of trials, those that earlier calls made included. A sampler
// that never ends needs it.
func Trials(n int) Option { return func(s *search) { s.trials, s.trialsGiven = n, true } }

// Minimize chooses the trial with the smallest mean of the metric over the folds. The
// default is Minimize("loss").
func Minimize(metric string) Option {
	return func(s *search) { s.result.Metric, s.result.Maximize = metric, false }
}

// Maximize chooses the trial with the greatest mean of the metric over the folds.
func Maximize(metric string) Option {
	return func(s *search) { s.result.Metric, s.result.Maximize = metric, true }
}

// PruneMedian gives a trial up, after any fold but the last, when the mean of its metric
// so far is worse than the median of the means that the trials done before it had after
// as many folds: the median rule of Google Vizier, on folds in place of steps. It needs
// 5 such trials. A trial that is given up is never the best.
func PruneMedian() Option { return func(s *search) { s.prune = true } }

// pruneAfter is how many trials the median rule needs.
const pruneAfter = 5

// Logger replaces slog.Default(), which gets a line for each trial.
func Logger(logger *slog.Logger) Option { return func(s *search) { s.logger = logger } }

// search is one call of Search.
type search struct {
	dir     string
	model   *Model
	folds   []datasets.Fold
	sampler Sampler
	result  *Result

	trials      int
	trialsGiven bool
	prune       bool
	logger      *slog.Logger
}

// searchHeader says what the results in a TrialsFile are of.
type searchHeader struct {
	Format   string   `json:"format"`
	Sampler  string   `json:"sampler"`
	Metric   string   `json:"metric"`
	Maximize bool     `json:"maximize"`
	Prune    bool     `json:"prune"`
	Steps    int64    `json:"steps"`
	Folds    []string `json:"folds"`
}

// Search cross-validates the model with the parameters that the sampler proposes, each
// trial in the directory dir/trial-<number>, as [CrossValidate] does. One fold is a train
// and test split.
//
// A fit that fails makes its trial a failed one, and the next trial is made; the error is
// that of the first trial when all of them fail. A cancelled context, a signal that an
// estimator handles, a metric that does not exist and results that cannot be written end
// the search; the trials made so far come with the error.
//
// Results are kept in dir. Called again with the same arguments it returns them and makes
// the trials that are missing; Trials may be another number. To repeat a failed trial,
// remove its line from the TrialsFile.
func Search(ctx context.Context, dir string, m Model, folds []datasets.Fold, sampler Sampler, opts ...Option) (res *Result, err error) {
	s := &search{dir: dir, model: &m, folds: folds, sampler: sampler, result: &Result{Metric: "loss"}, logger: slog.Default()}
	for _, o := range opts {
		if o != nil {
			o(s)
		}
	}
	if err := s.validate(); err != nil {
		return nil, err
	}
	lock, err := saver.Lock(dir)
	if err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	return s.result, s.run(ctx)
}

func (s *search) validate() error {
	if err := check(s.dir, s.model, s.folds); err != nil {
		return err
	}
	if s.sampler == nil {
		return errors.New("tune: the sampler is nil")
	}
	if err := s.sampler.Err(); err != nil {
		return err
	}
	n := s.sampler.Len()
	switch {
	case s.result.Metric == "":
		return errors.New("tune: the name of the metric is \"\"")
	case s.logger == nil:
		return errors.New("tune: Logger: nil, want a logger")
	case s.trialsGiven && s.trials < 1:
		return fmt.Errorf("tune: Trials: %d, want at least 1", s.trials)
	case n == 0:
		return fmt.Errorf("tune: %v has no trials to propose", s.sampler)
	case !s.trialsGiven && n < 0:
		return fmt.Errorf("tune: %v never ends: give Trials", s.sampler)
	case !s.trialsGiven || n >= 0 && n < s.trials:
		s.trials = n
	}
	return nil
}

// run makes the trials that are missing.
func (s *search) run(ctx context.Context) error {
	results, err := s.open()
	if err != nil {
		return err
	}
	for n := range s.trials {
		if _, made := s.result.find(n); made {
			continue
		}
		before := s.result.before(n)
		p, err := s.sampler.Next(n, before)
		if err == nil {
			p, err = p.normal()
		}
		if err != nil {
			return fmt.Errorf("tune: trial %d: %v: %w", n, s.sampler, err)
		}
		trial, err := s.try(ctx, n, p, before)
		if err != nil {
			return err
		}
		if err := results.add(trial); err != nil {
			return err
		}
		s.keep(trial)
		s.log(trial)
	}
	return s.allFailed()
}

// open reads the trials that were made already.
func (s *search) open() (*journal, error) {
	header := searchHeader{
		Format: "stheno trials 1", Sampler: s.sampler.String(), Metric: s.result.Metric, Maximize: s.result.Maximize,
		Prune: s.prune, Steps: s.model.Steps, Folds: describe(s.folds),
	}
	return openJournal(filepath.Join(s.dir, TrialsFile), header, func(line []byte) error {
		var t Trial
		if err := decodeStrictly(line, &t); err != nil {
			return err
		}
		if _, twice := s.result.find(t.Number); twice || t.Number < 0 {
			return fmt.Errorf("trial %d, want another number, from 0", t.Number)
		}
		if !slices.Contains([]State{Done, Pruned, Failed}, t.State) || (t.State == Done) != (len(t.Scores) == len(s.folds)) {
			return fmt.Errorf("trial %d is %q with the scores of %d folds of %d", t.Number, t.State, len(t.Scores), len(s.folds))
		}
		s.keep(t)
		return nil
	})
}

func (s *search) keep(t Trial) {
	place, _ := s.result.find(t.Number)
	s.result.Trials = slices.Insert(s.result.Trials, place, t)
}

// try makes a trial. An error ends the search.
func (s *search) try(ctx context.Context, n int, p Params, before *Result) (Trial, error) {
	t := Trial{Number: n, Params: p, State: Done}
	dir := filepath.Join(s.dir, "trial-"+strconv.Itoa(n))
	lock, err := saver.Lock(dir)
	if err != nil {
		return t, fmt.Errorf("tune: trial %d: %w", n, err)
	}
	t.Scores, err = crossValidate(ctx, dir, s.model, p, s.folds, func(made Scores) bool { return s.hopeless(made, before) })
	err = errors.Join(err, lock.Close())
	var failed *fitError
	var signal *estimator.SignalError
	switch {
	case err != nil && ctx.Err() != nil, errors.As(err, &signal):
		return t, err
	case errors.As(err, &failed):
		t.State, t.Error = Failed, err.Error()
		return t, nil
	case err != nil:
		return t, err
	}
	if _, ok := t.Scores[0][s.result.Metric]; !ok {
		return t, fmt.Errorf("tune: there is no metric %q, have %q", s.result.Metric, t.Scores[0].Names())
	}
	if len(t.Scores) < len(s.folds) {
		t.State = Pruned
	}
	return t, nil
}

// hopeless is the median rule.
func (s *search) hopeless(made Scores, before *Result) bool {
	k := len(made)
	if !s.prune || k == 0 {
		return false
	}
	var others []float64
	for _, t := range before.Trials {
		if t.State == Done {
			others = append(others, valueOf(t.Scores[:k].Mean(), s.result.Metric))
		}
	}
	if len(others) < pruneAfter {
		return false
	}
	return s.result.better(median(others), valueOf(made.Mean(), s.result.Metric))
}

// median of an even number of values is the mean of the two in the middle.
func median(x []float64) float64 {
	slices.Sort(x)
	half := len(x) / 2
	if len(x)%2 == 1 {
		return x[half]
	}
	return (x[half-1] + x[half]) / 2
}

func (s *search) log(t Trial) {
	text := fmt.Sprintf("trial %d of %d: %v: %s", t.Number, s.trials, t.Params, t.State)
	if t.State == Failed {
		s.logger.Warn(text, "error", t.Error)
		return
	}
	text += fmt.Sprintf(", %s = %s", s.result.Metric, table.Number(s.result.Value(t)))
	if best, ok := s.result.Best(); ok {
		text += fmt.Sprintf("; the best is trial %d with %s", best.Number, table.Number(s.result.Value(best)))
	}
	s.logger.Info(text)
}

// allFailed reports the first trial's error when no trial has results.
func (s *search) allFailed() error {
	for _, t := range s.result.Trials {
		if t.State != Failed {
			return nil
		}
	}
	return fmt.Errorf("tune: all %d trials failed, the first with: %s", len(s.result.Trials), s.result.Trials[0].Error)
}
