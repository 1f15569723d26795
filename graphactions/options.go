package graphactions

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/session"
)

// Option is a keyword argument of [Train] or [Evaluate]. An option that the called
// function has no use for is an error, never ignored.
type Option func(*config)

// config holds the arguments of one call. given records which options were set, so
// that "not given" differs from "given as 0".
type config struct {
	graph     *graph.Graph
	outputDir string
	trainOp   *gorgonia.Node
	loss      *gorgonia.Node

	globalStep     *gorgonia.Node
	initOp         *gorgonia.Node
	initFeed       graph.Feed
	initFn         func(*session.Session) error
	logEverySteps  int64
	chief          bool
	master         string
	saveModelEvery time.Duration
	saveModelSteps int64
	keepMax        int
	keepHours      float64
	saveSummaries  int64
	summariesEvery time.Duration
	background     bool
	restarts       int
	feedFn         func() (graph.Feed, error)
	dataset        *datasets.Dataset
	bind           func(datasets.Batch) (graph.Feed, error)
	steps          int64
	maxSteps       int64
	failOnNaN      bool
	monitors       []hooks.Monitor
	logger         *slog.Logger
	session        *session.Session
	live           *Live
	ownSaver       Checkpointer
	evaluate       func(ctx context.Context, name string) (hooks.Metrics, error)
	updateOp       *gorgonia.Node
	metrics        map[string]metrics.Metric
	seed           uint64
	extraMetadata  map[string]string

	given map[string]bool
}

func newConfig(opts []Option) *config {
	c := &config{
		logEverySteps:  10,
		chief:          true,
		saveModelEvery: 600 * time.Second,
		keepMax:        5,
		keepHours:      10_000,
		saveSummaries:  100,
		failOnNaN:      true,
		logger:         slog.Default(),
		given:          map[string]bool{},
	}
	for _, opt := range opts {
		if opt != nil {
			opt(c)
		}
	}
	return c
}

func option(name string, set func(*config)) Option {
	return func(c *config) {
		c.given[name] = true
		set(c)
	}
}

// onlyFor returns an error for an option that the function does not take.
func (c *config) onlyFor(function string, allowed ...string) error {
	ok := map[string]bool{}
	for _, name := range allowed {
		ok[name] = true
	}
	for _, name := range optionNames {
		if c.given[name] && !ok[name] {
			return argumentError(function, name, "it has no meaning here")
		}
	}
	return nil
}

var optionNames = []string{
	"GlobalStep", "InitOp", "InitFeed", "InitFn", "LogEverySteps", "Chief", "Master", "SaveModelSecs", "SaveModelSteps",
	"SaveInBackground", "KeepCheckpointMax", "KeepCheckpointEveryNHours", "SaveSummariesSteps", "SaveSummariesSecs", "Restarts", "FeedFn", "Input", "Steps", "MaxSteps",
	"FailOnNaNLoss", "Monitors", "Logger", "Session", "WithLive", "Saver", "OnEvaluate", "UpdateOp", "Metrics", "Seed", "Metadata",
}

// GlobalStep names the node that counts updates, an int64 scalar variable. The
// default is the graph's own global step.
func GlobalStep(n *gorgonia.Node) Option {
	return option("GlobalStep", func(c *config) { c.globalStep = n })
}

// InitOp is a node run once at the start of a fresh run, after the variables got
// their initial values and before the first step. It is not run on resume.
func InitOp(n *gorgonia.Node) Option { return option("InitOp", func(c *config) { c.initOp = n }) }

// InitFeed is what InitOp is fed.
func InitFeed(feed graph.Feed) Option {
	return option("InitFeed", func(c *config) { c.initFeed = feed })
}

// InitFn is called once at the start of a fresh run, after InitOp. It is not called
// on resume.
func InitFn(init func(*session.Session) error) Option {
	return option("InitFn", func(c *config) { c.initFn = init })
}

// LogEverySteps logs the loss every n steps and at the last step; 0 turns it off.
// The default is 10.
func LogEverySteps(n int64) Option {
	return option("LogEverySteps", func(c *config) { c.logEverySteps = n })
}

// Chief says whether this process is the one that writes checkpoints and summaries.
// The default is true. Elsewhere only monitors whose AllWorkers is true run, and
// nothing is written.
func Chief(chief bool) Option { return option("Chief", func(c *config) { c.chief = chief }) }

// Master names the cluster to run on. Only "", this process, exists.
func Master(master string) Option { return option("Master", func(c *config) { c.master = master }) }

// SaveModelSecs writes a checkpoint whenever that many seconds have passed since the
// last; 0 turns it off. The default is 600 unless SaveModelSteps is given. The first
// state and the last are saved in any case.
func SaveModelSecs(seconds float64) Option {
	return option("SaveModelSecs", func(c *config) { c.saveModelEvery = time.Duration(seconds * float64(time.Second)) })
}

// SaveModelSteps writes a checkpoint every n steps instead of by the clock.
func SaveModelSteps(n int64) Option {
	return option("SaveModelSteps", func(c *config) { c.saveModelSteps = n })
}

// SaveInBackground writes checkpoints beside the loop, one at a time: a step waits for the
// copying of the variables only, and for the checkpoint before if that is not durable
// yet. The same checkpoints are written, with the same bytes, and the first and the last
// are waited for. The difference is for monitors: Saved is called when the next checkpoint
// or evaluation is due or the run ends, not at the step that was saved. An error of the
// disk ends the run at the next step. The default is off; docs/decisions/0003 has the reasons
// and measurements.
func SaveInBackground(background bool) Option {
	return option("SaveInBackground", func(c *config) { c.background = background })
}

// KeepCheckpointMax bounds the number of checkpoints kept, default 5; 0 keeps all.
func KeepCheckpointMax(n int) Option {
	return option("KeepCheckpointMax", func(c *config) { c.keepMax = n })
}

// KeepCheckpointEveryNHours keeps, beyond that, one checkpoint for every n hours of
// training. The default is 10,000.
func KeepCheckpointEveryNHours(hours float64) Option {
	return option("KeepCheckpointEveryNHours", func(c *config) { c.keepHours = hours })
}

// SaveSummariesSteps writes summaries at the first step and every n steps, default
// 100; 0 turns it off.
func SaveSummariesSteps(n int64) Option {
	return option("SaveSummariesSteps", func(c *config) { c.saveSummaries = n })
}

// SaveSummariesSecs writes summaries at the first step and whenever that many seconds have
// passed, instead of by steps.
func SaveSummariesSecs(seconds float64) Option {
	return option("SaveSummariesSecs", func(c *config) { c.summariesEvery = time.Duration(seconds * float64(time.Second)) })
}

// Restarts lets a run that failed with an error that is [ErrAborted] start again from its
// newest checkpoint, up to n times without a step in between; the default is 0. Monitors
// get End and then Begin again. FirstStep, Rows and Duration of the result are those of
// all attempts together.
func Restarts(n int) Option { return option("Restarts", func(c *config) { c.restarts = n }) }

// FeedFn is called before every step for the values of the placeholders; io.EOF ends
// the run. A function has no position that could be saved: a resumed run calls it
// from wherever it is. Use [Input] for exact resume.
func FeedFn(feed func() (graph.Feed, error)) Option {
	return option("FeedFn", func(c *config) { c.feedFn = feed })
}

// Input feeds from a data set, whose end ends the run. Its position is saved in
// every checkpoint, and a resumed run goes on with the very next batch. bind turns
// a batch into a feed; see [Bind].
func Input(ds *datasets.Dataset, bind func(datasets.Batch) (graph.Feed, error)) Option {
	return option("Input", func(c *config) { c.dataset, c.bind = ds, bind })
}

// Steps ends the run after n steps, counted from where it starts: 10 and then 15
// end at 25. Not together with MaxSteps.
func Steps(n int64) Option { return option("Steps", func(c *config) { c.steps = n }) }

// MaxSteps ends the run when the global step is n: 10 and then 15 end at 15. In
// [Evaluate] it bounds the number of batches.
func MaxSteps(n int64) Option { return option("MaxSteps", func(c *config) { c.maxSteps = n }) }

// FailOnNaNLoss says whether a loss that is NaN or infinite ends the run with a
// *NaNLossError (the default) or is only warned about.
func FailOnNaNLoss(fail bool) Option {
	return option("FailOnNaNLoss", func(c *config) { c.failOnNaN = fail })
}

// Monitors adds monitors. Without any, the chief logs the loss every 100 steps.
func Monitors(monitors ...hooks.Monitor) Option {
	return option("Monitors", func(c *config) { c.monitors = append(c.monitors, monitors...) })
}

// Logger replaces slog.Default().
func Logger(logger *slog.Logger) Option {
	return option("Logger", func(c *config) { c.logger = logger })
}

// Session runs on a session that the caller owns, in place of a new one.
func Session(s *session.Session) Option {
	return option("Session", func(c *config) { c.session = s })
}

// Checkpointer writes checkpoints. *saver.Saver is one.
type Checkpointer interface {
	// Save makes the checkpoint durable and returns where it is, before the next one is
	// asked for. The checkpoint is Save's to keep.
	Save(ctx context.Context, c saver.Checkpoint) (path string, err error)
}

// Saver writes the checkpoints in place of files in the output directory: to another
// store, or with another rotation. A run still starts from the newest checkpoint file in
// its output directory.
func Saver(s Checkpointer) Option {
	return option("Saver", func(c *config) { c.ownSaver = s })
}

// WithLive lets the run continue from the variables in memory: see [Live].
func WithLive(live *Live) Option { return option("WithLive", func(c *config) { c.live = live }) }

// OnEvaluate serves monitors' requests for evaluations.
func OnEvaluate(evaluate func(ctx context.Context, name string) (hooks.Metrics, error)) Option {
	return option("OnEvaluate", func(c *config) { c.evaluate = evaluate })
}

// Seed orders shuffles of an [Input] that have no seed of their own. The default is
// the graph's seed.
func Seed(seed uint64) Option { return option("Seed", func(c *config) { c.seed = seed }) }

// Metadata is saved with every checkpoint, beside what the loop and package saver
// keep there.
func Metadata(metadata map[string]string) Option {
	return option("Metadata", func(c *config) { c.extraMetadata = metadata })
}

// UpdateOp is run for every batch of [Evaluate], instead of the values asked for,
// which are then computed every LogEverySteps batches and at the end.
func UpdateOp(n *gorgonia.Node) Option {
	return option("UpdateOp", func(c *config) { c.updateOp = n })
}

// Metrics are updated with every batch of [Evaluate].
func Metrics(m map[string]metrics.Metric) Option {
	return option("Metrics", func(c *config) { c.metrics = m })
}

func (c *config) checkInput(function string) error {
	switch {
	case c.given["FeedFn"] && c.given["Input"]:
		return argumentError(function, "Input", "FeedFn is given too: choose one")
	case c.given["FeedFn"] && c.feedFn == nil:
		return argumentError(function, "FeedFn", "it is nil")
	case c.given["Input"] && c.dataset == nil:
		return argumentError(function, "Input", "the data set is nil")
	case c.given["Input"] && c.bind == nil:
		return argumentError(function, "Input", "bind is nil: use graphactions.Bind")
	case c.logger == nil:
		return argumentError(function, "Logger", "it is nil")
	case c.master != "":
		return argumentError(function, "Master", fmt.Sprintf(`%q, want "" (this process): there is no cluster package yet`, c.master))
	}
	if c.dataset != nil {
		if err := c.dataset.Err(); err != nil {
			return &ArgumentError{Function: function, Argument: "Input", Err: err}
		}
	}
	return nil
}

// Bind returns a function that feeds a batch's features and labels to the
// placeholders of the same names. A placeholder without a tensor in the batch, and a
// tensor without a placeholder, are errors that name it. The feed is valid until the
// following call, as the batch is; the function is for one goroutine at a time.
func Bind(features, labels graph.Nodes) func(datasets.Batch) (graph.Feed, error) {
	featureNames, labelNames := features.Names(), labels.Names()
	featureNodes, labelNodes := features.Ordered(), labels.Ordered()
	feed := make(graph.Feed, len(features)+len(labels))
	return func(b datasets.Batch) (graph.Feed, error) {
		for i, name := range featureNames {
			t, ok := b.Features[name]
			if !ok {
				return nil, fmt.Errorf("graphactions: the batch has no feature %q", name)
			}
			feed[featureNodes[i]] = t
		}
		for i, name := range labelNames {
			t, ok := b.Labels[name]
			if !ok {
				return nil, fmt.Errorf("graphactions: the batch has no label %q", name)
			}
			feed[labelNodes[i]] = t
		}
		if len(b.Features) == len(features) {
			return feed, nil
		}
		for _, name := range slices.Sorted(maps.Keys(b.Features)) {
			if features[name] == nil {
				return nil, fmt.Errorf("graphactions: the batch has a feature %q that the graph does not know, want %v", name, featureNames)
			}
		}
		return feed, nil
	}
}
