package estimator

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/stheno-ml/stheno/hooks"
)

// RunConfig is how an estimator runs, as the options of [New] filled it.
type RunConfig struct {
	// ModelDir is where checkpoints and event files are. "" means a temporary
	// directory, made at the first fit and reported in the log.
	ModelDir string
	// Seed decides initial values, dropout and shuffles. The default is 0.
	Seed uint64
	// SaveSummarySteps is how many steps lie between summaries, default 100; 0 for
	// none.
	SaveSummarySteps int64
	// SaveCheckpointsSecs is how many seconds lie between checkpoints, default 600. It
	// is 0 when SaveCheckpointsSteps is set.
	SaveCheckpointsSecs float64
	// SaveCheckpointsSteps is how many steps lie between checkpoints, 0 when the clock
	// decides.
	SaveCheckpointsSteps int64
	// KeepCheckpointMax bounds the checkpoints kept, default 5; 0 for all.
	KeepCheckpointMax int
	// KeepCheckpointEveryNHours keeps one checkpoint for every so many hours beyond
	// that, default 10,000.
	KeepCheckpointEveryNHours float64
	// LogStepCountSteps is how many steps lie between log lines of the loss, default
	// 100; 0 for none.
	LogStepCountSteps int64
	// Workers bounds the goroutines that compute one step; 0, the default, stands for
	// GOMAXPROCS, which is also the most. The results are the same bits for every value.
	Workers int
	// Logger is slog.Default() when not set.
	Logger *slog.Logger

	handleSignals bool
	given         map[string]bool
}

// maxSeconds fits a time.Duration with ease.
const maxSeconds = 1e9

func defaultConfig() RunConfig {
	return RunConfig{
		SaveSummarySteps: 100, SaveCheckpointsSecs: 600, KeepCheckpointMax: 5, KeepCheckpointEveryNHours: 10_000,
		LogStepCountSteps: 100, given: map[string]bool{},
	}
}

// Option is a keyword argument of [New].
type Option interface{ applyNew(*RunConfig) }

type newOption func(*RunConfig)

func (o newOption) applyNew(c *RunConfig) { o(c) }

func configOption(name string, set func(*RunConfig)) Option {
	return newOption(func(c *RunConfig) {
		c.given[name] = true
		set(c)
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

// SaveCheckpointsSecs sets how many seconds lie between checkpoints. Not together
// with SaveCheckpointsSteps.
func SaveCheckpointsSecs(seconds float64) Option {
	return configOption("SaveCheckpointsSecs", func(c *RunConfig) { c.SaveCheckpointsSecs = seconds })
}

// SaveCheckpointsSteps sets how many steps lie between checkpoints.
func SaveCheckpointsSteps(n int64) Option {
	return configOption("SaveCheckpointsSteps", func(c *RunConfig) { c.SaveCheckpointsSteps = n })
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

// validate reports the first bad option.
func (c *RunConfig) validate() error {
	bad := func(name string, value any, want string) error {
		return fmt.Errorf("estimator: New: %s: %v, want %s", name, value, want)
	}
	switch {
	case c.given["ModelDir"] && strings.TrimSpace(c.ModelDir) == "":
		return bad("ModelDir", fmt.Sprintf("%q", c.ModelDir), "the name of a directory")
	case c.given["SaveCheckpointsSecs"] && c.given["SaveCheckpointsSteps"]:
		return fmt.Errorf("estimator: New: SaveCheckpointsSecs (%v) and SaveCheckpointsSteps (%d) cannot be both set", c.SaveCheckpointsSecs, c.SaveCheckpointsSteps)
	case c.SaveSummarySteps < 0:
		return bad("SaveSummarySteps", c.SaveSummarySteps, "at least 0")
	case !(c.SaveCheckpointsSecs >= 0 && c.SaveCheckpointsSecs <= maxSeconds):
		return bad("SaveCheckpointsSecs", c.SaveCheckpointsSecs, "0 to 1e9")
	case c.given["SaveCheckpointsSteps"] && c.SaveCheckpointsSteps <= 0:
		return bad("SaveCheckpointsSteps", c.SaveCheckpointsSteps, "at least 1")
	case c.KeepCheckpointMax < 0:
		return bad("KeepCheckpointMax", c.KeepCheckpointMax, "at least 0")
	case !(c.KeepCheckpointEveryNHours > 0):
		return bad("KeepCheckpointEveryNHours", c.KeepCheckpointEveryNHours, "more than 0")
	case c.LogStepCountSteps < 0:
		return bad("LogStepCountSteps", c.LogStepCountSteps, "at least 0")
	case c.given["Workers"] && c.Workers < 1:
		return bad("Workers", c.Workers, "at least 1")
	case c.given["Logger"] && c.Logger == nil:
		return bad("Logger", "nil", "a logger")
	}
	if c.SaveCheckpointsSteps > 0 {
		c.SaveCheckpointsSecs = 0
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return nil
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

// CheckpointPath evaluates the variables of that checkpoint instead of the newest.
func CheckpointPath(path string) EvaluateOption {
	return evaluateOption(func(c *evaluateConfig) { c.checkpoint = path })
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
