package estimator_test

import (
	"bytes"
	"log/slog"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/saver"
)

func TestConfig(t *testing.T) {
	est := newEstimator(t, classifier, estimator.ModelDir("some"), estimator.Seed(3))
	c := est.Config()
	require.Equal(t, "some", c.ModelDir)
	require.EqualValues(t, 3, c.Seed)
	require.EqualValues(t, 100, c.SaveSummarySteps)
	require.Equal(t, 600.0, c.SaveCheckpointsSecs)
	require.EqualValues(t, 0, c.SaveCheckpointsSteps)
	require.Equal(t, 5, c.KeepCheckpointMax)
	require.Equal(t, 10_000.0, c.KeepCheckpointEveryNHours)
	require.EqualValues(t, 100, c.LogStepCountSteps)
	require.Zero(t, c.Workers)
	require.NotNil(t, c.Logger)
	c.ModelDir, c.Seed = "other", 4
	require.Equal(t, "some", est.Config().ModelDir)
	require.EqualValues(t, 3, est.Config().Seed)
	steps := newEstimator(t, classifier, estimator.SaveCheckpointsSteps(7)).Config()
	require.EqualValues(t, 7, steps.SaveCheckpointsSteps)
	require.Zero(t, steps.SaveCheckpointsSecs)
}

// The options of New reach the loop.
func TestOptionsOfSaving(t *testing.T) {
	for name, c := range map[string]struct {
		opts  []estimator.Option
		saves []int64 // where a checkpoint was written
		kept  []int64 // what is left of them
	}{
		"defaults":     {nil, []int64{0, 6}, []int64{0, 6}},
		"no clock":     {[]estimator.Option{estimator.SaveCheckpointsSecs(0)}, []int64{0, 6}, []int64{0, 6}},
		"a fast clock": {[]estimator.Option{estimator.SaveCheckpointsSecs(1e-9)}, []int64{0, 1, 2, 3, 4, 5, 6}, []int64{2, 3, 4, 5, 6}},
		"steps":        {[]estimator.Option{estimator.SaveCheckpointsSteps(4)}, []int64{0, 4, 6}, []int64{0, 4, 6}},
		"two are kept": {[]estimator.Option{estimator.SaveCheckpointsSteps(2), estimator.KeepCheckpointMax(2)}, []int64{0, 2, 4, 6}, []int64{4, 6}},
		"all are kept": {[]estimator.Option{estimator.SaveCheckpointsSteps(1), estimator.KeepCheckpointMax(0)},
			[]int64{0, 1, 2, 3, 4, 5, 6}, []int64{0, 1, 2, 3, 4, 5, 6}},
		"one for each hour, which is short": {[]estimator.Option{estimator.SaveCheckpointsSteps(2), estimator.KeepCheckpointMax(1), estimator.KeepCheckpointEveryNHours(1e-12)},
			[]int64{0, 2, 4, 6}, []int64{0, 2, 4, 6}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, r := t.TempDir(), &recorder{}
			fit(t, countingIn(t, dir, c.opts...), ones(), estimator.Steps(6), estimator.Monitors(r))
			require.Equal(t, c.saves, r.saves)
			kept, err := saver.Steps(dir)
			require.NoError(t, err)
			require.Equal(t, c.kept, kept)
		})
	}
}

func TestOptionsOfLogging(t *testing.T) {
	for n, want := range map[int64][]string{0: nil, 2: {"2", "4", "5"}, 100: {"5"}} {
		var log bytes.Buffer
		est := countingIn(t, t.TempDir(), estimator.LogStepCountSteps(n), estimator.Logger(slog.New(slog.NewTextHandler(&log, nil))))
		fit(t, est, ones(), estimator.Steps(5))
		var got []string
		for _, match := range regexp.MustCompile(`training step (\d+), loss = 2 `).FindAllStringSubmatch(log.String(), -1) {
			got = append(got, match[1])
		}
		require.Equal(t, want, got, "every %d steps", n)
	}
}

// resave writes the newest checkpoint of a directory again, one step later, with
// other metadata.
func resave(t *testing.T, dir string, change func(metadata map[string]string)) {
	t.Helper()
	ckpt, _, _, err := saver.LoadLatest(dir)
	require.NoError(t, err)
	ckpt.Step++
	change(ckpt.Metadata)
	s, err := saver.New(dir)
	require.NoError(t, err)
	_, err = s.Save(ctx, *ckpt)
	require.NoError(t, err)
}

// The bits of matrix products depend on the engine, so a change of engines is said
// aloud, whichever call reads the checkpoint.
func TestAnotherEngineIsReported(t *testing.T) {
	dir := t.TempDir()
	fit(t, in(t, dir), endless(), estimator.Steps(2))
	for _, first := range []string{"Fit", "GlobalStep"} {
		resave(t, dir, func(metadata map[string]string) { metadata[graphactions.MetadataEngine] = "abacus" })
		var log bytes.Buffer
		est := in(t, dir, estimator.Logger(slog.New(slog.NewTextHandler(&log, nil))))
		if first == "GlobalStep" {
			_, err := est.GlobalStep()
			require.NoError(t, err)
		}
		fit(t, est, endless(), estimator.Steps(2))
		require.Regexp(t, `level=WARN .*checkpoint=abacus`, log.String())
		log.Reset()
		fit(t, est, endless(), estimator.Steps(2))
		require.NotContains(t, log.String(), "abacus", "once is enough")
	}
}

// A checkpoint that no estimator wrote says nothing of its features: what the model
// function makes of them counts.
func TestCheckpointWithoutASignature(t *testing.T) {
	dir := t.TempDir()
	est := in(t, dir)
	fit(t, est, endless(), estimator.Steps(2))
	want, err := est.PredictBatch(row(1))
	require.NoError(t, err)
	renamed := row(1)
	renamed["renamed"] = renamed["x"]
	delete(renamed, "x")
	_, err = est.PredictBatch(renamed)
	require.ErrorIs(t, err, estimator.ErrIncompatible)
	resave(t, dir, func(metadata map[string]string) { delete(metadata, "signature") })
	for _, est := range []*estimator.Estimator{est, in(t, dir)} {
		got, err := est.PredictBatch(renamed)
		require.NoError(t, err)
		require.Equal(t, want["probabilities"].Data(), got["probabilities"].Data())
	}
}
