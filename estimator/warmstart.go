package estimator

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/saver"
)

// VocabInfo says how the vocabulary behind the rows or columns of a variable changed: an
// entry that was in the old vocabulary keeps its row. A prefix of a vocabulary is a
// smaller one; saver.ReadVocabulary reads a file.
type VocabInfo struct {
	// NewVocab are the entries of the variable's rows, OldVocab those in the checkpoint.
	NewVocab, OldVocab []string
	// NumOOVBuckets is how many rows come after those of NewVocab, for what is not in it.
	NumOOVBuckets int
	// Axis is 0, the default, when rows belong to entries, and 1 when columns do.
	Axis int
	// BackupInitializer gives new entries, and those not in the vocabulary, their values.
	// The default is zeros.
	BackupInitializer graph.Initializer
}

func (v VocabInfo) vocabulary() *saver.Vocabulary {
	return &saver.Vocabulary{New: v.NewVocab, Old: v.OldVocab, OOV: v.NumOOVBuckets, Axis: v.Axis}
}

// WarmStartOption is an option of [WarmStartFrom].
type WarmStartOption func(*warmStart)

// warmStart is what WarmStartFrom was told.
type warmStart struct {
	from     string
	all      bool     // the patterns are for all variables, not only trainable ones
	patterns []string // of names
	previous map[string]string
	vocab    map[string]VocabInfo
}

// WarmStartFrom starts a model that has no checkpoint yet with the variables of another:
// of a checkpoint's file, or of the newest in a directory, another estimator's model
// directory for one. By default all trainable variables get their values from there, and
// each must be there with its dtype and shape; the others, and the global step, have their
// initial values. [Estimator.WarmStarted] reports what was done.
//
// Once there is a checkpoint in the model directory it has no effect. Until then, Evaluate
// and Predict use the warm-started variables.
func WarmStartFrom(path string, opts ...WarmStartOption) Option {
	w := &warmStart{from: path, patterns: []string{".*"}}
	for _, opt := range opts {
		if opt != nil {
			opt(w)
		}
	}
	return modelOption("WarmStartFrom", func(s *settings) { s.warmStart = w })
}

// TrainableVars chooses the trainable variables whose names the regular expression
// matches from the beginning on: "dnn/" chooses dnn/kernel, "kernel" does not.
func TrainableVars(pattern string) WarmStartOption {
	return func(w *warmStart) { w.all, w.patterns = false, []string{pattern} }
}

// AllVars chooses the variables, also those that are not trainable, such as optimizer
// slots, whose names one of the regular expressions matches from the beginning on. Without
// any, only the variables with a VocabInfo are chosen. Each must match some variable. The
// global step is never chosen.
func AllVars(patterns ...string) WarmStartOption {
	patterns = slices.Clone(patterns)
	return func(w *warmStart) { w.all, w.patterns = true, patterns }
}

// VarNameToPrevVarName gives the names that variables had in the checkpoint, where they
// were others.
func VarNameToPrevVarName(names map[string]string) WarmStartOption {
	names = maps.Clone(names)
	return func(w *warmStart) { w.previous = names }
}

// VarNameToVocabInfo names variables whose rows or columns belong to the entries of a
// vocabulary that changed. They need not be chosen otherwise.
func VarNameToVocabInfo(infos map[string]VocabInfo) WarmStartOption {
	infos = maps.Clone(infos)
	return func(w *warmStart) { w.vocab = infos }
}

// validate reports what is wrong with the arguments, before any graph is built.
func (w *warmStart) validate() error {
	var errs []error
	if strings.TrimSpace(w.from) == "" {
		errs = append(errs, fmt.Errorf("WarmStartFrom: %q, want a checkpoint's file or a directory", w.from))
	}
	for _, p := range w.patterns {
		if _, err := regexp.Compile(p); err != nil {
			errs = append(errs, fmt.Errorf("WarmStartFrom: the pattern %q: %w", p, err))
		}
	}
	return errors.Join(errs...)
}
