package estimator_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/estimator/exporters"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/nn"
)

// served is all that a process needs to predict with the classifier: no loss, no
// optimizer, no dropout.
func served(g *graph.Graph, features, _ graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	if mode != estimator.Infer {
		return nil, fmt.Errorf("mode %s: this process only predicts", mode)
	}
	hidden := nn.Dense(g, features.One(), 16, nn.WithActivation(nn.ReLU))
	return &estimator.Spec{Predictions: graph.Nodes{"probabilities": nn.Softmax(g, nn.Dense(g, hidden, 3))}}, nil
}

// serve is a process that prints the predictions of an export.
func serve(dir string) int {
	est, err := estimator.New(served, quiet, estimator.ModelDir(dir))
	if err == nil {
		defer est.Close()
		var rows []estimator.Row
		if rows, err = est.PredictAll(flowers().Batch(batch)); err == nil {
			printProbabilities(os.Stdout, rows)
			return 0
		}
	}
	fmt.Println(err)
	return 3
}

func printProbabilities(w io.Writer, rows []estimator.Row) {
	for _, r := range rows {
		fmt.Fprintln(w, r["probabilities"])
	}
}

// An export, moved to another place, gives the same predictions to a process that has
// only the part of the model that predicts.
func checkServed(t *testing.T) {
	est := in(t, t.TempDir())
	_, err := est.TrainAndEvaluate(estimator.NewTrainSpec(endless(), estimator.MaxSteps(30)),
		estimator.NewEvalSpec("test", flowers().Batch(batch), estimator.Exporters(exporters.Final("final"))))
	require.NoError(t, err)
	rows, err := est.PredictAll(flowers().Batch(batch))
	require.NoError(t, err)
	var want bytes.Buffer
	printProbabilities(&want, rows)
	exports, err := exporters.Versions(est.ExportDir("final"))
	require.NoError(t, err)
	require.Len(t, exports, 1)
	moved := filepath.Join(t.TempDir(), "elsewhere")
	require.NoError(t, os.Rename(exports[0].Path, moved))
	require.NoError(t, est.Close())
	binary, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), childVariable+"=serve "+moved)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, want.String(), string(out))
}
