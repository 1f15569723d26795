package estimator_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
)

// configOf is the configuration that a TF_CONFIG and options make.
func configOf(t *testing.T, tfConfig string, opts ...estimator.Option) *estimator.RunConfig {
	t.Helper()
	c, err := estimator.NewRunConfig(append([]estimator.Option{estimator.TFConfig(tfConfig)}, opts...)...)
	require.NoError(t, err)
	return c
}

// clusterOf is the cluster of a document with that task.
func clusterOf(t *testing.T, cluster, task string) estimator.Cluster {
	t.Helper()
	return configOf(t, `{"cluster": `+cluster+`, "task": `+task+`}`).Cluster
}

const (
	sixTasks = `{"chief": ["host0:0"], "ps": ["host1:1", "host2:2"], "worker": ["host3:3", "host4:4", "host5:5"]}`
	oneTask  = `{"chief": ["host0:0"]}`
)

func TestConformanceN(t *testing.T) {
	t.Run("N1", func(t *testing.T) {
		// There is no session to wait for or to configure, and the graph definition is in the
		// event files alone.
		want := estimator.RunConfig{
			SaveSummarySteps: 100, SaveCheckpointsSecs: 600, KeepCheckpointMax: 5, KeepCheckpointEveryNHours: 10_000,
			LogStepCountSteps: 100, Logger: slog.Default(), Cluster: estimator.Cluster{TaskType: "worker"},
		}
		require.Equal(t, &want, configOf(t, ""))
		t.Setenv("TF_CONFIG", "")
		c, err := estimator.NewRunConfig()
		require.NoError(t, err)
		require.Equal(t, &want, c)
	})
	t.Run("N2", func(t *testing.T) {
		both := []estimator.Option{estimator.SaveCheckpointsSteps(100), estimator.SaveCheckpointsSecs(200)}
		_, err := estimator.NewRunConfig(both...)
		require.ErrorContains(t, err, "cannot be both set")
		_, err = configOf(t, "").Replace(both...)
		require.ErrorContains(t, err, "cannot be both set")
	})
	replaced := func(t *testing.T, c *estimator.RunConfig, opts ...estimator.Option) *estimator.RunConfig {
		t.Helper()
		before := *c
		got, err := c.Replace(opts...)
		require.NoError(t, err)
		require.Equal(t, before, *c, "it is a copy")
		return got
	}
	schedule := func(c *estimator.RunConfig) [2]float64 {
		return [2]float64{c.SaveCheckpointsSecs, float64(c.SaveCheckpointsSteps)}
	}
	t.Run("N3", func(t *testing.T) {
		c := configOf(t, "")
		require.Equal(t, [2]float64{600, 0}, schedule(c))
		c = replaced(t, c, estimator.SaveCheckpointsSteps(100))
		require.Equal(t, [2]float64{0, 100}, schedule(c))
		c = replaced(t, c, estimator.SaveCheckpointsSecs(200))
		require.Equal(t, [2]float64{200, 0}, schedule(c))
	})
	t.Run("N4", func(t *testing.T) {
		require.Equal(t, [2]float64{0, 0}, schedule(replaced(t, configOf(t, ""), estimator.SaveCheckpointsSecs(0))))
		bySteps := configOf(t, "", estimator.SaveCheckpointsSteps(100))
		require.Equal(t, [2]float64{0, 0}, schedule(replaced(t, bySteps, estimator.SaveCheckpointsSteps(0))))
		// Switching off what is off changes nothing.
		require.Equal(t, [2]float64{600, 0}, schedule(replaced(t, configOf(t, ""), estimator.SaveCheckpointsSteps(0))))
		require.Equal(t, [2]float64{0, 0}, schedule(configOf(t, "", estimator.SaveCheckpointsSteps(0))))
	})
	t.Run("N7", func(t *testing.T) {
		// There are no options for what is derived, such as the master.
		for name, opt := range map[string]estimator.Option{
			"TFConfig": estimator.TFConfig("{}"), "Params": estimator.Params(nil), "WarmStartFrom": estimator.WarmStartFrom("dir"),
			"Config": estimator.Config(nil), "FeatureEngineering": estimator.FeatureEngineering(nil),
		} {
			_, err := configOf(t, "").Replace(estimator.Seed(1), opt)
			require.ErrorContains(t, err, "replacing "+name+" is not supported")
		}
	})
	t.Run("N9", func(t *testing.T) {
		c := clusterOf(t, sixTasks, `{"type": "chief", "index": 0}`)
		require.Equal(t, "grpc://host0:0", c.Master)
		require.Equal(t, "", c.EvaluationMaster)
		require.True(t, c.IsChief())
		require.Equal(t, 4, c.NumWorkerReplicas())
		require.Equal(t, 2, c.NumPSReplicas())
		require.Equal(t, []string{"host3:3", "host4:4", "host5:5"}, c.Spec["worker"])
		for task, master := range map[string]string{`{"type": "worker", "index": 1}`: "grpc://host4:4", `{"type": "ps", "index": 0}`: "grpc://host1:1"} {
			c := clusterOf(t, sixTasks, task)
			require.Equal(t, master, c.Master)
			require.False(t, c.IsChief())
			require.Equal(t, 4, c.NumWorkerReplicas())
			require.Equal(t, 2, c.NumPSReplicas())
		}
	})
	t.Run("N10", func(t *testing.T) {
		for _, cluster := range []string{oneTask, sixTasks} {
			c := configOf(t, `{"cluster": `+cluster+`, "task": {"type": "chief", "index": 0}, "session_master": "_my_master"}`).Cluster
			require.Equal(t, "_my_master", c.Master)
		}
	})
	t.Run("N11", func(t *testing.T) {
		c := clusterOf(t, oneTask, `{"type": "chief", "index": 0}`)
		require.Equal(t, "", c.Master)
		require.True(t, c.IsChief())
		require.Equal(t, 1, c.NumWorkerReplicas())
		require.Equal(t, 0, c.NumPSReplicas())
	})
	t.Run("N13", func(t *testing.T) {
		c := clusterOf(t, sixTasks, `{"type": "evaluator", "index": 12}`)
		require.Empty(t, c.Spec)
		require.Equal(t, "", c.Master)
		require.False(t, c.IsChief())
		require.Equal(t, 0, c.NumWorkerReplicas())
		require.Equal(t, 0, c.NumPSReplicas())
		require.Equal(t, -1, c.GlobalID())
		require.Equal(t, 12, c.TaskIndex)
	})
	ids := func(t *testing.T, cluster string, want map[string]int) {
		for task, id := range want {
			require.Equal(t, id, clusterOf(t, cluster, task).GlobalID(), task)
		}
	}
	t.Run("N14", func(t *testing.T) {
		ids(t, `{"chief": ["h0:0"], "ps": ["h1:1", "h2:2", "h3:3"], "worker": ["h4:4", "h5:5", "h6:6"]}`, map[string]int{
			`{"type": "chief", "index": 0}`: 0, `{"type": "worker", "index": 2}`: 3, `{"type": "ps", "index": 1}`: 5,
		})
	})
	t.Run("N15", func(t *testing.T) {
		ids(t, `{"chief": ["h0:0"], "ps": ["h1:1"], "worker": ["h4:4"], "other_type": ["h7:7", "h8:8"]}`, map[string]int{
			`{"type": "other_type", "index": 1}`: 2, `{"type": "worker", "index": 0}`: 3, `{"type": "ps", "index": 0}`: 4,
		})
	})
	t.Run("N16", func(t *testing.T) {
		cluster := `{"master": ["host0:0"], "ps": ["host1:1", "host2:2"], "worker": ["host3:3", "host4:4", "host5:5"]}`
		c := clusterOf(t, cluster, `{"type": "master", "index": 0}`)
		require.Equal(t, "grpc://host0:0", c.Master)
		require.True(t, c.IsChief())
		require.Equal(t, 4, c.NumWorkerReplicas())
		require.Equal(t, 2, c.NumPSReplicas())
		ids(t, cluster, map[string]int{`{"type": "master", "index": 0}`: 0, `{"type": "worker", "index": 2}`: 3, `{"type": "ps", "index": 1}`: 5})
		require.False(t, clusterOf(t, cluster, `{"type": "worker", "index": 0}`).IsChief())
		_, err := estimator.ParseTFConfig(`{"cluster": ` + cluster + `, "task": {"type": "evaluator", "index": 0}}`)
		require.ErrorContains(t, err, `"evaluator" is not supported`)
		_, err = estimator.ParseTFConfig(`{"cluster": {"master": ["h0:0"], "chief": ["h1:1"]}, "task": {"type": "master", "index": 0}}`)
		require.ErrorContains(t, err, `"chief" is not supported`)
	})
	t.Run("N17", func(t *testing.T) {
		require.Equal(t, map[string]any{"key1": "value1", "n": 2.0}, configOf(t, `{"service": {"key1": "value1", "n": 2}}`).Cluster.Service)
		require.Nil(t, configOf(t, `{}`).Cluster.Service)
		_, err := estimator.NewRunConfig(estimator.TFConfig(`{"service": 789}`))
		require.ErrorContains(t, err, "service is 789, want an object")
		document := `{"model_dir": "/tmp/model"}`
		require.Equal(t, "/tmp/model", configOf(t, document).ModelDir)
		require.Equal(t, "/tmp/model", configOf(t, document, estimator.ModelDir("/tmp/model")).ModelDir)
		_, err = estimator.NewRunConfig(estimator.TFConfig(document), estimator.ModelDir("/tmp/other"))
		require.ErrorContains(t, err, `ModelDir: "/tmp/other", but TF_CONFIG has model_dir "/tmp/model"`)
	})
}
