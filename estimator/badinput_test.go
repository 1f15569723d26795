package estimator_test

import (
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/saver"
)

// TestBadInput: the error names the argument and the value, and nothing is written.
func TestBadInput(t *testing.T) {
	t.Run("New", badOptions)
	t.Run("model function", badModelFunctions)
	t.Run("Fit", badFits)
	t.Run("features", badFeatures)
	t.Run("Evaluate and Predict", badEvaluations)
	t.Run("before training", beforeTraining)
	t.Run("model directory", badDirectories)
}

func badOptions(t *testing.T) {
	for name, c := range map[string]struct {
		want []string
		opts []estimator.Option
	}{
		"empty directory":       {[]string{"ModelDir", `""`}, []estimator.Option{estimator.ModelDir("")}},
		"blank directory":       {[]string{"ModelDir", `" \t"`}, []estimator.Option{estimator.ModelDir(" \t")}},
		"both schedules":        {[]string{"SaveCheckpointsSecs (3)", "SaveCheckpointsSteps (4)"}, []estimator.Option{estimator.SaveCheckpointsSecs(3), estimator.SaveCheckpointsSteps(4)}},
		"summary steps":         {[]string{"SaveSummarySteps", "-1"}, []estimator.Option{estimator.SaveSummarySteps(-1)}},
		"checkpoint secs":       {[]string{"SaveCheckpointsSecs", "-0.5"}, []estimator.Option{estimator.SaveCheckpointsSecs(-0.5)}},
		"checkpoint secs NaN":   {[]string{"SaveCheckpointsSecs", "NaN"}, []estimator.Option{estimator.SaveCheckpointsSecs(math.NaN())}},
		"checkpoint secs huge":  {[]string{"SaveCheckpointsSecs", "+Inf"}, []estimator.Option{estimator.SaveCheckpointsSecs(math.Inf(1))}},
		"checkpoint steps":      {[]string{"SaveCheckpointsSteps", "-7"}, []estimator.Option{estimator.SaveCheckpointsSteps(-7)}},
		"keep max":              {[]string{"KeepCheckpointMax", "-1"}, []estimator.Option{estimator.KeepCheckpointMax(-1)}},
		"keep hours":            {[]string{"KeepCheckpointEveryNHours", "0"}, []estimator.Option{estimator.KeepCheckpointEveryNHours(0)}},
		"keep hours NaN":        {[]string{"KeepCheckpointEveryNHours", "NaN"}, []estimator.Option{estimator.KeepCheckpointEveryNHours(math.NaN())}},
		"log steps":             {[]string{"LogStepCountSteps", "-2"}, []estimator.Option{estimator.LogStepCountSteps(-2)}},
		"no workers":            {[]string{"Workers", "0"}, []estimator.Option{estimator.Workers(0)}},
		"nil logger":            {[]string{"Logger", "nil"}, []estimator.Option{estimator.Logger(nil)}},
		"the last option wins":  {[]string{"Workers", "-3"}, []estimator.Option{estimator.Workers(2), nil, estimator.Workers(-3)}},
		"typed nil logger":      {[]string{"Logger"}, []estimator.Option{estimator.Logger((*slog.Logger)(nil))}},
		"secs off, steps given": {[]string{"SaveCheckpointsSecs (0)"}, []estimator.Option{estimator.SaveCheckpointsSecs(0), estimator.SaveCheckpointsSteps(4)}},
	} {
		t.Run(name, func(t *testing.T) {
			est, err := estimator.New(classifier, c.opts...)
			require.Nil(t, est)
			require.ErrorContains(t, err, "estimator: New: ")
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	_, err := estimator.New(nil)
	require.ErrorContains(t, err, "the model function is nil")
}

func badModelFunctions(t *testing.T) {
	// changed is the classifier with something wrong.
	changed := func(change func(g *graph.Graph, spec *estimator.Spec)) estimator.ModelFn {
		return func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			spec, err := classifier(g, features, labels, mode)
			change(g, spec)
			return spec, err
		}
	}
	foreign := graph.New().Placeholder("foreign", tensor.Float32)
	wrong := errors.New("no such layer")
	for name, c := range map[string]struct {
		want []string
		fn   estimator.ModelFn
	}{
		"nil spec": {[]string{"nil spec"}, func(*graph.Graph, graph.Nodes, graph.Nodes, estimator.Mode) (*estimator.Spec, error) { return nil, nil }},
		"error": {[]string{"no such layer"}, func(*graph.Graph, graph.Nodes, graph.Nodes, estimator.Mode) (*estimator.Spec, error) {
			return nil, wrong
		}},
		"panic": {[]string{"panicked", "index out of range [7]", "badinput_test.go"}, func(_ *graph.Graph, f, _ graph.Nodes, _ estimator.Mode) (*estimator.Spec, error) {
			return nil, []error{}[len(f)+6]
		}},
		"panic after a bad node": {[]string{"Dense", "-1", "panicked"}, func(g *graph.Graph, f, _ graph.Nodes, _ estimator.Mode) (*estimator.Spec, error) {
			nn.Dense(g, f.One(), -1)
			panic("no wonder")
		}},
		"bad layer": {[]string{"Dense", "0", "badinput_test.go"}, changed(func(g *graph.Graph, s *estimator.Spec) {
			s.Predictions["class"] = nn.Dense(g, s.Predictions["class"], 0)
		})},
		"no loss":           {[]string{"missing loss"}, changed(func(_ *graph.Graph, s *estimator.Spec) { s.Loss = nil })},
		"no train op":       {[]string{"missing train_op"}, changed(func(_ *graph.Graph, s *estimator.Spec) { s.TrainOp = nil })},
		"loss not a scalar": {[]string{"loss", "(8, 3)", "want a scalar"}, changed(func(_ *graph.Graph, s *estimator.Spec) { s.Loss = s.Predictions["probabilities"] })},
		"integer loss":      {[]string{"loss", "int64", "want float32"}, changed(func(g *graph.Graph, s *estimator.Spec) { s.Loss = g.GlobalStep() })},
		"foreign loss":      {[]string{"loss", `"foreign"`, "must be from the graph"}, changed(func(_ *graph.Graph, s *estimator.Spec) { s.Loss = foreign })},
		"foreign train op":  {[]string{"train_op", `"foreign"`}, changed(func(_ *graph.Graph, s *estimator.Spec) { s.TrainOp = foreign })},
		"foreign prediction": {[]string{`predictions["class"]`, `"foreign"`},
			changed(func(_ *graph.Graph, s *estimator.Spec) { s.Predictions["class"] = foreign })},
		"nil prediction":    {[]string{`predictions["class"]`, "nil"}, changed(func(_ *graph.Graph, s *estimator.Spec) { s.Predictions["class"] = nil })},
		"scalar prediction": {[]string{`predictions["class"]`, "scalar"}, changed(func(_ *graph.Graph, s *estimator.Spec) { s.Predictions["class"] = s.Loss })},
		"metric loss":       {[]string{"metrics", `"loss" is reserved`}, changed(func(_ *graph.Graph, s *estimator.Spec) { s.Metrics["loss"] = metrics.Mean(s.Loss) })},
		"metric global_step": {[]string{"metrics", `"global_step" is reserved`},
			changed(func(_ *graph.Graph, s *estimator.Spec) { s.Metrics["global_step"] = metrics.Mean(s.Loss) })},
		"nil metric":     {[]string{`metrics["m"]`, "nil"}, changed(func(_ *graph.Graph, s *estimator.Spec) { s.Metrics["m"] = nil })},
		"metric of nil":  {[]string{`metrics["m"]`, "nil"}, changed(func(_ *graph.Graph, s *estimator.Spec) { s.Metrics["m"] = metrics.Mean(nil) })},
		"foreign metric": {[]string{`metrics["m"]`, `"foreign"`}, changed(func(_ *graph.Graph, s *estimator.Spec) { s.Metrics["m"] = metrics.Mean(foreign) })},
		"a metric named like another's element": {[]string{`"m/0" is named like an element of "m"`}, changed(func(_ *graph.Graph, s *estimator.Spec) {
			s.Metrics["m"], s.Metrics["m/0"] = metrics.MeanTensor(s.Loss), metrics.Mean(s.Loss)
		})},
		"nil monitor": {[]string{"monitor 0 is nil"}, changed(func(_ *graph.Graph, s *estimator.Spec) { s.Monitors = []hooks.Monitor{nil} })},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			est := newEstimator(t, c.fn, estimator.ModelDir(dir))
			_, err := est.Fit(endless(), estimator.Steps(1))
			require.ErrorContains(t, err, "model function, mode train: ")
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.Empty(t, listing(t, dir))
		})
	}
	t.Run("the cause is there", func(t *testing.T) {
		est := newEstimator(t, func(*graph.Graph, graph.Nodes, graph.Nodes, estimator.Mode) (*estimator.Spec, error) {
			return nil, wrong
		})
		_, err := est.Fit(endless(), estimator.Steps(1))
		require.ErrorIs(t, err, wrong)
		est = newEstimator(t, func(*graph.Graph, graph.Nodes, graph.Nodes, estimator.Mode) (*estimator.Spec, error) { panic(wrong) })
		_, err = est.Fit(endless(), estimator.Steps(1))
		var p *estimator.PanicError
		require.ErrorAs(t, err, &p)
		require.Equal(t, wrong, p.Value)
		require.Contains(t, string(p.Stack), "badinput_test.go")
	})
	t.Run("other modes", func(t *testing.T) {
		bad := func(when estimator.Mode) estimator.ModelFn {
			return func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
				spec, err := classifier(g, features, labels, mode)
				if mode == when {
					spec.Loss, spec.Predictions = nil, nil
				}
				return spec, err
			}
		}
		est := newEstimator(t, bad(estimator.Eval), estimator.ModelDir(t.TempDir()))
		fit(t, est, endless(), estimator.Steps(1))
		_, err := est.Evaluate(flowers().Batch(2))
		require.ErrorContains(t, err, "mode eval: missing loss")
		est = newEstimator(t, bad(estimator.Infer), estimator.ModelDir(t.TempDir()))
		fit(t, est, endless(), estimator.Steps(1))
		_, err = est.PredictBatch(row(0))
		require.ErrorContains(t, err, "mode infer: missing predictions")
	})
	t.Run("a train op that does not count", func(t *testing.T) {
		fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			spec, err := counter(g, features, labels, mode)
			spec.TrainOp = ops.Neg(g, spec.Loss)
			return spec, err
		}
		_, err := newEstimator(t, fn, estimator.ModelDir(t.TempDir())).Fit(numbers(1).Batch(1))
		require.ErrorIs(t, err, graphactions.ErrStepNotIncreased)
	})
}

func badFits(t *testing.T) {
	good, one := endless(), estimator.Steps(1)
	wrong := errors.New("the disk is gone")
	n := 0
	for name, c := range map[string]struct {
		want  []string
		input *datasets.Dataset
		opts  []estimator.FitOption
	}{
		"both":             {[]string{"Steps (3)", "MaxSteps (5)"}, good, []estimator.FitOption{estimator.Steps(3), estimator.MaxSteps(5)}},
		"no steps":         {[]string{"Steps: 0", "must specify steps > 0"}, good, []estimator.FitOption{estimator.Steps(0)}},
		"negative steps":   {[]string{"Steps: -1", "must specify steps > 0"}, good, []estimator.FitOption{estimator.Steps(-1)}},
		"no max steps":     {[]string{"MaxSteps: 0", "must specify max_steps > 0"}, good, []estimator.FitOption{estimator.MaxSteps(0)}},
		"negative maximum": {[]string{"MaxSteps: -1", "must specify max_steps > 0"}, good, []estimator.FitOption{estimator.MaxSteps(-1)}},
		"nil input":        {[]string{"Fit", "input is nil"}, nil, []estimator.FitOption{one}},
		"broken input":     {[]string{"Fit: input", "Batch", "0"}, flowers().Batch(0), []estimator.FitOption{one}},
		"no such file":     {[]string{"Fit: input", "nowhere.csv"}, datasets.CSV("nowhere.csv", datasets.Schema{Columns: datasets.Features("a")}).Batch(1), []estimator.FitOption{one}},
		"no rows":          {[]string{"Fit: input", datasets.ErrEmpty.Error()}, datasets.FromTensors([][]float32{}, []int64{}).Batch(2), []estimator.FitOption{one}},
		"nothing is taken": {[]string{"Fit: input", datasets.ErrEmpty.Error()}, flowers().Batch(2).Take(0), []estimator.FitOption{one}},
		"nil monitor":      {[]string{"Monitors", "monitor 1 is nil"}, good, []estimator.FitOption{one, estimator.Monitors(hooks.Base{}, nil)}},
		"bad monitor":      {[]string{"Monitors", "monitor 0", "0"}, good, []estimator.FitOption{one, estimator.Monitors(hooks.NewCheckpointSaver(hooks.EverySteps(0)))}},
		"failing input":    {[]string{"the disk is gone"}, reading(0, wrong, &n), []estimator.FitOption{one}},
		"panicking input": {[]string{"boom"}, flowers().MapSpec(flowers().Spec(), func(datasets.Batch) (datasets.Batch, error) { panic("boom") }).Batch(2),
			[]estimator.FitOption{one}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fn := estimator.ModelFn(classifier)
			if name == "failing input" {
				fn = counter // there are no labels
			}
			est := newEstimator(t, fn, estimator.ModelDir(dir))
			_, err := est.Fit(c.input, c.opts...)
			require.Error(t, err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.Empty(t, listing(t, dir))
			// Without a directory none is left behind either.
			t.Setenv("TMPDIR", t.TempDir())
			est = newEstimator(t, fn)
			_, err = est.Fit(c.input, c.opts...)
			require.Error(t, err)
			require.Empty(t, listing(t, os.TempDir()))
			require.Empty(t, est.ModelDir())
		})
	}
}

func badFeatures(t *testing.T) {
	table := func(features, labels map[string]any) *datasets.Dataset {
		return datasets.FromTensors(features, labels).Batch(2)
	}
	f32, f64, wide := [][]float32{{1, 2}, {3, 4}}, [][]float64{{1, 2}, {3, 4}}, [][]float32{{1, 2, 3}, {4, 5, 6}}
	class := []int64{0, 1}
	fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		logits := ops.Add(g, nn.Dense(g, features["a"], 3), nn.Dense(g, features["b"], 3))
		return classes(g, logits, labels, mode)
	}
	dir := t.TempDir()
	est := newEstimator(t, fn, estimator.ModelDir(dir))
	y := map[string]any{"y": class}
	fit(t, est, table(map[string]any{"a": f32, "b": f32}, y))
	before := listing(t, dir)
	for name, c := range map[string]struct {
		want       []string
		input      *datasets.Dataset
		onlyLabels bool
	}{
		"missing": {[]string{`feature "b" (float32 (2)) is missing`}, table(map[string]any{"a": f32}, y), false},
		"new":     {[]string{`feature "c" (float32 (2)) is new`}, table(map[string]any{"a": f32, "b": f32, "c": f32}, y), false},
		"dtype":   {[]string{`feature "b" was float32 (2) a row and is float64 (2)`}, table(map[string]any{"a": f32, "b": f64}, y), false},
		"width":   {[]string{`feature "a" was float32 (2) a row and is float32 (3)`}, table(map[string]any{"a": wide, "b": f32}, y), false},
		"everything": {[]string{`feature "a" was`, `feature "b" (float32 (2)) is missing`, `feature "c" (int64 ()) is new`},
			table(map[string]any{"a": wide, "c": class}, y), false},
		"label dtype":   {[]string{`label "y" was int64 () a row and is float32 ()`}, table(map[string]any{"a": f32, "b": f32}, map[string]any{"y": []float32{0, 1}}), true},
		"label missing": {[]string{`label "y" (int64 ()) is missing`}, datasets.FromTensors(map[string]any{"a": f32, "b": f32}, nil).Batch(2), true},
	} {
		for process, est := range map[string]*estimator.Estimator{"same process": est, "another": newEstimator(t, fn, estimator.ModelDir(dir))} {
			t.Run(name+", "+process, func(t *testing.T) {
				check := func(err error) {
					t.Helper()
					require.ErrorIs(t, err, estimator.ErrIncompatible)
					for _, want := range c.want {
						require.ErrorContains(t, err, want)
					}
				}
				_, err := est.Fit(c.input, estimator.Steps(1))
				check(err)
				_, err = est.Evaluate(c.input)
				check(err)
				_, err = est.Evaluate(c.input, estimator.CheckpointPath(est.LatestCheckpoint()))
				check(err)
				_, err = est.PredictAll(c.input)
				if c.onlyLabels {
					require.NoError(t, err)
				} else {
					check(err)
				}
				require.Equal(t, before, listing(t, dir))
			})
		}
	}
	for name, c := range map[string]struct {
		want     string
		features map[string]*tensor.Dense
	}{
		"nil map":       {"no rows", nil},
		"nil tensor":    {`feature "a" is nil`, map[string]*tensor.Dense{"a": nil}},
		"scalar":        {`feature "a" is a scalar`, map[string]*tensor.Dense{"a": tensor.New(tensor.FromScalar(float32(1)))}},
		"rows disagree": {`feature "b" has 3 rows, others have 1`, map[string]*tensor.Dense{"a": tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(1, 2)), "b": tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(3, 2))}},
		"missing":       {`feature "b" (float32 (2)) is missing`, map[string]*tensor.Dense{"a": tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(1, 2))}},
		"one dimension": {`feature "a" was float32 (2) a row and is float32 ()`, map[string]*tensor.Dense{"a": tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(2))}},
	} {
		t.Run("PredictBatch, "+name, func(t *testing.T) {
			_, err := est.PredictBatch(c.features)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func badEvaluations(t *testing.T) {
	est := fitted(t)
	dir := est.ModelDir()
	before := listing(t, dir)
	calls := 0
	failing := func() *datasets.Dataset {
		return flowers().MapSpec(flowers().Spec(), func(b datasets.Batch) (datasets.Batch, error) {
			return b, errors.New("the disk is gone")
		}).Batch(2)
	}
	for name, c := range map[string]struct {
		want  string
		input *datasets.Dataset
		opts  []estimator.EvaluateOption
	}{
		"no steps":       {"Steps: 0, must specify steps > 0", flowers().Batch(2), []estimator.EvaluateOption{estimator.Steps(0)}},
		"negative steps": {"Steps: -1, must specify steps > 0", flowers().Batch(2), []estimator.EvaluateOption{estimator.Steps(-1)}},
		"nil input":      {"Evaluate: the input is nil", nil, nil},
		"broken input":   {"Evaluate: input", flowers().Batch(-3), nil},
		"no rows":        {"Evaluate: input: " + datasets.ErrEmpty.Error(), flowers().Batch(2).Take(0), nil},
		"failing input":  {"the disk is gone", failing(), nil},
		"no checkpoint":  {"CheckpointPath: ", flowers().Batch(2), []estimator.EvaluateOption{estimator.CheckpointPath(filepath.Join(dir, "model.ckpt-77.safetensors"))}},
		"not a file":     {"CheckpointPath: ", flowers().Batch(2), []estimator.EvaluateOption{estimator.CheckpointPath(dir)}},
		"name":           {`Name: "../../x"`, flowers().Batch(2), []estimator.EvaluateOption{estimator.Name("../../x")}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := est.Evaluate(c.input, c.opts...)
			require.ErrorContains(t, err, c.want)
			if name == "no checkpoint" {
				require.ErrorContains(t, err, "model.ckpt-77.safetensors")
			}
			require.Equal(t, before, listing(t, dir))
		})
	}
	t.Run("endless", func(t *testing.T) {
		_, err := est.Evaluate(endless())
		require.ErrorIs(t, err, estimator.ErrEndless)
		require.ErrorContains(t, err, "Evaluate")
		for r, err := range est.Predict(endless()) {
			require.Nil(t, r)
			require.ErrorIs(t, err, estimator.ErrEndless)
			require.ErrorContains(t, err, "Predict")
		}
		_, err = est.PredictAll(endless())
		require.ErrorIs(t, err, estimator.ErrEndless)
		require.Zero(t, est.Stats(estimator.Eval).Runs+est.Stats(estimator.Infer).Runs, "before any work")
		_, err = est.PredictAll(endless().Take(2))
		require.NoError(t, err)
	})
	t.Run("Predict", func(t *testing.T) {
		_, err := est.PredictAll(nil)
		require.ErrorContains(t, err, "Predict: the input is nil")
		none, err := est.PredictAll(flowers().Batch(2).Take(0))
		require.NoError(t, err)
		require.Empty(t, none)
		_, err = est.PredictAll(flowers().Batch(0))
		require.ErrorContains(t, err, "Predict: input")
		_, err = est.PredictAll(reading(0, errors.New("the disk is gone"), &calls))
		require.ErrorContains(t, err, "Predict: datasets: Func: call 1: the disk is gone")
	})
	t.Run("a checkpoint that is damaged", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "model.ckpt-5.safetensors")
		data, err := os.ReadFile(est.LatestCheckpoint())
		require.NoError(t, err)
		data[len(data)-3] ^= 4
		require.NoError(t, os.WriteFile(path, data, 0o600))
		_, err = est.Evaluate(flowers().Batch(2), estimator.CheckpointPath(path))
		require.ErrorIs(t, err, saver.ErrCorrupt)
		require.ErrorContains(t, err, path)
	})
	t.Run("rows are missing in a checkpoint", func(t *testing.T) {
		other := newEstimator(t, func(g *graph.Graph, f, l graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			return classes(g, nn.Dense(g, f.One(), 3), l, mode)
		}, estimator.ModelDir(t.TempDir()))
		fit(t, other, endless(), estimator.MaxSteps(1))
		_, err := est.Evaluate(flowers().Batch(2), estimator.CheckpointPath(other.LatestCheckpoint()))
		require.ErrorIs(t, err, saver.ErrMismatch)
		for _, want := range []string{"dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"} {
			require.ErrorContains(t, err, want)
		}
	})
}

func beforeTraining(t *testing.T) {
	parent := t.TempDir()
	for name, opts := range map[string][]estimator.Option{
		"no directory":       nil,
		"empty directory":    {estimator.ModelDir(parent)},
		"directory to be":    {estimator.ModelDir(filepath.Join(parent, "new"))},
		"directories to be":  {estimator.ModelDir(filepath.Join(parent, "a", "b"))},
		"handles signals":    {estimator.ModelDir(parent), estimator.HandleSignals()},
		"with its own seeds": {estimator.ModelDir(parent), estimator.Seed(3)},
	} {
		t.Run(name, func(t *testing.T) {
			est := newEstimator(t, classifier, opts...)
			_, err := est.Evaluate(flowers().Batch(2))
			require.ErrorIs(t, err, estimator.ErrNotFitted)
			for r, err := range est.Predict(flowers().Batch(2)) {
				require.Nil(t, r)
				require.ErrorIs(t, err, estimator.ErrNotFitted)
			}
			_, err = est.PredictBatch(row(0))
			require.ErrorIs(t, err, estimator.ErrNotFitted)
			_, err = est.Predictor()
			require.ErrorIs(t, err, estimator.ErrNotFitted)
			_, err = est.GlobalStep()
			require.ErrorIs(t, err, estimator.ErrNotFitted)
			_, err = est.VariableNames()
			require.ErrorIs(t, err, estimator.ErrNotFitted)
			_, err = est.VariableValue("dense/kernel")
			require.ErrorIs(t, err, estimator.ErrNotFitted)
			require.ErrorContains(t, err, est.ModelDir())
			require.Empty(t, est.LatestCheckpoint())
			require.Empty(t, listing(t, parent))
		})
	}
}

func badDirectories(t *testing.T) {
	t.Run("a file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, []byte("text"), 0o600))
		for _, dir := range []string{path, filepath.Join(path, "below")} {
			est := newEstimator(t, classifier, estimator.ModelDir(dir))
			_, err := est.Fit(endless(), estimator.Steps(1))
			require.ErrorContains(t, err, dir)
			_, err = est.Evaluate(flowers().Batch(2))
			require.Error(t, err)
			_, err = est.PredictBatch(row(0))
			require.Error(t, err)
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "text", string(text))
	})
	t.Run("no permission", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("root may write everywhere")
		}
		dir := t.TempDir()
		require.NoError(t, os.Chmod(dir, 0o500))
		_, err := newEstimator(t, classifier, estimator.ModelDir(dir)).Fit(endless(), estimator.Steps(1))
		require.ErrorContains(t, err, dir)
		require.Empty(t, listing(t, dir))
	})
	t.Run("locked by another", func(t *testing.T) {
		est := fitted(t)
		lock, err := saver.Lock(est.ModelDir())
		require.NoError(t, err)
		defer lock.Close()
		_, err = est.Fit(endless(), estimator.Steps(1))
		require.ErrorIs(t, err, saver.ErrLocked)
		_, err = est.PredictBatch(row(0))
		require.NoError(t, err)
	})
	t.Run("nothing but damaged checkpoints", func(t *testing.T) {
		dir := fitted(t).ModelDir()
		paths, err := saver.AllPaths(dir)
		require.NoError(t, err)
		for _, path := range paths {
			require.NoError(t, os.Truncate(path, 50))
		}
		before := listing(t, dir)
		est := in(t, dir)
		_, err = est.Fit(endless(), estimator.Steps(1))
		require.ErrorIs(t, err, saver.ErrCorrupt)
		_, err = est.Evaluate(flowers().Batch(2))
		require.ErrorIs(t, err, saver.ErrCorrupt)
		require.NotErrorIs(t, err, estimator.ErrNotFitted)
		require.Equal(t, before, listing(t, dir))
	})
	t.Run("another model", func(t *testing.T) {
		dir := fitted(t).ModelDir()
		before := listing(t, dir)
		est := newEstimator(t, func(g *graph.Graph, f, l graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			return classes(g, nn.Dense(g, f.One(), 3), l, mode)
		}, estimator.ModelDir(dir))
		_, err := est.Evaluate(flowers().Batch(2))
		require.ErrorIs(t, err, saver.ErrMismatch)
		require.ErrorContains(t, err, "dense/kernel")
		require.ErrorContains(t, err, "dense/bias")
		_, err = est.Fit(endless(), estimator.Steps(1))
		require.ErrorIs(t, err, saver.ErrMismatch)
		for _, want := range []string{dir, "dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias/Adam"} {
			require.ErrorContains(t, err, want)
		}
		require.Equal(t, before, listing(t, dir))
	})
}
