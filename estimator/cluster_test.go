package estimator_test

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
)

// The error reports everything that is wrong with the document.
func TestBadTFConfig(t *testing.T) {
	const chief = `"chief": ["h0:0"]`
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"not JSON":      {`{"cluster"`, []string{"TF_CONFIG is not a JSON object", "unexpected end"}},
		"not an object": {`["chief"]`, []string{"TF_CONFIG is not a JSON object"}},
		"types": {`{"cluster": {"chief": "h0:0", "ps": ["h1:1", 2]}, "task": {"type": 3, "index": "x"}, "session_master": 4, "eval_session_master": [], "model_dir": {}}`,
			[]string{`cluster: chief is "h0:0", want a list of addresses`, `cluster: ps is ["h1:1", 2], want a list`, `task: type is 3, want text`,
				`task: index is "x", want a whole number`, `session_master is 4, want text`, `eval_session_master is [], want text`, `model_dir is {}, want text`}},
		"cluster is a list": {`{"cluster": ["h0"], "task": "chief"}`, []string{`cluster is ["h0"], want an object`, `task is "chief", want an object`}},
		"long values are cut": {`{"cluster": {"chief": "` + string(bytes.Repeat([]byte("x"), 100)) + `"}}`,
			[]string{`chief is "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..., want`}},
		"empty directory":    {`{"model_dir": ""}`, []string{`model_dir is "", want the name of a directory`}},
		"no cluster, a task": {`{"task": {"type": "ps", "index": 3}}`, []string{`task type is "ps": without a cluster it must be "worker"`, "task index is 3: without a cluster it must be 0"}},
		"no chief, no task": {`{"cluster": {"worker": ["h1:1"]}}`,
			[]string{`the cluster has no "chief", want one`, "the task's type must be set", "the task's index must be set"}},
		"two chiefs":                 {`{"cluster": {"chief": ["h0:0", "h1:1"]}, "task": {"type": "chief", "index": 0}}`, []string{`the cluster has 2 tasks of type "chief", want one`}},
		"two masters":                {`{"cluster": {"master": ["h0:0", "h1:1"]}, "task": {"type": "master", "index": 0}}`, []string{`the cluster has 2 tasks of type "master", want one`}},
		"no type":                    {`{"cluster": {` + chief + `}, "task": {"type": "", "index": 0}}`, []string{"the task's type must be set"}},
		"no index":                   {`{"cluster": {` + chief + `}, "task": {"type": "chief"}}`, []string{"the task's index must be set"}},
		"negative index":             {`{"cluster": {` + chief + `}, "task": {"type": "evaluator", "index": -1}}`, []string{"task index is -1, want at least 0"}},
		"unknown type":               {`{"cluster": {` + chief + `, "ps": []}, "task": {"type": "ps", "index": 0}}`, []string{`task type "ps" is not in the cluster, which has ["chief"]`}},
		"index too large":            {`{"cluster": {` + chief + `, "ps": ["h1:1"]}, "task": {"type": "ps", "index": 1}}`, []string{`task index is 1, but the cluster has 1 of type "ps"`}},
		"blank address":              {`{"cluster": {` + chief + `, "ps": ["h1:1", " "]}, "task": {"type": "chief", "index": 0}}`, []string{`address " " for ps 1, want a host and a port`}},
		"address of two":             {`{"cluster": {` + chief + `, "ps": ["h1:1", "h0:0"]}, "task": {"type": "chief", "index": 0}}`, []string{`address "h0:0" for chief 0 and for ps 1`}},
		"evaluation master":          {`{"cluster": {` + chief + `}, "task": {"type": "chief", "index": 0}, "eval_session_master": "m"}`, []string{`eval_session_master is set for a task of type "chief"`}},
		"readable parts are checked": {`{"cluster": {"worker": ["h0:0"]}, "service": 1}`, []string{"service is 1", `the cluster has no "chief"`}},
		"three at once": {`{"cluster": {"chief": ["h0:0"], "ps": ["h0:0"]}, "task": {"type": "worker", "index": -2}}`,
			[]string{`address "h0:0"`, `task type "worker" is not in the cluster`, "task index is -2"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := estimator.ParseTFConfig(c.text)
			require.Zero(t, got)
			for _, want := range append(c.want, "TF_CONFIG") {
				require.ErrorContains(t, err, want)
			}
			// New says the same beside what is wrong with its options.
			t.Setenv("TF_CONFIG", c.text)
			_, err = estimator.New(counter, estimator.SaveSummarySteps(-1), estimator.KeepCheckpointMax(-2))
			for _, want := range append(c.want, "SaveSummarySteps: -1", "KeepCheckpointMax: -2") {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestTFConfig(t *testing.T) {
	// What is not known is ignored, an index may be text, an empty job is none.
	c, err := estimator.ParseTFConfig(`{"environment": "cloud", "cluster": {"chief": ["h0:0"], "evaluator": ["h9:9"], "worker": ["h1:1"], "ps": []},
		"task": {"type": "worker", "index": "0", "trial": "7"}}`)
	require.NoError(t, err)
	require.Equal(t, "grpc://h1:1", c.Master)
	require.Equal(t, 0, c.NumPSReplicas())
	require.Equal(t, 2, c.GlobalID(), "the evaluator's type is before the worker's")
	require.Equal(t, "chief 0 at h0:0, the chief\nevaluator 0 at h9:9\nworker 0 at h1:1 <- this process", c.String())

	c, err = estimator.ParseTFConfig(" ")
	require.NoError(t, err)
	require.Equal(t, "worker 0, without a cluster", c.String())
	require.True(t, c.IsChief())
	require.Equal(t, 1, c.NumWorkerReplicas())
	require.Equal(t, 0, c.GlobalID())

	c, err = estimator.ParseTFConfig(`{"cluster": {"chief": ["h0:0"]}, "task": {"type": "evaluator", "index": 3}, "eval_session_master": "e"}`)
	require.NoError(t, err)
	require.Equal(t, estimator.Cluster{TaskType: "evaluator", TaskIndex: 3, EvaluationMaster: "e"}, c)
	require.Equal(t, "evaluator 3, without a cluster", c.String())

	c, err = estimator.ParseTFConfig(`{"session_master": "s", "eval_session_master": "e"}`)
	require.NoError(t, err)
	require.Equal(t, estimator.Cluster{TaskType: "worker", Master: "s", EvaluationMaster: "e"}, c)
}

// A task that would train with others says so, before anything is read or written; what
// one process can do alone it does.
func TestTasksOfACluster(t *testing.T) {
	for name, c := range map[string]struct {
		text, fit, evaluate string
	}{
		"alone":          {`{"task": {"type": "worker", "index": 0}}`, "", ""},
		"one task":       {`{"cluster": ` + oneTask + `, "task": {"type": "chief", "index": 0}}`, "", ""},
		"chief":          {`{"cluster": ` + sixTasks + `, "task": {"type": "chief", "index": 0}}`, `chief 0 and trains with master "grpc://host0:0": only "" (this process) is possible`, ""},
		"worker":         {`{"cluster": ` + sixTasks + `, "task": {"type": "worker", "index": 1}}`, `worker 1 and trains with master "grpc://host4:4"`, ""},
		"ps":             {`{"cluster": ` + sixTasks + `, "task": {"type": "ps", "index": 1}}`, "this process is ps 1, which does not train", ""},
		"evaluator":      {`{"cluster": ` + sixTasks + `, "task": {"type": "evaluator", "index": 0}}`, "this process is evaluator 0, which does not train", ""},
		"session master": {`{"session_master": "local2"}`, `trains with master "local2"`, ""},
		"eval master":    {`{"eval_session_master": "local3"}`, "", `eval_session_master "local3": only "" (this process) is possible`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fit(t, countingIn(t, dir, estimator.TFConfig("")), ones(), estimator.Steps(2))
			before := listing(t, dir)
			est := countingIn(t, dir, estimator.TFConfig(c.text))
			if c.fit != "" {
				_, err := est.Fit(nil, estimator.Steps(1)) // the input is not looked at
				require.ErrorContains(t, err, c.fit)
				require.Equal(t, before, listing(t, dir))
			} else {
				fit(t, est, ones(), estimator.Steps(1))
			}
			_, err := est.Evaluate(numbers(1))
			if c.evaluate != "" {
				require.ErrorContains(t, err, c.evaluate)
			} else {
				require.NoError(t, err)
			}
			_, err = est.PredictAll(numbers(1))
			require.NoError(t, err)
		})
	}
}

func TestConfigOfSeveralEstimators(t *testing.T) {
	logger := slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil))
	shared := configOf(t, `{"cluster": `+oneTask+`, "task": {"type": "chief", "index": 0}}`, estimator.Seed(9), estimator.SaveCheckpointsSteps(3), estimator.Logger(logger))
	t.Setenv("TF_CONFIG", "not looked at")
	for _, order := range [][]estimator.Option{
		{estimator.Config(shared), estimator.ModelDir("a"), estimator.SaveCheckpointsSecs(5), estimator.HandleSignals()},
		{estimator.ModelDir("a"), estimator.SaveCheckpointsSecs(5), estimator.Config(shared)},
	} {
		est, err := estimator.New(counter, order...)
		require.NoError(t, err)
		c := est.Config()
		require.Equal(t, "a", c.ModelDir)
		require.EqualValues(t, 9, c.Seed)
		require.Equal(t, 5.0, c.SaveCheckpointsSecs)
		require.Zero(t, c.SaveCheckpointsSteps)
		require.Same(t, logger, c.Logger)
		require.True(t, c.Cluster.IsChief())
		c.Cluster.Spec["chief"][0] = "changed"
		shared.Cluster.Spec["chief"][0] = "changed too"
		require.Equal(t, "host0:0", est.Config().Cluster.Spec["chief"][0])
		shared.Cluster.Spec["chief"][0] = "host0:0"
	}
	require.EqualValues(t, 3, shared.SaveCheckpointsSteps)
	shared.KeepCheckpointMax, shared.SaveCheckpointsSecs = -1, 7
	for name, c := range map[string]struct {
		opts []estimator.Option
		want []string
	}{
		"fields set by hand": {[]estimator.Option{estimator.Config(shared)}, []string{"KeepCheckpointMax: -1", "SaveCheckpointsSecs (7) and SaveCheckpointsSteps (3) cannot be both set"}},
		"nil":                {[]estimator.Option{estimator.Config(nil)}, []string{"Config: nil"}},
		"TF_CONFIG":          {[]estimator.Option{estimator.Config(shared), estimator.TFConfig("{}")}, []string{"TFConfig: it has no meaning beside Config"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := estimator.New(counter, c.opts...)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	_, err := estimator.NewRunConfig(estimator.TFConfig(""), estimator.Params(nil))
	require.ErrorContains(t, err, "Params: it is an argument of New")
}
