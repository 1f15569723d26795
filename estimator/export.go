package estimator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/internal/atomicfile"
	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/saver"
)

// exportFile is the file in an export that describes it; exportVersion is the format's
// version that is written, and the newest that is read.
const (
	exportFile    = "export.json"
	exportVersion = 1
)

// ExportInfo describes an export.
type ExportInfo struct {
	// Path is the export's directory; Checkpoint is the path of the variables in it.
	Path, Checkpoint string
	// Step is the global step of the variables.
	Step int64
	// Features and Labels are one row of what the model was trained on. Predictions are
	// one row of what it predicts.
	Features, Labels, Predictions map[string]datasets.TensorSpec
	// Evaluation is the name of the evaluation that the export was made after, and Metrics
	// are its results; nil for none.
	Evaluation string
	Metrics    Metrics
}

// exportText is the content of exportFile.
type exportText struct {
	Format      int               `json:"format"`
	Step        int64             `json:"step"`
	Checkpoint  string            `json:"checkpoint"`
	Signature   *signature        `json:"signature"`
	Predictions map[string]column `json:"predictions"`
	Evaluation  string            `json:"evaluation,omitempty"`
	Metrics     Metrics           `json:"metrics,omitempty"`
}

// ExportExtras go into an export beside the variables and the signature.
type ExportExtras struct {
	// Evaluation and Metrics are reported by [ReadExport].
	Evaluation string
	Metrics    Metrics
	// Finish may add files, such as a vocabulary, to the directory before it appears under
	// its name. nil for none.
	Finish func(dir string) error
}

// ExportCheckpoint writes what predicting with a checkpoint takes to <dir>/<step> and
// returns that path: the variables of the Infer graph, without the optimizer's slots, the
// signature and extras. The directory appears whole, or not at all. An estimator predicts
// from it when it is its ModelDir:
//
//	served, err := estimator.New(modelFn, estimator.ModelDir(path))
//
// An export of that step with the same variables is left as it is; one with other
// variables, of another run, is replaced. There should be one writer for each dir.
//
// The layout is described in docs/format/export.md.
func (e *Estimator) ExportCheckpoint(ctx context.Context, checkpoint, dir string, extras ExportExtras) (path string, err error) {
	defer func() {
		if err != nil {
			path, err = "", fmt.Errorf("estimator: exporting %s: %w", checkpoint, err)
		}
	}()
	ckpt, err := saver.Load(checkpoint)
	if err != nil {
		return "", err
	}
	m, trained, err := e.inferFor(ckpt)
	if err != nil {
		return "", err
	}
	ckpt, err = only(m, ckpt)
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, strconv.FormatInt(ckpt.Step, 10))
	if same(path, ckpt) {
		return path, nil
	}
	temp := filepath.Join(dir, "temp-"+strconv.FormatInt(ckpt.Step, 10))
	if err := removeLeftOvers(dir); err != nil {
		return "", err
	}
	text := exportText{
		Format: exportVersion, Step: ckpt.Step, Signature: trained, Predictions: m.predicted(), Evaluation: extras.Evaluation, Metrics: extras.Metrics,
	}
	if err := e.writeExport(ctx, temp, ckpt, &text, extras.Finish); err != nil {
		return "", errors.Join(err, os.RemoveAll(temp))
	}
	return path, e.moveExport(temp, path)
}

// inferFor returns the Infer graph for what a checkpoint was trained on. It never runs.
func (e *Estimator) inferFor(ckpt *saver.Checkpoint) (*model, *signature, error) {
	text := ckpt.Metadata[metadataSignature]
	if text == "" {
		return nil, nil, errors.New("it does not say what it was trained on: no estimator wrote it")
	}
	trained, err := decodeSignature(text)
	if err != nil {
		return nil, nil, err
	}
	spec, err := trained.spec()
	if err != nil {
		return nil, nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, nil, ErrClosed
	}
	if e.exported == nil || e.exported.signature.compatible(trained, false) != nil {
		m, err := e.build(Infer, spec, 1)
		if err != nil {
			return nil, nil, err
		}
		e.exported = m
	}
	return e.exported, trained, nil
}

// only returns the part of a checkpoint that the model needs.
func only(m *model, ckpt *saver.Checkpoint) (*saver.Checkpoint, error) {
	var want []saver.Variable
	for _, v := range m.graph.Variables() {
		if !v.Local {
			want = append(want, saver.Variable{Name: v.Name, Dtype: v.Dtype, Shape: v.Shape})
		}
	}
	if err := saver.Compare(want, ckpt).Err(saver.AllowUnused); err != nil {
		return nil, fmt.Errorf("it holds another model: %w", err)
	}
	part := &saver.Checkpoint{Step: ckpt.Step, Tensors: map[string]*tensor.Dense{}, Metadata: map[string]string{}}
	for _, v := range want {
		part.Tensors[v.Name] = ckpt.Tensors[v.Name]
	}
	for _, key := range []string{metadataSignature, metadataParams, graphactions.MetadataSeed, graphactions.MetadataEngine} {
		if value, ok := ckpt.Metadata[key]; ok {
			part.Metadata[key] = value
		}
	}
	return part, nil
}

// predicted describes a row of each prediction.
func (m *model) predicted() map[string]column {
	columns := map[string]column{}
	for name, n := range m.spec.Predictions {
		columns[name] = column{Dtype: n.Dtype().String(), Shape: append([]int{}, n.Shape()[1:]...)}
	}
	return columns
}

// same reports whether an export holds exactly these variables.
func same(path string, want *saver.Checkpoint) bool {
	info, err := ReadExport(path)
	if err != nil {
		return false
	}
	have, err := saver.Load(info.Checkpoint)
	if err != nil || len(have.Tensors) != len(want.Tensors) {
		return false
	}
	for name, t := range want.Tensors {
		h := have.Tensors[name]
		if h == nil || h.Dtype() != t.Dtype() || !dense.SameShape(h.Shape(), t.Shape()) || !bytes.Equal(dense.Bytes(h), dense.Bytes(t)) {
			return false
		}
	}
	return true
}

// writeExport writes all that an export has to dir, durably.
func (e *Estimator) writeExport(ctx context.Context, dir string, ckpt *saver.Checkpoint, text *exportText, finish func(string) error) error {
	s, err := saver.New(dir, saver.Logger(e.config.Logger))
	if err != nil {
		return err
	}
	path, err := s.Save(ctx, *ckpt)
	if err != nil {
		return err
	}
	text.Checkpoint = filepath.Base(path)
	encoded, err := json.MarshalIndent(text, "", " ")
	if err != nil {
		return err
	}
	err = atomicfile.Write(atomicfile.Disk, filepath.Join(dir, exportFile), func(w io.Writer) error {
		_, err := w.Write(append(encoded, '\n'))
		return err
	})
	if err != nil || finish == nil {
		return err
	}
	if err := finish(dir); err != nil {
		return fmt.Errorf("calling Finish: %w", err)
	}
	return atomicfile.Disk.SyncDir(dir)
}

// moveExport gives an export its name. One that is there already goes first, but not
// before there is another.
func (e *Estimator) moveExport(temp, path string) error {
	dir := filepath.Dir(path)
	if _, err := os.Lstat(path); err == nil {
		e.config.Logger.Warn("an export of the same step and of another run is replaced", "path", path)
		old := filepath.Join(dir, "temp-old-"+filepath.Base(path))
		if err := os.Rename(path, old); err != nil {
			return err
		}
		defer os.RemoveAll(old)
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return atomicfile.Disk.SyncDir(dir)
}

var leftOver = regexp.MustCompile(`^temp-(old-)?[0-9]+$`)

// removeLeftOvers removes what an export that crashed left in dir.
func removeLeftOvers(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if leftOver.MatchString(entry.Name()) {
			if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// ReadExport returns the description of an export. The variables are not read.
func ReadExport(dir string) (*ExportInfo, error) {
	path := filepath.Join(dir, exportFile)
	fail := func(err error) (*ExportInfo, error) {
		return nil, fmt.Errorf("estimator: %s is not an export: %w", dir, err)
	}
	encoded, err := os.ReadFile(path)
	if err != nil {
		return fail(err)
	}
	var text exportText
	if err := json.Unmarshal(encoded, &text); err != nil {
		return fail(fmt.Errorf("%s: %w", path, err))
	}
	switch {
	case text.Format < 1 || text.Format > exportVersion:
		return fail(fmt.Errorf("%s: its format is %d, expected 1 to %d", path, text.Format, exportVersion))
	case text.Checkpoint == "" || filepath.Base(text.Checkpoint) != text.Checkpoint:
		return fail(fmt.Errorf("%s: checkpoint is %q, expected the name of a file in the directory", path, text.Checkpoint))
	case text.Signature == nil:
		return fail(fmt.Errorf("%s: the signature is missing", path))
	}
	info := &ExportInfo{Path: dir, Checkpoint: filepath.Join(dir, text.Checkpoint), Step: text.Step, Evaluation: text.Evaluation, Metrics: text.Metrics}
	spec, err := text.Signature.spec()
	if err != nil {
		return fail(fmt.Errorf("%s: %w", path, err))
	}
	info.Features, info.Labels = spec.Features, spec.Labels
	if info.Predictions, err = specsOf(text.Predictions); err != nil {
		return fail(fmt.Errorf("%s: prediction %w", path, err))
	}
	if _, err := os.Stat(info.Checkpoint); err != nil {
		return fail(err)
	}
	return info, nil
}
