package tune

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/stheno-ml/stheno/internal/atomicfile"
)

// journal is a file of JSON lines: one that says what the results are of, and one for
// each result. It is replaced as a whole, so that a kill leaves the old or the new one.
// See docs/format/tune.md.
type journal struct {
	path   string
	header []byte // of a file that is not there yet
	text   []byte
}

// openJournal reads the journal, if there is one. The header is compared with that of the
// file: results of something else are not taken over. Each record is handed to read.
func openJournal(path string, header any, read func(line []byte) error) (*journal, error) {
	first, err := json.Marshal(header)
	if err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	if err := sweep(path); err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	j := &journal{path: path}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		j.header = append(first, '\n')
		return j, nil
	}
	if err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	text = bytes.TrimSuffix(text, []byte("\n"))
	for i, line := range bytes.Split(text, []byte("\n")) {
		if i == 0 {
			err = sameHeader(line, first)
		} else {
			err = read(line)
		}
		if err != nil {
			return nil, fmt.Errorf("tune: %s: line %d: %w", path, i+1, err)
		}
	}
	j.text = append(text, '\n')
	return j, nil
}

// sweep removes the temporary files that kills left.
func sweep(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if target, ok := atomicfile.TempTarget(e.Name()); ok && target == filepath.Base(path) {
			if err := os.Remove(filepath.Join(filepath.Dir(path), e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameHeader names the first key in which what was begun differs from what is asked for.
func sameHeader(begun, asked []byte) error {
	var was, is map[string]json.RawMessage
	if err := json.Unmarshal(begun, &was); err != nil {
		return err
	}
	if err := json.Unmarshal(asked, &is); err != nil {
		return err
	}
	keys := append(slices.Collect(maps.Keys(is)), slices.Collect(maps.Keys(was))...)
	slices.Sort(keys)
	for _, key := range keys {
		if !bytes.Equal(was[key], is[key]) {
			return fmt.Errorf("the directory has results of something else: %s was %s and is now %s: take another directory", key, was[key], is[key])
		}
	}
	return nil
}

// begin writes the header, unless it is written.
func (j *journal) begin() error {
	if len(j.text) > 0 {
		return nil
	}
	return j.write(j.header)
}

// add writes a record, behind the header.
func (j *journal) add(record any) error {
	line, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	text := j.text
	if len(text) == 0 {
		text = j.header
	}
	return j.write(slices.Concat(text, line, []byte("\n")))
}

func (j *journal) write(text []byte) error {
	err := atomicfile.Write(atomicfile.Disk, j.path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	j.text = text
	return nil
}

// decodeStrictly reads one record; an unknown key or a text behind it is an error.
func decodeStrictly(line []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return errors.New("there is more than one value")
	}
	return nil
}
