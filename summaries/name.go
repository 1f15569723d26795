package summaries

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// prefix is how the names of event files begin that we write; TensorBoard asks only
// that "tfevents" is in the name.
const prefix = "events.out.tfevents."

// counter tells apart the files that one process makes in one second.
var counter atomic.Int64

// createFile makes the directory and a new file in it whose name sorts last.
func createFile(dir string) (*os.File, error) {
	if dir == "" {
		return nil, errors.New("the directory is empty, want a path (\".\" for the current one)")
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	for {
		names, err := eventFiles(dir)
		if err != nil {
			return nil, err
		}
		last := ""
		if len(names) > 0 {
			last = names[len(names)-1]
		}
		f, err := os.OpenFile(filepath.Join(dir, nameAfter(last, time.Now().Unix(), counter.Add(1)-1)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// nameAfter returns the name of a new file that sorts after last. Normally the time
// sees to that; not if the clock was set back, or if a process that made a file in this
// second has a number or a counter that sorts after ours ("10" is before "9").
func nameAfter(last string, seconds, counter int64) string {
	name := fileName(seconds, counter)
	if name > last {
		return name
	}
	digits, _, _ := strings.Cut(strings.TrimPrefix(last, prefix), ".")
	newest, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return name // not one of ours
	}
	if later := fileName(newest, counter); later > last {
		return later
	}
	return fileName(newest+1, counter)
}

func fileName(seconds, counter int64) string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	host = strings.ReplaceAll(host, string(filepath.Separator), "_")
	return fmt.Sprintf("%s%010d.%s.%d.%d", prefix, seconds, host, os.Getpid(), counter)
}

// eventFiles returns the names of the event files in dir in the order in which
// TensorBoard reads them.
func eventFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.Contains(e.Name(), "tfevents") && !e.IsDir() {
			names = append(names, e.Name()) // ReadDir sorts
		}
	}
	return names, nil
}
