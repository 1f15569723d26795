package graphactions

import (
	"errors"
	"fmt"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/saver"
)

// FromCheckpoint makes a variable's first value the tensor of that name in a checkpoint:
// a file, or a directory whose newest checkpoint is meant. It is read when the variable
// gets its first value, and not at all in a run that resumes.
func FromCheckpoint(path, name string) graph.Initializer {
	return graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
		t, err := saver.LoadVariable(path, name)
		if err != nil {
			return err
		}
		if t.Dtype() != v.Dtype() || !dense.SameShape(t.Shape(), v.Shape()) {
			return fmt.Errorf("tensor %q of %s is %v %v, want %v %v", name, path, t.Dtype(), t.Shape(), v.Dtype(), v.Shape())
		}
		return dense.Copy(v, t)
	})
}

// InitFromCheckpoint makes the first values of variables the tensors of a checkpoint: a
// file, or a directory whose newest checkpoint is meant. The assignment map goes from
// names in the checkpoint to names of the variables that g has so far, local ones left
// out, or from scopes to scopes; see saver.Assign. A resumed run is not changed by it: its values come from its
// own checkpoint.
//
// Whatever does not fit is the graph's error. (TensorFlow's init_from_checkpoint.)
func InitFromCheckpoint(g *graph.Graph, path string, assignment map[string]string) {
	if err := initFrom(g, path, assignment); err != nil {
		g.Fail(fmt.Errorf("graphactions.InitFromCheckpoint: %w", err))
	}
}

func initFrom(g *graph.Graph, path string, assignment map[string]string) error {
	if len(assignment) == 0 {
		return errors.New("the assignment map is empty")
	}
	file, err := saver.Resolve(path)
	if err != nil {
		return err
	}
	have, err := saver.ListVariables(file)
	if err != nil {
		return err
	}
	all, err := saver.Assign(have, durable(g), assignment)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, a := range all {
		g.VariableNamed(a.Variable.Name).SetInitializer(FromCheckpoint(file, a.Tensor.Name))
	}
	return nil
}
