package estimator_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/internal/atomicfile"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/saver"
)

// The checks of TestChecklist that stop runs, kill them, or change what they find.

// wide is a model whose checkpoints have some megabytes, so that a save takes a while.
func wide(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	return classes(g, nn.Dense(g, nn.Dense(g, features.One(), 60_000), 3), labels, mode)
}

// writing returns the temporary files of checkpoints in a directory.
func writing(t *testing.T, dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if target, ok := atomicfile.TempTarget(e.Name()); ok && strings.HasPrefix(target, "model.ckpt-") {
			names = append(names, e.Name())
		}
	}
	return names
}

// A child saves after every step. It is killed as soon as there is a file that a save
// writes to, until that file stays: then the kill came before its rename.
func checkKillDuringSave(t *testing.T) {
	for range 100 {
		dir := t.TempDir()
		cmd, _ := startChild(t, "save", dir)
		require.Eventually(t, func() bool { return len(writing(t, dir)) > 0 }, time.Minute, 100*time.Microsecond)
		require.NoError(t, cmd.Process.Kill())
		var exit *exec.ExitError
		require.ErrorAs(t, cmd.Wait(), &exit)
		require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal())

		ckpt, path, skipped, err := saver.LoadLatest(dir)
		require.NoError(t, err)
		require.Empty(t, skipped, "a checkpoint that has its name is complete")
		require.GreaterOrEqual(t, ckpt.Step, int64(2))
		if len(writing(t, dir)) == 0 {
			continue // it was renamed in time
		}
		est := newEstimator(t, wide, estimator.ModelDir(dir))
		step, err := est.GlobalStep()
		require.NoError(t, err)
		require.Equal(t, ckpt.Step, step)
		require.Equal(t, filepath.Base(path), fmt.Sprintf("model.ckpt-%d.safetensors", step))
		require.EqualValues(t, step, fit(t, est, endless(), estimator.Steps(1)).FirstStep)
		require.Empty(t, writing(t, dir), "what the kill left is cleared away")
		return
	}
	t.Fatal("none of 100 kills came in the middle of a save")
}

// An epoch has four batches, so step 6 is in the middle of the second.
func checkResumeMidEpoch(t *testing.T) {
	whole, dir := t.TempDir(), t.TempDir()
	fit(t, in(t, whole), endless(), estimator.MaxSteps(11))
	fit(t, in(t, dir), endless(), estimator.MaxSteps(6))
	middle := bits(t, dir)
	require.NotEqual(t, bits(t, whole)["dense/kernel"], middle["dense/kernel"])
	fit(t, in(t, dir), endless(), estimator.MaxSteps(11))
	require.Equal(t, bits(t, whole), bits(t, dir))
}

// A run without early stopping leaves evaluations that get worse from step 15 on, in its
// event files. Early stopping that comes with the next run looks at its own: worse for 10
// steps at 55. One that was there from the start has seen 10 steps at step 20, however
// often the run was restarted before, and not earlier.
func checkEarlyStoppingAfterRestart(t *testing.T) {
	stopped := func(dir string, maxSteps int64, with bool) int64 {
		monitors := []hooks.Monitor{hooks.NewValidation("test", hooks.EverySteps(5))}
		if with {
			monitors = append(monitors, hooks.NewEarlyStopping("loss", hooks.PatienceSteps(10)))
		}
		res := fit(t, newEstimator(t, bowl, estimator.ModelDir(dir)), numbers(0).Batch(1).Repeat(-1), estimator.MaxSteps(maxSteps),
			estimator.Validate("test", numbers(12).Batch(1)), estimator.Monitors(monitors...))
		return res.LastStep
	}
	dir := t.TempDir()
	require.EqualValues(t, 40, stopped(dir, 40, false))
	require.EqualValues(t, 55, stopped(dir, 100, true))
	restarted := t.TempDir()
	for _, maxSteps := range []int64{11, 16, 17, 19} {
		require.Equal(t, maxSteps, stopped(restarted, maxSteps, true))
	}
	require.EqualValues(t, 20, stopped(restarted, 100, true))
}

// The logarithm of a negative feature is the first node that is not a number, at step 7.
func checkNaN(t *testing.T) {
	fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		logarithm := ops.Log(g, features.One())
		return classes(g, nn.Dense(g, logarithm, 3), labels, mode)
	}
	input := func(bad bool) *datasets.Dataset {
		n := 0
		return flowers().Batch(batch).Repeat(-1).MapSpec(flowers().Spec(), func(b datasets.Batch) (datasets.Batch, error) {
			n++
			for i := range b.Features[datasets.DefaultFeature].Float32s() {
				b.Features[datasets.DefaultFeature].Float32s()[i] = 1 + float32(i)
			}
			if bad && n == 7 {
				b.Features[datasets.DefaultFeature].Float32s()[5] = -1
			}
			return b, nil
		})
	}
	dir, healthy := t.TempDir(), t.TempDir()
	_, err := newEstimator(t, fn, estimator.ModelDir(dir), estimator.SaveCheckpointsSteps(1)).Fit(input(true), estimator.MaxSteps(9))
	var nan *graphactions.NaNLossError
	require.ErrorAs(t, err, &nan)
	require.EqualValues(t, 7, nan.Step)
	require.True(t, math.IsNaN(nan.Loss))
	require.NotEmpty(t, nan.Node)
	require.False(t, nan.Fed || nan.Variable)
	require.ErrorContains(t, err, "step 7")
	require.ErrorContains(t, err, fmt.Sprintf("first non-finite node %q", nan.Node))
	require.Contains(t, strings.ToLower(nan.Node), "log")
	fit(t, newEstimator(t, fn, estimator.ModelDir(healthy)), input(false), estimator.MaxSteps(6))
	require.Equal(t, bits(t, healthy), bits(t, dir), "the checkpoint of step 6, though every step is saved")
	require.Equal(t, filepath.Join(dir, "model.ckpt-6.safetensors"), nan.Checkpoint)
}

// The first layer has another size, the second another name, and the optimizer none of
// Adam's slots.
func checkChangedModel(t *testing.T) {
	dir := t.TempDir()
	fit(t, in(t, dir), endless(), estimator.MaxSteps(3))
	changed := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		hidden := nn.Dense(g, features.One(), 17, nn.WithName("dense"))
		logits := nn.Dense(g, hidden, 3, nn.WithName("output"))
		spec := &estimator.Spec{Predictions: graph.Nodes{"logits": logits}, Loss: nn.SparseSoftmaxCrossEntropy(g, logits, labels.One())}
		spec.TrainOp = optim.SGD(0.1).Minimize(g, spec.Loss)
		return spec, nil
	}
	before := listing(t, dir)
	_, err := newEstimator(t, changed, estimator.ModelDir(dir)).Fit(endless(), estimator.Steps(1))
	require.Error(t, err)
	_, report, _ := strings.Cut(err.Error(), "\n")
	lines := strings.Split(report, "\n")
	for _, want := range [][]string{
		{`"dense/kernel" `, "(4, 16)", "(4, 17)"}, {`"dense/bias" `, "(16)", "(17)"},
		{`"output/kernel" `, "not in the checkpoint"}, {`"output/bias" `, "not in the checkpoint"},
		{`"dense_1/kernel" `, "not a variable"}, {`"dense_1/bias" `, "not a variable"},
		{`"dense/kernel/Adam" `, "not a variable"}, {`"dense/kernel/Adam_1" `, "not a variable"},
		{`"dense/bias/Adam" `, "not a variable"}, {`"dense/bias/Adam_1" `, "not a variable"},
		{`"dense_1/kernel/Adam" `, "not a variable"}, {`"dense_1/kernel/Adam_1" `, "not a variable"},
		{`"dense_1/bias/Adam" `, "not a variable"}, {`"dense_1/bias/Adam_1" `, "not a variable"},
		{`"beta1_power" `, "not a variable"}, {`"beta2_power" `, "not a variable"},
	} {
		i := slices.IndexFunc(lines, func(line string) bool {
			return !slices.ContainsFunc(want, func(part string) bool { return !strings.Contains(line, part) })
		})
		require.GreaterOrEqual(t, i, 0, "no line with %q in\n%s", want, report)
		lines = slices.Delete(lines, i, i+1)
	}
	require.Empty(t, lines, "and nothing else")
	require.Equal(t, before, listing(t, dir))
}

func checkCtrlC(t *testing.T) {
	dir := t.TempDir()
	cmd, lines := startChild(t, "fit", dir)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.True(t, lines.Scan())
	var last int64
	_, err := fmt.Sscanf(lines.Text(), "last %d estimator: stopped by signal interrupt", &last)
	require.NoError(t, err, lines.Text())
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, 75, exit.ExitCode())
	require.Equal(t, last, stepOf(t, dir))

	hanging, _ := startChild(t, "hang", t.TempDir())
	signalUntilItEnds(t, hanging, syscall.SIGINT)
}
