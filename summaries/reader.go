package summaries

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/stheno-ml/stheno/internal/record"
)

// Event is one record of an event file. It holds one of the members below Step; all of
// them are empty in an event of a kind that is not read here.
type Event struct {
	WallTime float64 // when it was written, in seconds since 1970
	Step     int64

	FileVersion string      // of the first event of a file
	Values      []Value     // of a summary
	Graph       *GraphDef   // of a graph, with the attributes that NodeDef names
	SessionLog  *SessionLog // of a report about the run
}

// Time returns when the event was written.
func (e Event) Time() time.Time { return time.UnixMicro(int64(e.WallTime * 1e6)) }

// Value is one value of a summary.
type Value struct {
	Tag string
	// Plugin is the part of TensorBoard that shows the value: "scalars", "histograms",
	// "images", or what the value names; "" when the value does not say.
	Plugin    string
	Scalar    float64    // where Plugin is "scalars"
	Histogram *Histogram // of a value that TensorFlow 1, or we, wrote as a histogram
}

// SessionLog reports what happened to a training run.
type SessionLog struct {
	Status         SessionStatus
	CheckpointPath string
	Message        string
}

// ReadFile returns the events of one file. A last record that was cut short is left
// out: it is the end of a run that crashed, or one that is being written. A damaged
// record is an error that names the file and the place, with the events before it.
func ReadFile(path string) ([]Event, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("summaries: %w", err)
	}
	defer f.Close()
	var events []Event
	records := record.NewReader(bufio.NewReaderSize(f, 64<<10))
	for {
		offset := records.Offset()
		data, err := records.Next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return events, nil
		case err != nil:
			return events, fmt.Errorf("summaries: reading %s: %w", path, err)
		}
		e, err := decodeEvent(data)
		if err != nil {
			return events, fmt.Errorf("summaries: reading %s: the event at byte %d: %w", path, offset, err)
		}
		events = append(events, e)
	}
}

// ReadDir returns the events of all event files of dir, file after file in the order of
// their names, which is the order in which they were begun. Sub-directories are other
// runs and are not read. A directory without event files has no events; one that does
// not exist is an error, fs.ErrNotExist.
func ReadDir(dir string) ([]Event, error) {
	names, err := eventFiles(dir)
	if err != nil {
		return nil, fmt.Errorf("summaries: %w", err)
	}
	var events []Event
	for _, name := range names {
		more, err := ReadFile(filepath.Join(dir, name))
		events = append(events, more...)
		if err != nil {
			return events, err
		}
	}
	return events, nil
}

// Scalars returns the points of one curve of dir in the order in which they were
// written; none if there is no such tag. Where training went on from a step
// ([SessionStart]), the points before that with a greater step are left out, because
// the run that wrote them was lost and those steps were made again.
func Scalars(dir, tag string) (steps []int64, values []float64, err error) {
	events, err := ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range events {
		if e.SessionLog != nil && e.SessionLog.Status == SessionStart {
			kept := 0
			for i, step := range steps {
				if step <= e.Step {
					steps[kept], values[kept] = step, values[i]
					kept++
				}
			}
			steps, values = steps[:kept], values[:kept]
		}
		for _, v := range e.Values {
			if v.Tag == tag && v.Plugin == pluginScalars {
				steps, values = append(steps, e.Step), append(values, v.Scalar)
			}
		}
	}
	return steps, values, nil
}
