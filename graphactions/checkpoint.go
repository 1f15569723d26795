package graphactions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/blas"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/session"
)

// Keys of a checkpoint's metadata, beside those of package saver.
const (
	// MetadataPosition is the position of the input, JSON, absent when it has none.
	MetadataPosition = "data_position"
	// MetadataMonitors is a JSON object from a monitor's key to its state, base64.
	MetadataMonitors = "monitors"
	// MetadataSeed is the graph's seed, decimal.
	MetadataSeed = "seed"
	// MetadataEngine names the engine of matrix products: its bits are its own.
	MetadataEngine = "engine"
)

// restore brings the variables, the input and the monitors to where the newest good
// checkpoint has them. Without one the run is fresh.
func (t *trainer) restore() error {
	t.stamp = stampOf(t.outputDir)
	if t.live != nil && t.live.Current(t.outputDir) {
		return t.resume(t.live.Checkpoint, t.live.position, t.live.states)
	}
	ckpt, path, err := loadNewest(t.outputDir, t.logger)
	if errors.Is(err, saver.ErrNoCheckpoint) {
		return t.startFresh()
	}
	if err != nil {
		return fmt.Errorf("graphactions: Train: %w", err)
	}
	if err := checkAgainst(t.graph, ckpt, path, true); err != nil {
		return fmt.Errorf("graphactions: Train: %w", err)
	}
	if err := restoreVariables(t.graph, t.session.Store(), ckpt); err != nil {
		return fmt.Errorf("graphactions: Train: %s: %w", path, err)
	}
	if engine := ckpt.Metadata[MetadataEngine]; engine != "" && engine != blas.Default().Name() {
		t.logger.Warn("the checkpoint was trained with another engine of matrix products: the run goes on, but not with the same bits as an uninterrupted one",
			"checkpoint", engine, "here", blas.Default().Name())
	}
	states, err := monitorStates(ckpt, path)
	if err != nil {
		return err
	}
	return t.resume(path, []byte(ckpt.Metadata[MetadataPosition]), states)
}

// resume continues from variables that are in the store.
func (t *trainer) resume(path string, position []byte, states map[string][]byte) (err error) {
	t.restored, t.result.Checkpoint = true, path
	if t.step, err = t.readStep(); err != nil {
		return err
	}
	if len(position) > 0 {
		if err := t.input.restore(position); err != nil {
			t.logger.Warn("the input starts anew: the checkpoint's position does not fit it", "reason", err)
		}
	}
	t.live.hold(t.outputDir, path, position, states)
	return t.monitors.restore(states)
}

// startFresh gives the variables their initial values and runs the init op.
func (t *trainer) startFresh() error {
	if t.live.used() {
		// The directory was emptied under a model that had been trained.
		if err := t.session.Initialize(); err != nil {
			return fmt.Errorf("graphactions: Train: %w", err)
		}
	}
	t.live.drop()
	if t.initOp != nil {
		if _, err := t.session.Run(context.Background(), nodesOf(t.initOp), t.initFeed); err != nil {
			return fmt.Errorf("graphactions: Train: InitOp: %w", err)
		}
	}
	if t.initFn != nil {
		if err := catch("InitFn", func() error { return t.initFn(t.session) }); err != nil {
			return fmt.Errorf("graphactions: Train: InitFn: %w", err)
		}
	}
	step, err := t.readStep()
	t.step = step
	return err
}

func (t *trainer) readStep() (int64, error) {
	return t.session.Store().Int64(t.stepName)
}

func (t *trainer) metadata(position []byte, states map[string][]byte) (map[string]string, error) {
	metadata := map[string]string{
		MetadataSeed:   strconv.FormatUint(t.graph.Seed(), 10),
		MetadataEngine: blas.Default().Name(),
	}
	for key, value := range t.extraMetadata {
		metadata[key] = value
	}
	if len(position) > 0 {
		metadata[MetadataPosition] = string(position)
	}
	if len(states) > 0 {
		text, err := json.Marshal(states)
		if err != nil {
			return nil, fmt.Errorf("graphactions: Train: the states of the monitors: %w", err)
		}
		metadata[MetadataMonitors] = string(text)
	}
	return metadata, nil
}

func monitorStates(ckpt *saver.Checkpoint, path string) (map[string][]byte, error) {
	states := map[string][]byte{}
	if text := ckpt.Metadata[MetadataMonitors]; text != "" {
		if err := json.Unmarshal([]byte(text), &states); err != nil {
			return nil, fmt.Errorf("graphactions: %s: metadata %q: %w", path, MetadataMonitors, err)
		}
	}
	return states, nil
}

// loadNewest reads the newest good checkpoint, and says aloud which newer ones it
// had to pass over.
func loadNewest(dir string, logger *slog.Logger) (*saver.Checkpoint, string, error) {
	ckpt, path, skipped, err := saver.LoadLatest(dir)
	for _, s := range skipped {
		logger.Error("a checkpoint cannot be used: falling back to an older one", "path", s.Path, "reason", s.Err)
	}
	return ckpt, path, err
}

// checkAgainst compares a checkpoint with what g needs. exact forbids tensors in the
// checkpoint that g does not have.
func checkAgainst(g *graph.Graph, ckpt *saver.Checkpoint, path string, exact bool) error {
	report := saver.Compare(durable(g), ckpt)
	policy := saver.AllowUnused
	if exact {
		policy = saver.Strict
	}
	if err := report.Err(policy); err != nil {
		return fmt.Errorf("%s holds another model: %w", path, err)
	}
	return nil
}

// durable returns the variables of g that belong in a checkpoint.
func durable(g *graph.Graph) []saver.Variable {
	var all []saver.Variable
	for _, v := range g.Variables() {
		if !v.Local {
			all = append(all, saver.Variable{Name: v.Name, Dtype: v.Dtype, Shape: v.Shape})
		}
	}
	return all
}

// restoreVariables copies the variables of g from a checkpoint to the store.
func restoreVariables(g *graph.Graph, store *session.Store, ckpt *saver.Checkpoint) error {
	values := map[string]*tensor.Dense{}
	for _, v := range g.Variables() {
		if value, ok := ckpt.Tensors[v.Name]; ok && !v.Local {
			values[v.Name] = value
		}
	}
	return store.Restore(values)
}

// modelVariables returns those values of a snapshot that belong in a checkpoint of g.
func modelVariables(g *graph.Graph, snapshot map[string]*tensor.Dense) map[string]*tensor.Dense {
	values := map[string]*tensor.Dense{}
	for _, v := range g.Variables() {
		if value, ok := snapshot[v.Name]; ok && !v.Local {
			values[v.Name] = value
		}
	}
	return values
}
