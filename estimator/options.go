package estimator

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/stheno-ml/stheno/hooks"
)

// Option is a keyword argument of [New], and those that set a field of a RunConfig of
// [NewRunConfig] and [RunConfig.Replace].
type Option interface{ applyNew(*settings) }

type newOption func(*settings)

func (o newOption) applyNew(s *settings) { o(s) }

// configOption is an option that sets a field of the RunConfig.
func configOption(name string, set func(*RunConfig)) Option {
	return newOption(func(s *settings) {
		s.given[name] = true
		set(&s.RunConfig)
	})
}

// modelOption is an option of an estimator that is no part of the RunConfig.
func modelOption(name string, set func(*settings)) Option {
	return newOption(func(s *settings) {
		s.others = append(s.others, name)
		set(s)
	})
}

// ModelDir sets the directory of checkpoints and event files.
func ModelDir(dir string) Option {
	return configOption("ModelDir", func(c *RunConfig) { c.ModelDir = dir })
}

// Seed sets the seed of initial values, dropout and shuffles.
func Seed(seed uint64) Option { return configOption("Seed", func(c *RunConfig) { c.Seed = seed }) }

// SaveSummarySteps sets how many steps lie between summaries; 0 for none.
func SaveSummarySteps(n int64) Option {
	return configOption("SaveSummarySteps", func(c *RunConfig) { c.SaveSummarySteps = n })
}

// SaveCheckpointsSecs sets how many seconds lie between checkpoints; 0 for none but the
// first and the last. Not together with SaveCheckpointsSteps.
func SaveCheckpointsSecs(seconds float64) Option {
	return configOption("SaveCheckpointsSecs", func(c *RunConfig) { c.SaveCheckpointsSecs = seconds })
}

// SaveCheckpointsSteps sets how many steps lie between checkpoints; 0 for none but the
// first and the last.
func SaveCheckpointsSteps(n int64) Option {
	return configOption("SaveCheckpointsSteps", func(c *RunConfig) { c.SaveCheckpointsSteps = n })
}

// SaveCheckpointsInBackground writes checkpoints beside the steps: a step waits for the
// copying of the variables only. The files are the same, byte for byte; monitors hear of a
// checkpoint when the next one or an evaluation is due or the fit ends.
func SaveCheckpointsInBackground(background bool) Option {
	return configOption("SaveCheckpointsInBackground", func(c *RunConfig) { c.SaveCheckpointsInBackground = background })
}

// KeepCheckpointMax sets how many checkpoints are kept; 0 for all.
func KeepCheckpointMax(n int) Option {
	return configOption("KeepCheckpointMax", func(c *RunConfig) { c.KeepCheckpointMax = n })
}

// KeepCheckpointEveryNHours keeps one checkpoint for every so many hours for good.
func KeepCheckpointEveryNHours(hours float64) Option {
	return configOption("KeepCheckpointEveryNHours", func(c *RunConfig) { c.KeepCheckpointEveryNHours = hours })
}

// LogStepCountSteps sets how many steps lie between log lines of the loss; 0 for
// none.
func LogStepCountSteps(n int64) Option {
	return configOption("LogStepCountSteps", func(c *RunConfig) { c.LogStepCountSteps = n })
}

// Workers bounds the goroutines that compute one step. The results are the same bits
// for every n.
func Workers(n int) Option {
	return configOption("Workers", func(c *RunConfig) { c.Workers = n })
}

// Logger replaces slog.Default().
func Logger(logger *slog.Logger) Option {
	return configOption("Logger", func(c *RunConfig) { c.Logger = logger })
}

// FitOption is a keyword argument of [Estimator.Fit].
type FitOption interface{ applyFit(*fitConfig) }

// EvaluateOption is a keyword argument of [Estimator.Evaluate].
type EvaluateOption interface{ applyEvaluate(*evaluateConfig) }

type fitConfig struct {
	steps, maxSteps           int64
	stepsGiven, maxStepsGiven bool
	monitors                  []hooks.Monitor
	validations               []*validation
	handleSignals             bool
}

type evaluateConfig struct {
	steps      int64
	stepsGiven bool
	name       string
	checkpoint string
}

// StepsOption is what [Steps] returns.
type StepsOption struct{ n int64 }

// Steps ends Fit after n more steps, or bounds Evaluate to n batches.
func Steps(n int64) StepsOption { return StepsOption{n} }

func (o StepsOption) applyFit(c *fitConfig)           { c.steps, c.stepsGiven = o.n, true }
func (o StepsOption) applyEvaluate(c *evaluateConfig) { c.steps, c.stepsGiven = o.n, true }

type fitOption func(*fitConfig)

func (o fitOption) applyFit(c *fitConfig) { o(c) }

// MaxSteps ends Fit when the global step is n. Where it is already, Fit does nothing
// and says so in its result.
func MaxSteps(n int64) FitOption {
	return fitOption(func(c *fitConfig) { c.maxSteps, c.maxStepsGiven = n, true })
}

// Monitors adds monitors to a fit. The slice is not kept or changed.
func Monitors(monitors ...hooks.Monitor) FitOption {
	return fitOption(func(c *fitConfig) { c.monitors = append(c.monitors, monitors...) })
}

type evaluateOption func(*evaluateConfig)

func (o evaluateOption) applyEvaluate(c *evaluateConfig) { o(c) }

// Name tells evaluations apart: the summaries go to <model directory>/eval_<name>
// instead of <model directory>/eval.
func Name(name string) EvaluateOption {
	return evaluateOption(func(c *evaluateConfig) { c.name = name })
}

// CheckpointOption is what [CheckpointPath] returns.
type CheckpointOption struct{ path string }

// CheckpointPath evaluates, or predicts with, the variables of that checkpoint's file
// instead of the newest.
func CheckpointPath(path string) CheckpointOption { return CheckpointOption{path} }

func (o CheckpointOption) applyEvaluate(c *evaluateConfig) { c.checkpoint = o.path }
func (o CheckpointOption) applyPredict(c *predictConfig)   { c.checkpoint = o.path }

// PredictOption is a keyword argument of [Estimator.Predict].
type PredictOption interface{ applyPredict(*predictConfig) }

type predictConfig struct {
	keys       []string
	keysGiven  bool
	checkpoint string
}

type predictOption func(*predictConfig)

func (o predictOption) applyPredict(c *predictConfig) { o(c) }

// PredictKeys computes only the predictions of these names.
func PredictKeys(keys ...string) PredictOption {
	return predictOption(func(c *predictConfig) { c.keys, c.keysGiven = append(c.keys, keys...), true })
}

func (c *fitConfig) validate() error {
	switch {
	case c.stepsGiven && c.maxStepsGiven:
		return fmt.Errorf("estimator: Fit: both Steps (%d) and MaxSteps (%d) are given: give one", c.steps, c.maxSteps)
	case c.stepsGiven && c.steps <= 0:
		return fmt.Errorf("estimator: Fit: Steps: %d, must specify steps > 0", c.steps)
	case c.maxStepsGiven && c.maxSteps <= 0:
		return fmt.Errorf("estimator: Fit: MaxSteps: %d, must specify max_steps > 0", c.maxSteps)
	}
	for i, m := range c.monitors {
		if m == nil {
			return fmt.Errorf("estimator: Fit: Monitors: monitor %d is nil", i)
		}
	}
	return c.checkValidations()
}

func (c *evaluateConfig) validate() error {
	switch {
	case c.stepsGiven && c.steps <= 0:
		return fmt.Errorf("estimator: Evaluate: Steps: %d, must specify steps > 0", c.steps)
	case strings.ContainsAny(c.name, "/\\\x00"):
		return fmt.Errorf("estimator: Evaluate: Name: %q, want a name without slashes: it becomes part of a directory's", c.name)
	}
	return nil
}
