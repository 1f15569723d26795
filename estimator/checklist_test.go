package estimator_test

import (
	"math"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/summaries"
)

// TestChecklist is what the users of tf.contrib.learn and tf.estimator asked for most, one
// subtest each, by the numbers of that list.
func TestChecklist(t *testing.T) {
	for _, c := range []struct {
		name  string
		check func(t *testing.T)
	}{
		{"01_1000_predictions_one_compile_one_checkpoint_read", checkPredictions},
		{"02_200_evaluate_cycles_heap_and_open_files_bounded", checkEvaluateCycles},
		{"03_infinite_data_set_without_limit_immediate_error", checkInfiniteDataset},
		{"04_finished_run_says_AlreadyAtStep", checkFinishedRun},
		{"05_kill_9_in_the_middle_of_a_save_newest_complete_checkpoint_loads", checkKillDuringSave},
		{"06_resume_mid_epoch_weights_identical_to_an_uninterrupted_run", checkResumeMidEpoch},
		{"07_best_checkpoint_survives_100_later_saves_and_two_restarts", checkBestSurvives},
		{"08_early_stopping_after_restart_does_not_fire_on_old_history", checkEarlyStoppingAfterRestart},
		{"09_NaN_error_names_step_and_node_last_good_checkpoint_intact", checkNaN},
		{"10_restore_into_a_changed_model_one_report_names_every_difference", checkChangedModel},
		{"11_export_load_in_a_process_without_the_training_model_replay_the_samples", checkServed},
		{"12_Ctrl_C_checkpoint_written_exit_code_distinct_second_exits_at_once", checkCtrlC},
		{"13_loss_of_two_equal_halves_averages_to_that_of_the_whole", checkHalves},
		{"14_evaluate_with_a_short_last_batch_equals_batch_size_1", checkShortLastBatch},
		{"15_two_evaluation_sets_at_different_schedules_no_additional_compile", checkTwoEvaluations},
	} {
		t.Run(c.name, c.check)
	}
}

// The estimator is another process's, so it has to read a checkpoint. It can do that once:
// then they are gone.
func checkPredictions(t *testing.T) {
	dir := t.TempDir()
	fit(t, in(t, dir), endless(), estimator.MaxSteps(5))
	var calls counted
	est := newEstimator(t, calls.wrap(classifier), estimator.ModelDir(dir))
	first, err := est.PredictBatch(row(0))
	require.NoError(t, err)
	hide(t, dir)
	for i := 1; i < 1000; i++ {
		out, err := est.PredictBatch(row(i % rows))
		require.NoError(t, err)
		if i == rows {
			require.Equal(t, first, out)
		}
	}
	require.Equal(t, 1, est.Stats(estimator.Infer).Compiles)
	require.EqualValues(t, 1000, est.Stats(estimator.Infer).Runs)
	require.EqualValues(t, 1, calls.infer.Load())
	require.Zero(t, calls.train.Load()+calls.eval.Load())
}

// The heap after 200 cycles, half of them of two batch sizes and half from a checkpoint's
// path, is that after 20.
func checkEvaluateCycles(t *testing.T) {
	est := in(t, t.TempDir())
	fit(t, est, endless(), estimator.MaxSteps(5))
	cycle := func(i int) {
		var opts []estimator.EvaluateOption
		if i%2 == 1 {
			opts = append(opts, estimator.CheckpointPath(est.LatestCheckpoint()), estimator.Name("old"))
		}
		_, err := est.Evaluate(flowers().Batch(7).Prefetch(2), opts...)
		require.NoError(t, err)
	}
	measure := func() (files int, heap uint64) {
		summaries.ClearCache()
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Log("open files are not counted here:", err)
		}
		return len(entries), m.HeapAlloc
	}
	for i := range 20 {
		cycle(i)
	}
	files, heap := measure()
	for i := range 180 {
		cycle(i)
	}
	filesAfter, heapAfter := measure()
	require.LessOrEqual(t, filesAfter, files)
	require.Less(t, heapAfter, heap+512<<10, "180 cycles more: the heap grew from %d to %d bytes", heap, heapAfter)
}

// The error comes before a row is asked for, and before anything is written.
func checkInfiniteDataset(t *testing.T) {
	dir := t.TempDir()
	est := in(t, dir)
	fit(t, est, endless(), estimator.MaxSteps(1))
	asked := 0
	infinite := flowers().MapSpec(flowers().Spec(), func(b datasets.Batch) (datasets.Batch, error) {
		asked++
		return b, nil
	}).Batch(batch).Repeat(-1)
	before := listing(t, dir)
	_, err := est.Evaluate(infinite)
	require.ErrorIs(t, err, estimator.ErrEndless)
	require.ErrorContains(t, err, "give Steps")
	_, err = est.PredictAll(infinite)
	require.ErrorIs(t, err, estimator.ErrEndless)
	for _, err := range est.Predict(infinite) {
		require.ErrorIs(t, err, estimator.ErrEndless)
	}
	_, err = est.Fit(endless(), estimator.Steps(1), estimator.Validate("test", infinite))
	require.ErrorIs(t, err, estimator.ErrEndless)
	require.Zero(t, asked)
	require.Equal(t, before, listing(t, dir))
	_, err = est.Evaluate(infinite, estimator.Steps(2))
	require.NoError(t, err)
	require.Equal(t, 2, asked)
}

func checkFinishedRun(t *testing.T) {
	dir := t.TempDir()
	fit(t, in(t, dir), endless(), estimator.MaxSteps(10))
	before := listing(t, dir)
	res := fit(t, in(t, dir), endless(), estimator.MaxSteps(10))
	require.Equal(t, graphactions.ReasonAlreadyAtStep, res.Reason)
	require.EqualValues(t, 10, res.LastStep)
	require.Zero(t, res.Steps())
	require.Equal(t, "nothing to do: already at step 10", res.String())
	require.Equal(t, before, listing(t, dir))
}

// For each loss, in a training step and in an evaluation.
func checkHalves(t *testing.T) {
	for name, loss := range map[string]func(g *graph.Graph, logits, labels *gorgonia.Node) *gorgonia.Node{
		"softmax": func(g *graph.Graph, logits, labels *gorgonia.Node) *gorgonia.Node {
			return nn.SparseSoftmaxCrossEntropy(g, logits, labels)
		},
		"sigmoid": func(g *graph.Graph, logits, _ *gorgonia.Node) *gorgonia.Node {
			return nn.SigmoidCrossEntropy(g, logits, nn.Softmax(g, logits))
		},
		"squares": func(g *graph.Graph, logits, _ *gorgonia.Node) *gorgonia.Node {
			return nn.MeanSquaredError(g, logits, ops.Square(g, logits))
		},
	} {
		t.Run(name, func(t *testing.T) {
			fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
				logits := nn.Dense(g, features.One(), 3)
				spec := &estimator.Spec{Predictions: graph.Nodes{"logits": logits}, Loss: loss(g, logits, labels.One())}
				if mode == estimator.Train {
					spec.TrainOp = optim.SGD(0.1).Minimize(g, spec.Loss)
				}
				return spec, nil
			}
			var train, eval []float64
			est := newEstimator(t, fn, estimator.ModelDir(t.TempDir()))
			fit(t, est, endless(), estimator.Steps(3))
			for _, part := range []*datasets.Dataset{flowers().Take(16), flowers().Take(8), flowers().Skip(8).Take(8)} {
				n, _ := part.Rows().N()
				one := newEstimator(t, fn, estimator.ModelDir(t.TempDir()))
				train = append(train, fit(t, one, part.Batch(int(n)), estimator.Steps(1)).FinalLoss)
				ev, err := est.Evaluate(part.Batch(int(n)))
				require.NoError(t, err)
				eval = append(eval, ev["loss"])
			}
			require.Greater(t, math.Abs(train[1]-train[2]), 1e-3, "the halves differ")
			require.InEpsilon(t, train[0], (train[1]+train[2])/2, 1e-6)
			require.Greater(t, math.Abs(eval[1]-eval[2]), 1e-3, "the halves differ")
			require.InEpsilon(t, eval[0], (eval[1]+eval[2])/2, 1e-6)
		})
	}
}

// 30 rows in batches of 8 end with one of 6, in batches of 7 with one of 2.
func checkShortLastBatch(t *testing.T) {
	est := newEstimator(t, func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		spec, err := classifier(g, features, labels, mode)
		if mode == estimator.Eval {
			spec.Metrics["mean"] = metrics.Mean(features.One())
		}
		return spec, err
	}, estimator.ModelDir(t.TempDir()))
	fit(t, est, endless(), estimator.Steps(10))
	want, err := est.Evaluate(flowers().Batch(1))
	require.NoError(t, err)
	for _, size := range []int{7, 8, 29, 30, 64} {
		ev, err := est.Evaluate(flowers().Batch(size))
		require.NoError(t, err)
		require.Equal(t, want.Names(), ev.Names())
		require.Equal(t, want["accuracy"], ev["accuracy"])
		for name := range want {
			require.InDelta(t, want[name], ev[name], 1e-6, "batches of %d: %s", size, name)
		}
	}
}

// Both have one batch size; whichever comes first compiles for both.
func checkTwoEvaluations(t *testing.T) {
	var calls counted
	est := newEstimator(t, calls.wrap(classifier), estimator.ModelDir(t.TempDir()))
	first, second := map[int64]estimator.Metrics{}, map[int64]estimator.Metrics{}
	fit(t, est, endless(), estimator.Steps(60),
		estimator.Validate("first", flowers().Take(16).Batch(batch)), estimator.Validate("second", flowers().Skip(14).Batch(batch)),
		estimator.Monitors(hooks.NewValidation("first", hooks.EverySteps(4)), hooks.NewValidation("second", hooks.EverySteps(7)),
			results("first", first), results("second", second)))
	require.Len(t, first, 15)
	require.Len(t, second, 8)
	require.Equal(t, 1, est.Stats(estimator.Eval).Compiles)
	require.EqualValues(t, 1, calls.eval.Load())
	require.NotEqual(t, first[28]["loss"], second[28]["loss"])
}
