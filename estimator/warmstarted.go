package estimator

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/saver"
)

// WarmStarted says which variables a warm start gave which values.
type WarmStarted struct {
	// Checkpoint is the file that they are from.
	Checkpoint string
	// Variables are those that were warm-started, in the order of building.
	Variables []WarmVariable
	// Others are the names of those that have their initial values.
	Others []string
}

// WarmVariable is one variable of a warm start.
type WarmVariable struct {
	// Name is the variable's name, Previous its name in the checkpoint.
	Name, Previous string
	// Entries is the size of the new vocabulary, Known how many of its entries were in the
	// old one; both are 0 without one.
	Entries, Known int
}

// String shows a line for each variable.
func (w *WarmStarted) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d variables from %s, %d with initial values", len(w.Variables), w.Checkpoint, len(w.Others))
	for _, v := range w.Variables {
		fmt.Fprintf(&b, "\n  %s", v.Name)
		if v.Previous != v.Name {
			fmt.Fprintf(&b, ", which was %s", v.Previous)
		}
		if v.Entries > 0 {
			fmt.Fprintf(&b, ", %d of %d entries of the vocabulary", v.Known, v.Entries)
		}
	}
	return b.String()
}

// WarmStarted returns what [WarmStartFrom] did in this process, nil when it did nothing,
// as it does where there is a checkpoint.
func (e *Estimator) WarmStarted() *WarmStarted {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.warmStarted
}

// warm makes the first values of the model's variables those of the warm start. It is
// called with mu held, where there is no checkpoint.
func (e *Estimator) warm(m *model) error {
	if e.warmStart == nil {
		return nil
	}
	file, err := e.warmStart.file(e)
	if err != nil {
		return fmt.Errorf("estimator: WarmStartFrom: %w", err)
	}
	if e.warmStarted, err = e.warmStart.start(m.graph, file); err != nil {
		return fmt.Errorf("estimator: WarmStartFrom(%q): mode %s: %w", e.warmStart.from, m.mode, err)
	}
	e.config.Logger.Info("warm start: "+e.warmStarted.String(), "mode", m.mode)
	return nil
}

// file returns the checkpoint to start from. Of a directory it is the newest good one.
func (w *warmStart) file(e *Estimator) (string, error) {
	if info, err := os.Stat(w.from); err != nil || !info.IsDir() {
		return w.from, err
	}
	_, path, skipped, err := saver.LoadLatest(w.from)
	for _, s := range skipped {
		e.config.Logger.Error("a checkpoint cannot be used: starting from an older one", "path", s.Path, "reason", s.Err)
	}
	return path, err
}

// start sets the initializers.
func (w *warmStart) start(g *graph.Graph, file string) (*WarmStarted, error) {
	have, err := saver.ListVariables(file)
	if err != nil {
		return nil, err
	}
	chosen, err := w.choose(g)
	if err != nil {
		return nil, err
	}
	if err := w.check(chosen, have); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	report := &WarmStarted{Checkpoint: file}
	for _, v := range g.Variables() {
		switch {
		case v.Local:
		case chosen[v.Name] == nil:
			report.Others = append(report.Others, v.Name)
		default:
			warm := WarmVariable{Name: v.Name, Previous: w.before(v.Name)}
			initializer := graphactions.FromCheckpoint(file, warm.Previous)
			if info, ok := w.vocab[v.Name]; ok {
				warm.Entries, warm.Known = len(info.NewVocab), info.vocabulary().Known()
				initializer = remapped(file, warm.Previous, info)
			}
			v.SetInitializer(initializer)
			report.Variables = append(report.Variables, warm)
		}
	}
	return report, nil
}

// before returns the name of a variable in the checkpoint.
func (w *warmStart) before(name string) string {
	if previous, ok := w.previous[name]; ok {
		return previous
	}
	return name
}

// choose returns the variables to start, by name. Names in the maps that choose nothing
// are errors, all of which it reports, as are patterns.
func (w *warmStart) choose(g *graph.Graph) (map[string]*graph.Variable, error) {
	chosen, names := map[string]*graph.Variable{}, []string{}
	matched := make([]bool, len(w.patterns))
	for _, v := range g.Variables() {
		if v.Local || v.Name == graph.GlobalStepName {
			continue
		}
		_, hasVocab := w.vocab[v.Name]
		if hasVocab {
			chosen[v.Name] = v
		}
		if !w.all && !v.Trainable && !hasVocab {
			continue
		}
		names = append(names, v.Name)
		for i, p := range w.patterns {
			if (w.all || v.Trainable) && regexp.MustCompile("^(?:"+p+")").MatchString(v.Name) {
				matched[i], chosen[v.Name] = true, v
			}
		}
	}
	var errs []error
	for i, p := range w.patterns {
		if !matched[i] {
			errs = append(errs, fmt.Errorf("the pattern %q matches none of the variables %q", p, names))
		}
	}
	unused := func(what string, given []string) {
		given = slices.DeleteFunc(given, func(name string) bool { return chosen[name] != nil })
		if len(given) > 0 {
			errs = append(errs, fmt.Errorf("%s has names that were not used: %q; the variables are %q", what, given, names))
		}
	}
	unused("VarNameToPrevVarName", slices.Sorted(maps.Keys(w.previous)))
	unused("VarNameToVocabInfo", slices.Sorted(maps.Keys(w.vocab)))
	return chosen, errors.Join(errs...)
}

// check reports every variable that the checkpoint has no fitting tensor for.
func (w *warmStart) check(chosen map[string]*graph.Variable, have []saver.Variable) error {
	tensors, used := map[string]saver.Variable{}, map[string]bool{}
	for _, t := range have {
		tensors[t.Name] = t
	}
	var errs []error
	report := &saver.Report{}
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		v, before := chosen[name], w.before(name)
		want := saver.Variable{Name: name, Dtype: v.Dtype, Shape: v.Shape}
		t, ok := tensors[before]
		used[before] = true
		info, hasVocab := w.vocab[name]
		switch {
		case !ok && before != name:
			errs = append(errs, fmt.Errorf("variable %q: its previous name %q is %w", name, before, saver.ErrNotFound))
		case !ok:
			report.Missing = append(report.Missing, want)
		case hasVocab:
			if err := info.vocabulary().Check(want, t); err != nil {
				errs = append(errs, fmt.Errorf("variable %q: %w", name, err))
			}
		case t.Dtype != v.Dtype || !slices.Equal(t.Shape, v.Shape):
			report.Mismatched = append(report.Mismatched, saver.Mismatch{Want: want, Have: t})
		}
	}
	for _, t := range have {
		if !used[t.Name] {
			report.Unused = append(report.Unused, t)
		}
	}
	return errors.Join(append([]error{report.Err(saver.AllowUnused)}, errs...)...)
}

// remapped is an initializer that copies the rows or columns of old entries.
func remapped(file, name string, info VocabInfo) graph.Initializer {
	return graph.InitializerFunc(func(v *tensor.Dense, r graph.Random) error {
		if info.BackupInitializer != nil {
			if err := info.BackupInitializer.Initialize(v, r); err != nil {
				return err
			}
		}
		old, err := saver.LoadVariable(file, name)
		if err != nil {
			return err
		}
		return info.vocabulary().Remap(v, old)
	})
}
