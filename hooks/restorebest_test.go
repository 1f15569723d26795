package hooks_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/saver"
)

// passing is a model whose variable a passes its best value, 3, and goes on: its gradient
// is -1 at every step, so that a is the step's number. The test rows' loss is (a-3)^2.
type passing struct {
	bowl
	dir string
	log *lines
}

func newPassing(dir string) *passing { return &passing{bowl: newBowl(), dir: dir, log: &lines{}} }

func (p *passing) fit(t *testing.T, early *hooks.EarlyStopping, opts ...graphactions.Option) *graphactions.Result {
	t.Helper()
	res, err := p.try(t, early, opts...)
	require.NoError(t, err)
	return res
}

func (p *passing) try(t *testing.T, early *hooks.EarlyStopping, opts ...graphactions.Option) (*graphactions.Result, error) {
	t.Helper()
	down := p.g.NamedConstant("down", minusOne())
	trainOp := optim.Momentum(1, 0).ApplyGradients(p.g, []optim.Gradient{{Variable: p.a, Node: down}})
	var run *hooks.Run
	begin := hooks.Funcs{OnBegin: func(r *hooks.Run) error { run = r; return nil }}
	evaluate := func(context.Context, string) (hooks.Metrics, error) {
		a, err := run.Session.Store().Value("a")
		if err != nil {
			return nil, err
		}
		x := float64(a.Float32s()[0]) - 3
		return hooks.Metrics{"loss": x * x}, nil
	}
	opts = append([]graphactions.Option{
		graphactions.LogEverySteps(0), graphactions.Logger(slog.New(p.log)), graphactions.OnEvaluate(evaluate),
		graphactions.Monitors(begin, hooks.NewValidation("test", hooks.EverySteps(1)), early),
	}, opts...)
	return graphactions.Train(t.Context(), p.g, p.dir, trainOp, p.loss, opts...)
}

// newest returns the step and the variable a of the newest checkpoint.
func newestA(t *testing.T, dir string) (step int64, a float32) {
	t.Helper()
	ckpt, _, _, err := saver.LoadLatest(dir)
	require.NoError(t, err)
	return ckpt.Step, ckpt.Tensors["a"].Float32s()[0]
}

func restoring() *hooks.EarlyStopping {
	return hooks.NewEarlyStopping("loss", hooks.PatienceEvaluations(4), hooks.RestoreBest())
}

func TestRestoreBest(t *testing.T) {
	p := newPassing(t.TempDir())
	early := restoring()
	res := p.fit(t, early, graphactions.Steps(50), graphactions.SaveModelSteps(2))
	require.EqualValues(t, 7, res.LastStep)
	require.EqualValues(t, 3, early.BestStep())
	step, a := newestA(t, p.dir)
	require.EqualValues(t, 7, step)
	require.EqualValues(t, 3, a, "the best variables under the last step's number")
	require.EqualValues(t, 7, saved(t, p.dir), "the global step is the last one's too")
	step, a = newestA(t, filepath.Join(p.dir, "best", "loss"))
	require.EqualValues(t, 3, step)
	require.EqualValues(t, 3, a)
	require.Contains(t, p.log.text, "early stopping went back to the best variables")
}

// A run that ends by itself keeps what it has, and so does one without the option.
func TestRestoreBestOnlyWhenStopped(t *testing.T) {
	p := newPassing(t.TempDir())
	p.fit(t, restoring(), graphactions.Steps(5))
	_, a := newestA(t, p.dir)
	require.EqualValues(t, 5, a)
	p = newPassing(t.TempDir())
	p.fit(t, hooks.NewEarlyStopping("loss", hooks.PatienceEvaluations(4)), graphactions.Steps(50))
	_, a = newestA(t, p.dir)
	require.EqualValues(t, 7, a)
	require.NoDirExists(t, filepath.Join(p.dir, "best"))
}

// The best variables survive a restart, wherever the run is cut.
func TestRestoreBestResumes(t *testing.T) {
	for cut := int64(1); cut < 7; cut++ {
		dir := t.TempDir()
		newPassing(dir).fit(t, restoring(), graphactions.MaxSteps(cut))
		res := newPassing(dir).fit(t, restoring(), graphactions.MaxSteps(50))
		require.EqualValues(t, 7, res.LastStep)
		_, a := newestA(t, dir)
		require.EqualValues(t, 3, a, "cut after step %d", cut)
	}
}

// Without the file of the best variables it is said twice that they are lost.
func TestRestoreBestLost(t *testing.T) {
	dir := t.TempDir()
	newPassing(dir).fit(t, restoring(), graphactions.MaxSteps(5))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "best")))
	p := newPassing(dir)
	res := p.fit(t, restoring(), graphactions.MaxSteps(50))
	require.EqualValues(t, 7, res.LastStep)
	_, a := newestA(t, dir)
	require.EqualValues(t, 7, a)
	require.Contains(t, p.log.text, "early stopping cannot go back to the best variables so far")
	require.Contains(t, p.log.text, "early stopping did not go back to the best variables")
}

// No checkpoint is written that knows of best variables that could not be.
func TestRestoreBestCannotWrite(t *testing.T) {
	p := newPassing(t.TempDir())
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "best"), nil, 0o600))
	_, err := p.try(t, restoring(), graphactions.Steps(50), graphactions.SaveModelSteps(2))
	require.ErrorContains(t, err, "EarlyStopping: RestoreBest: ")
	step, _ := newestA(t, p.dir)
	require.Zero(t, step)
}
