package estimator

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
)

// RunConfig is how an estimator runs. The options of [New] fill one; [NewRunConfig] makes
// one for several estimators.
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
	// decides. When it and SaveCheckpointsSecs are 0, the first state and the last are
	// saved.
	SaveCheckpointsSteps int64
	// SaveCheckpointsInBackground writes checkpoints beside the steps, see
	// graphactions.SaveInBackground. The default is false.
	SaveCheckpointsInBackground bool
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
	// Cluster says which task of which cluster this process is, from TF_CONFIG.
	Cluster Cluster

	handleSignals bool
}

// maxSeconds fits a time.Duration with ease.
const maxSeconds = 1e9

// settings is everything that the options of New set.
type settings struct {
	RunConfig
	given    map[string]bool // options of the RunConfig
	others   []string        // options given that are no part of it
	tfConfig *string
	base     *RunConfig
	modelSettings
}

// NewRunConfig returns the configuration that [New] would use with these options, for
// several estimators: give it to New with [Config]. It reads the environment variable
// TF_CONFIG, see [ParseTFConfig]. The error reports everything that is wrong.
func NewRunConfig(opts ...Option) (*RunConfig, error) {
	s := newSettings(opts)
	if err := s.finish("NewRunConfig", s.unsupported("%s: it is an argument of New, no part of a RunConfig"), s.readCluster()); err != nil {
		return nil, err
	}
	return &s.RunConfig, nil
}

// Replace returns a copy with other values for what the options name. Giving one of
// SaveCheckpointsSecs and SaveCheckpointsSteps a value switches the other off. What is no
// part of the configuration cannot be replaced, nor can TF_CONFIG. The error reports
// everything that is wrong.
func (c *RunConfig) Replace(opts ...Option) (*RunConfig, error) {
	s := c.with(opts)
	if s.tfConfig != nil {
		s.others = append(s.others, "TFConfig")
	}
	if err := s.finish("Replace", s.unsupported("replacing %s is not supported")); err != nil {
		return nil, err
	}
	return &s.RunConfig, nil
}

// Config makes [New] start from c, which is copied, in place of the defaults and of
// TF_CONFIG; other options change what they name. A ModelDir that differs from c's is an
// error.
func Config(c *RunConfig) Option {
	return modelOption("Config", func(s *settings) { s.base = c })
}

// TFConfig is the document to read in place of the environment variable TF_CONFIG; "" for
// none.
func TFConfig(text string) Option {
	return newOption(func(s *settings) { s.tfConfig = &text })
}

// newSettings applies options to the defaults.
func newSettings(opts []Option) *settings {
	defaults := RunConfig{
		SaveSummarySteps: 100, SaveCheckpointsSecs: 600, KeepCheckpointMax: 5, KeepCheckpointEveryNHours: 10_000, LogStepCountSteps: 100,
	}
	s := defaults.with(opts)
	if s.given["SaveCheckpointsSteps"] && !s.given["SaveCheckpointsSecs"] {
		s.SaveCheckpointsSecs = 0 // also when there are none by steps
	}
	return s
}

// with applies options to a copy.
func (c *RunConfig) with(opts []Option) *settings {
	s := &settings{RunConfig: *c, given: map[string]bool{}}
	s.Cluster = c.Cluster.clone()
	s.apply(opts)
	return s
}

func (s *settings) apply(opts []Option) {
	for _, opt := range opts {
		if opt != nil {
			opt.applyNew(s)
		}
	}
}

// settingsOf applies the options of New.
func settingsOf(opts []Option) (*settings, error) {
	s := newSettings(opts)
	if !slices.Contains(s.others, "Config") {
		return s, s.finish("New", s.readCluster(), s.modelSettings.validate())
	}
	if s.base == nil {
		return nil, errors.New("estimator: New: Config: nil, want a RunConfig")
	}
	base := s.base
	s = base.with(opts)
	var errs []error
	if s.tfConfig != nil {
		errs = append(errs, errors.New("TFConfig: it has no meaning beside Config, which has a cluster already"))
	}
	if base.ModelDir != "" && s.ModelDir != base.ModelDir {
		errs = append(errs, fmt.Errorf("ModelDir: set both in constructor and RunConfig, but with different values: %q and %q", s.ModelDir, base.ModelDir))
	}
	return s, s.finish("New", errors.Join(errs...), s.modelSettings.validate())
}

// readCluster reads TF_CONFIG.
func (s *settings) readCluster() error {
	text := os.Getenv(tfConfigVariable)
	if s.tfConfig != nil {
		text = *s.tfConfig
	}
	var err error
	if s.Cluster, err = ParseTFConfig(text); err != nil {
		return err
	}
	switch dir := s.Cluster.ModelDir; {
	case dir != "" && s.ModelDir == "":
		s.ModelDir = dir
	case dir != "" && dir != s.ModelDir:
		return fmt.Errorf("ModelDir: %q, but TF_CONFIG has model_dir %q: if both are set they must be the same", s.ModelDir, dir)
	}
	return nil
}

// unsupported reports the options given that are no part of a RunConfig.
func (s *settings) unsupported(format string) error {
	var errs []error
	for _, name := range s.others {
		errs = append(errs, fmt.Errorf(format, name))
	}
	return errors.Join(errs...)
}

// finish reports everything that is wrong, first what the caller found.
func (s *settings) finish(function string, found ...error) error {
	s.exclude()
	if err := errors.Join(append(found, s.validate())...); err != nil {
		return fmt.Errorf("estimator: %s: %w", function, err)
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	return nil
}

// exclude switches off the one of the two schedules of checkpoints that was not given.
func (s *settings) exclude() {
	steps, secs := s.given["SaveCheckpointsSteps"], s.given["SaveCheckpointsSecs"]
	switch {
	case steps && !secs && s.SaveCheckpointsSteps > 0:
		s.SaveCheckpointsSecs = 0
	case secs && !steps && s.SaveCheckpointsSecs > 0:
		s.SaveCheckpointsSteps = 0
	}
}

func (s *settings) validate() error {
	var errs []error
	check := func(ok bool, name string, value any, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s: %v, want %s", name, value, want))
		}
	}
	check(!s.given["ModelDir"] || strings.TrimSpace(s.ModelDir) != "", "ModelDir", fmt.Sprintf("%q", s.ModelDir), "the name of a directory")
	if s.given["SaveCheckpointsSecs"] && s.given["SaveCheckpointsSteps"] || s.SaveCheckpointsSecs > 0 && s.SaveCheckpointsSteps > 0 {
		errs = append(errs, fmt.Errorf("SaveCheckpointsSecs (%v) and SaveCheckpointsSteps (%d) cannot be both set", s.SaveCheckpointsSecs, s.SaveCheckpointsSteps))
	}
	check(s.SaveSummarySteps >= 0, "SaveSummarySteps", s.SaveSummarySteps, "at least 0")
	check(s.SaveCheckpointsSecs >= 0 && s.SaveCheckpointsSecs <= maxSeconds, "SaveCheckpointsSecs", s.SaveCheckpointsSecs, "0 to 1e9")
	check(s.SaveCheckpointsSteps >= 0, "SaveCheckpointsSteps", s.SaveCheckpointsSteps, "at least 0")
	check(s.KeepCheckpointMax >= 0, "KeepCheckpointMax", s.KeepCheckpointMax, "at least 0")
	check(s.KeepCheckpointEveryNHours > 0, "KeepCheckpointEveryNHours", s.KeepCheckpointEveryNHours, "more than 0")
	check(s.LogStepCountSteps >= 0, "LogStepCountSteps", s.LogStepCountSteps, "at least 0")
	check(s.Workers >= 0 && !(s.given["Workers"] && s.Workers == 0), "Workers", s.Workers, "at least 1")
	check(!s.given["Logger"] || s.Logger != nil, "Logger", "nil", "a logger")
	return errors.Join(errs...)
}
