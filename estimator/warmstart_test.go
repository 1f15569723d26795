package estimator_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/saver"
)

// variable is one of a model that the tests below make.
type variable struct {
	name      string
	shape     tensor.Shape
	value     graph.Initializer
	trainable bool
	dtype     tensor.Dtype
}

// float is a trainable vector of two equal numbers.
func float(name string, x float64) variable {
	return variable{name, tensor.Shape{2}, nn.Constant(x), true, tensor.Float32}
}

// holding is a model that has variables, which a step does not change.
func holding(variables ...variable) estimator.ModelFn {
	return func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		for _, v := range variables {
			var options []graph.VariableOption
			if !v.trainable {
				options = append(options, graph.NotTrainable())
			}
			g.Variable(v.name, v.dtype, v.shape, v.value, options...)
		}
		g.LocalVariable("local", tensor.Float32, nil, nil)
		return counter(g, features, labels, mode)
	}
}

// source is the model directory of a model with these variables, at step 10.
func source(t *testing.T, variables ...variable) string {
	t.Helper()
	dir := t.TempDir()
	fit(t, newEstimator(t, holding(variables...), estimator.ModelDir(dir)), ones(), estimator.Steps(10))
	return dir
}

// firstOf returns the first element of each variable.
func firstOf(t *testing.T, est *estimator.Estimator, names ...string) (all []float32) {
	t.Helper()
	for _, name := range names {
		v, err := est.VariableValue(name)
		require.NoError(t, err)
		all = append(all, v.Float32s()[0])
	}
	return all
}

func slot(name string, x float64) variable {
	v := float(name, x)
	v.trainable = false
	return v
}

func TestWarmStart(t *testing.T) {
	from := source(t, float("a", 1), float("dnn/b", 2), slot("dnn/b/Adam", 3), float("b", 4))
	for name, c := range map[string]struct {
		opts   []estimator.WarmStartOption
		want   []float32 // a, dnn/b, dnn/b/Adam
		others []string
	}{
		"trainable ones by default": {nil, []float32{1, 2, 9}, []string{"global_step", "dnn/b/Adam"}},
		"by a pattern":              {[]estimator.WarmStartOption{estimator.TrainableVars("dnn/.*")}, []float32{9, 2, 9}, []string{"global_step", "a", "dnn/b/Adam"}},
		"from the beginning":        {[]estimator.WarmStartOption{estimator.TrainableVars("d|a")}, []float32{1, 2, 9}, []string{"global_step", "dnn/b/Adam"}},
		"the whole name":            {[]estimator.WarmStartOption{estimator.TrainableVars("a$")}, []float32{1, 9, 9}, []string{"global_step", "dnn/b", "dnn/b/Adam"}},
		"all":                       {[]estimator.WarmStartOption{estimator.AllVars(".*")}, []float32{1, 2, 3}, []string{"global_step"}},
		"slots too":                 {[]estimator.WarmStartOption{estimator.AllVars("dnn")}, []float32{9, 2, 3}, []string{"global_step", "a"}},
		"several patterns":          {[]estimator.WarmStartOption{estimator.AllVars("a", ".*/Adam")}, []float32{1, 9, 3}, []string{"global_step", "dnn/b"}},
		"renamed": {[]estimator.WarmStartOption{estimator.VarNameToPrevVarName(map[string]string{"a": "b"})},
			[]float32{4, 2, 9}, []string{"global_step", "dnn/b/Adam"}},
		"two of one": {[]estimator.WarmStartOption{estimator.AllVars(".*"), estimator.VarNameToPrevVarName(map[string]string{"a": "b", "dnn/b/Adam": "b"})},
			[]float32{4, 2, 4}, []string{"global_step"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fn := holding(float("a", 9), float("dnn/b", 9), slot("dnn/b/Adam", 9))
			est := newEstimator(t, fn, estimator.ModelDir(dir), estimator.WarmStartFrom(from, c.opts...))
			require.Nil(t, est.WarmStarted())
			res := fit(t, est, ones(), estimator.Steps(5))
			require.Zero(t, res.FirstStep, "the global step is not taken over")
			require.Equal(t, c.want, firstOf(t, est, "a", "dnn/b", "dnn/b/Adam"))
			require.Equal(t, c.others, est.WarmStarted().Others)
			require.Equal(t, filepath.Join(from, "model.ckpt-10.safetensors"), est.WarmStarted().Checkpoint)
			require.Len(t, est.WarmStarted().Variables, 4-len(c.others))
		})
	}
}

func TestWarmStartIsOnlyForTheFirstFit(t *testing.T) {
	from, dir := source(t, float("a", 1)), t.TempDir()
	var log bytes.Buffer
	logger := estimator.Logger(slog.New(slog.NewTextHandler(&log, nil)))
	fit(t, newEstimator(t, holding(float("a", 9)), estimator.ModelDir(dir)), ones(), estimator.Steps(1))
	est := newEstimator(t, holding(float("a", 9)), estimator.ModelDir(dir), estimator.WarmStartFrom(filepath.Join(from, "gone")), logger)
	fit(t, est, ones(), estimator.Steps(1))
	require.Equal(t, []float32{9}, firstOf(t, est, "a"))
	require.Nil(t, est.WarmStarted())
	require.NotContains(t, log.String(), "warm start")
	// The directory was emptied: this is the first fit again.
	require.NoError(t, os.RemoveAll(from))
	from = source(t, float("a", 1))
	est = newEstimator(t, holding(float("a", 9)), estimator.ModelDir(dir), estimator.WarmStartFrom(from), logger)
	fit(t, est, ones(), estimator.Steps(1))
	require.NoError(t, os.RemoveAll(dir))
	require.Zero(t, fit(t, est, ones(), estimator.Steps(1)).FirstStep)
	require.Equal(t, []float32{1}, firstOf(t, est, "a"))
	require.Regexp(t, `level=INFO msg="warm start: 1 variables from .*model.ckpt-10.safetensors, 1 with initial values\\n  a" mode=train`, log.String())
}

// A checkpoint's file without a state file beside it will do, and of a directory the
// newest good one, said aloud.
func TestWarmStartSources(t *testing.T) {
	from := source(t, float("a", 1))
	file := filepath.Join(t.TempDir(), "weights.safetensors")
	data, err := os.ReadFile(filepath.Join(from, "model.ckpt-10.safetensors"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, data, 0o666))
	est := newEstimator(t, holding(float("a", 9)), estimator.ModelDir(t.TempDir()), estimator.WarmStartFrom(file))
	fit(t, est, ones(), estimator.Steps(1))
	require.Equal(t, []float32{1}, firstOf(t, est, "a"))

	require.NoError(t, os.Truncate(filepath.Join(from, "model.ckpt-10.safetensors"), 200))
	var log bytes.Buffer
	est = newEstimator(t, holding(float("a", 9)), estimator.ModelDir(t.TempDir()), estimator.WarmStartFrom(from), estimator.Logger(slog.New(slog.NewTextHandler(&log, nil))))
	fit(t, est, ones(), estimator.Steps(1))
	require.Equal(t, filepath.Join(from, "model.ckpt-0.safetensors"), est.WarmStarted().Checkpoint)
	require.Regexp(t, `level=ERROR msg="a checkpoint cannot be used: starting from an older one" path=.*model.ckpt-10`, log.String())
}

// Every difference is reported, before anything is written.
func TestWarmStartErrors(t *testing.T) {
	double := float("d", 1)
	double.dtype = tensor.Float64
	from := source(t, float("kernel", 1), float("w", 2), double)
	wide := float("w", 9)
	wide.shape = tensor.Shape{3}
	for name, c := range map[string]struct {
		from      string
		opts      []estimator.WarmStartOption
		variables []variable
		want      []string
	}{
		"missing, mismatched, of another dtype": {from, nil, []variable{float("kernels", 9), wide, float("d", 9)}, []string{
			`variable "kernels" float32 (2) is not in the checkpoint (it has "kernel": was it renamed?)`,
			`variable "w" is float32 (2) in the checkpoint, expected float32 (3)`,
			`variable "d" is float64 (2) in the checkpoint, expected float32 (2)`,
			"mode train", from, "model.ckpt-10.safetensors",
		}},
		"renamed to nothing": {from, []estimator.WarmStartOption{estimator.VarNameToPrevVarName(map[string]string{"w": "v"})}, []variable{float("w", 9)},
			[]string{`variable "w": its previous name "v" is not found in the checkpoint`}},
		"names that are not used": {from, []estimator.WarmStartOption{estimator.TrainableVars("w"), estimator.VarNameToPrevVarName(map[string]string{"kernel": "w", "typo": "w"}),
			estimator.VarNameToVocabInfo(map[string]estimator.VocabInfo{"other": {}})}, []variable{float("w", 9), float("kernel", 9)},
			[]string{`VarNameToPrevVarName has names that were not used: ["kernel" "typo"]; the variables are ["w" "kernel"]`, `VarNameToVocabInfo has names that were not used: ["other"]`}},
		"a pattern for nothing": {from, []estimator.WarmStartOption{estimator.AllVars("w", "ernel")}, []variable{float("w", 9), float("kernel", 9)},
			[]string{`the pattern "ernel" matches none of the variables ["w" "kernel"]`}},
		"nothing trainable": {from, nil, []variable{slot("w", 9)}, []string{`the pattern ".*" matches none of the variables []`}},
		"the global step":   {from, []estimator.WarmStartOption{estimator.AllVars("global_step")}, []variable{float("w", 9)}, []string{`the pattern "global_step" matches none`}},
		"vocabulary of another size": {from, []estimator.WarmStartOption{estimator.VarNameToVocabInfo(map[string]estimator.VocabInfo{
			"w": {NewVocab: []string{"a"}, OldVocab: []string{"a", "b"}}})}, []variable{float("w", 9)},
			[]string{`variable "w": `, `has 2 entries in axis 0, the new vocabulary 1 and 0`}},
		"no such directory": {"no/such/directory", nil, []variable{float("w", 9)}, []string{"WarmStartFrom: ", "no/such/directory"}},
		"no checkpoint":     {os.TempDir(), nil, []variable{float("w", 9)}, []string{"WarmStartFrom: ", "no checkpoint"}},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "no checkpoint" {
				c.from = t.TempDir()
			}
			dir := t.TempDir()
			est := newEstimator(t, holding(c.variables...), estimator.ModelDir(dir), estimator.WarmStartFrom(c.from, c.opts...))
			_, err := est.Fit(ones(), estimator.Steps(1))
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.Empty(t, listing(t, dir))
			_, err = est.PredictAll(numbers(1))
			require.Error(t, err)
		})
	}
	_, err := estimator.New(counter, estimator.WarmStartFrom(" ", estimator.AllVars("(", "[")))
	for _, want := range []string{`WarmStartFrom: " ", want a checkpoint's file or a directory`, `the pattern "("`, `the pattern "["`} {
		require.ErrorContains(t, err, want)
	}
	require.NoError(t, os.WriteFile(filepath.Join(from, "model.ckpt-10.safetensors"), []byte("torn"), 0o666))
	est := newEstimator(t, holding(float("w", 9)), estimator.ModelDir(t.TempDir()), estimator.WarmStartFrom(filepath.Join(from, "model.ckpt-10.safetensors")))
	_, err = est.Fit(ones(), estimator.Steps(1))
	require.ErrorIs(t, err, saver.ErrCorrupt)
}

// table is a matrix whose element i, j is 10*i + j.
func table(name string, rows, columns int) variable {
	fill := graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
		for i := range v.Float32s() {
			v.Float32s()[i] = float32(10*(i/columns) + i%columns)
		}
		return nil
	})
	return variable{name, tensor.Shape{rows, columns}, fill, true, tensor.Float32}
}

func TestWarmStartOfVocabularies(t *testing.T) {
	from := source(t, table("emb", 4, 2), table("out", 2, 4), slot("emb/Adagrad", 5), float("b", 1))
	fruits := []string{"apple", "banana", "guava", "orange"}
	rows := estimator.VocabInfo{NewVocab: []string{"orange", "kiwi", "apple"}, OldVocab: fruits, NumOOVBuckets: 1}
	columns := estimator.VocabInfo{NewVocab: []string{"guava", "kiwi"}, OldVocab: fruits, Axis: 1, BackupInitializer: nn.Constant(-1)}
	emb := variable{"emb", tensor.Shape{4, 2}, nn.Constant(9), true, tensor.Float32}
	wide := variable{"wide", tensor.Shape{2, 2}, nn.Constant(9), true, tensor.Float32}
	est := newEstimator(t, holding(emb, wide, float("b", 9)), estimator.ModelDir(t.TempDir()),
		estimator.WarmStartFrom(from, estimator.VarNameToVocabInfo(map[string]estimator.VocabInfo{"emb": rows, "wide": columns}),
			estimator.VarNameToPrevVarName(map[string]string{"wide": "out"})))
	fit(t, est, ones(), estimator.Steps(1))
	for name, want := range map[string][]float32{"emb": {30, 31, 0, 0, 0, 1, 0, 0}, "wide": {2, -1, 12, -1}, "b": {1, 1}} {
		v, err := est.VariableValue(name)
		require.NoError(t, err)
		require.Equal(t, want, v.Float32s(), name)
	}
	require.Equal(t, []estimator.WarmVariable{{"emb", "emb", 3, 2}, {"wide", "out", 2, 1}, {"b", "b", 0, 0}}, est.WarmStarted().Variables)
	require.Equal(t, "3 variables from "+filepath.Join(from, "model.ckpt-10.safetensors")+", 1 with initial values\n"+
		"  emb, 2 of 3 entries of the vocabulary\n  wide, which was out, 1 of 2 entries of the vocabulary\n  b", est.WarmStarted().String())

	// Without patterns only those with a vocabulary, trainable or not, are started.
	adagrad := variable{"emb/Adagrad", tensor.Shape{2}, nn.Constant(9), false, tensor.Float32}
	est = newEstimator(t, holding(adagrad, float("b", 9)), estimator.ModelDir(t.TempDir()), estimator.WarmStartFrom(from, estimator.AllVars(),
		estimator.VarNameToVocabInfo(map[string]estimator.VocabInfo{"emb/Adagrad": {NewVocab: []string{"x", "a"}, OldVocab: []string{"a", "b"}}})))
	fit(t, est, ones(), estimator.Steps(1))
	v, err := est.VariableValue("emb/Adagrad")
	require.NoError(t, err)
	require.Equal(t, []float32{0, 5}, v.Float32s())
	require.Equal(t, []float32{9}, firstOf(t, est, "b"))

	broken := errors.New("broken")
	columns.BackupInitializer = graph.InitializerFunc(func(*tensor.Dense, graph.Random) error { return broken })
	est = newEstimator(t, holding(wide), estimator.ModelDir(t.TempDir()), estimator.WarmStartFrom(from,
		estimator.VarNameToVocabInfo(map[string]estimator.VocabInfo{"wide": columns}), estimator.VarNameToPrevVarName(map[string]string{"wide": "out"})))
	_, err = est.Fit(ones(), estimator.Steps(1))
	require.ErrorIs(t, err, broken)
}

// A warm-started model evaluates, predicts and trains from the other's weights; after the
// first fit the source is not needed.
func TestWarmStartTrains(t *testing.T) {
	params := estimator.Params(map[string]any{"hidden_units": []int{5}})
	in := func(t testing.TB, dir string, opts ...estimator.Option) *estimator.Estimator {
		return newEstimator(t, deep, append(opts, params, estimator.ModelDir(dir))...)
	}
	from, dir := t.TempDir(), t.TempDir()
	fit(t, in(t, from), endless(), estimator.Steps(20))
	trained, err := in(t, from).Evaluate(flowers().Batch(batch))
	require.NoError(t, err)
	est := in(t, dir, estimator.WarmStartFrom(from))
	before, err := est.Evaluate(flowers().Batch(batch))
	require.NoError(t, err)
	require.Equal(t, trained["loss"], before["loss"])
	require.Zero(t, before["global_step"])
	predictor, err := est.Predictor()
	require.NoError(t, err)
	warm, err := predictor.PredictBatch(ctx, row(1))
	require.NoError(t, err)
	want, err := in(t, from).PredictBatch(row(1))
	require.NoError(t, err)
	require.Equal(t, want["probabilities"].Data(), warm["probabilities"].Data())
	_, err = est.GlobalStep()
	require.ErrorIs(t, err, estimator.ErrNotFitted, "there is still no checkpoint")

	var losses []float64
	note := hooks.Funcs{OnStepEnd: func(_ int64, out hooks.Outputs) (bool, error) {
		losses = append(losses, out.Loss)
		return false, nil
	}}
	fit(t, est, flowers().Batch(rows), estimator.Monitors(note))
	require.InDelta(t, trained["loss"], losses[0], 1e-5, "the loss before the first update")
	after, err := est.Evaluate(flowers().Batch(batch))
	require.NoError(t, err)
	require.Less(t, after["loss"], before["loss"])
	require.NoError(t, os.Rename(dir, dir+".away"))
	again, err := est.Evaluate(flowers().Batch(batch))
	require.NoError(t, err)
	require.Equal(t, before, again, "without its checkpoints it is warm-started anew")
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.Rename(dir+".away", dir))
	require.NoError(t, os.RemoveAll(from))
	again, err = est.Evaluate(flowers().Batch(batch))
	require.NoError(t, err)
	require.Equal(t, after, again)
	fit(t, in(t, dir, estimator.WarmStartFrom(from)), endless(), estimator.Steps(1))
}

// Without a model directory an evaluation makes a temporary one, for its summaries.
func TestWarmStartWithoutADirectory(t *testing.T) {
	from := source(t, float("a", 1))
	est := newEstimator(t, holding(float("a", 9)), estimator.WarmStartFrom(from))
	ev, err := est.Evaluate(ones(), estimator.Steps(1))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(est.ModelDir())) })
	require.Equal(t, estimator.Metrics{"loss": 2, "global_step": 0}, ev)
	require.True(t, strings.HasPrefix(est.EvalDir(""), est.ModelDir()))
	require.DirExists(t, est.EvalDir(""))
}

// scalarX is the model of TensorFlow's tests: it predicts x + 1, which is its loss too.
func scalarX(initial float64) estimator.ModelFn {
	return func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		x := g.Variable("x", tensor.Float32, nil, nn.Constant(initial))
		spec, err := counter(g, features, labels, mode)
		spec.Loss = ops.Add(g, x, g.NamedConstant("plus", float32(1)))
		spec.Predictions = graph.Nodes{"y": ops.Add(g, ops.Mul(g, features.One(), g.NamedConstant("times", float32(0))), x)}
		return spec, err
	}
}
