package saver

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stheno-ml/stheno/internal/atomicfile"
)

// StateFile is the name of the text file that lists a directory's checkpoints.
const StateFile = "checkpoint"

// maxState bounds what is read of a state file.
const maxState = 16 << 20

// State is the content of a directory's state file, TensorFlow's CheckpointState.
type State struct {
	// Newest is the path of the newest checkpoint.
	Newest string
	// Paths are the checkpoints that are kept, oldest first. The last is Newest.
	Paths []string
	// Times are when each of Paths was saved, in seconds since 1970, or empty.
	Times []float64
	// LastPreserved is when the last checkpoint that is kept for good was saved, in
	// seconds since 1970, see [KeepEveryNHours]. 0 when it is not known.
	LastPreserved float64
}

// ReadState reads the state file of dir. Relative paths in it are joined with dir. The
// error is an fs.ErrNotExist when there is no state file and a [*CorruptError] when it
// cannot be understood.
func ReadState(dir string) (*State, error) {
	path := filepath.Join(dir, StateFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("saver: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxState+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("saver: reading %s: %w", path, err)
	}
	if len(text) > maxState {
		return nil, corrupt(path, "it has more than %d bytes", maxState)
	}
	s, err := parseState(string(text))
	if err != nil {
		return nil, corrupt(path, "%v", err)
	}
	s.Newest = absolute(dir, s.Newest)
	for i, p := range s.Paths {
		s.Paths[i] = absolute(dir, p)
	}
	return s, nil
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// WriteState replaces the state file of dir, for instance to go back to an older
// checkpoint. Paths inside dir are written relative to it, so that the directory can be
// moved. Newest becomes the last of Paths.
func WriteState(dir string, s State) error { return writeState(atomicfile.Disk, dir, s) }

func writeState(fsys atomicfile.FS, dir string, s State) error {
	path := filepath.Join(dir, StateFile)
	if err := s.check(); err != nil {
		return fmt.Errorf("saver: writing %s: %w", path, err)
	}
	s.Paths, s.Times = slices.Clone(s.Paths), slices.Clone(s.Times)
	s.normalize()
	relative := State{Newest: within(dir, s.Newest), Times: s.Times, LastPreserved: s.LastPreserved}
	for _, p := range s.Paths {
		if filepath.Clean(p) == filepath.Clean(path) {
			return fmt.Errorf("saver: writing %s: checkpoint %q is the state file itself", path, p)
		}
		relative.Paths = append(relative.Paths, within(dir, p))
	}
	err := atomicfile.Write(fsys, path, func(w io.Writer) error {
		_, err := io.WriteString(w, relative.text())
		return err
	})
	if err != nil {
		return fmt.Errorf("saver: writing %s: %w", path, err)
	}
	return nil
}

// within returns path relative to dir when it is inside, an absolute path otherwise.
func within(dir, path string) string {
	rel, err := filepath.Rel(dir, path)
	if err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func (s *State) check() error {
	if s.Newest == "" {
		return errors.New("model_checkpoint_path is empty")
	}
	if len(s.Times) > 0 && len(s.Times) != len(s.Paths) {
		return fmt.Errorf("all_model_checkpoint_timestamps has %d entries, all_model_checkpoint_paths %d", len(s.Times), len(s.Paths))
	}
	for _, p := range append([]string{s.Newest}, s.Paths...) {
		if p == "" || !utf8.ValidString(p) {
			return fmt.Errorf("all_model_checkpoint_paths has %q, expected a path in UTF-8", p)
		}
	}
	for _, t := range append(slices.Clone(s.Times), s.LastPreserved) {
		if math.IsNaN(t) {
			return errors.New("a time is not a number")
		}
	}
	return nil
}

// normalize makes Newest the last of Paths, as TensorFlow does.
func (s *State) normalize() {
	last := len(s.Paths)
	i := slices.Index(s.Paths, s.Newest)
	switch {
	case i >= 0 && i == last-1:
	case i < 0:
		// When it was saved is not known: better no times than a wrong one.
		s.Paths, s.Times = append(s.Paths, s.Newest), nil
	default:
		s.Paths = append(slices.Delete(s.Paths, i, i+1), s.Newest)
		if len(s.Times) > 0 {
			t := s.Times[i]
			s.Times = append(slices.Delete(s.Times, i, i+1), t)
		}
	}
}

// text returns the state in protobuf's text format.
func (s *State) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "model_checkpoint_path: %s\n", quote(s.Newest))
	for _, p := range s.Paths {
		fmt.Fprintf(&b, "all_model_checkpoint_paths: %s\n", quote(p))
	}
	for _, t := range s.Times {
		fmt.Fprintf(&b, "all_model_checkpoint_timestamps: %s\n", number(t))
	}
	if s.LastPreserved != 0 {
		fmt.Fprintf(&b, "last_preserved_timestamp: %s\n", number(s.LastPreserved))
	}
	return b.String()
}

func number(x float64) string {
	if math.IsInf(x, 0) {
		return strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(x, 'g', -1, 64)), "+")
	}
	if x != 0 && (math.Abs(x) > 1e15 || math.Abs(x) < 1e-5) {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	text := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0" // as Python writes it
	}
	return text
}
