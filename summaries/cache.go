package summaries

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// cache holds the writers that Open returned and that are not closed, by directory.
var cache = writers{byDir: map[string]*Writer{}}

type writers struct {
	mu    sync.Mutex
	byDir map[string]*Writer
}

// Open returns the writer of this process for dir: everyone who asks gets the same one
// until it is closed, whichever way the directory is written. Each Open is matched by
// one [Writer.Close]; the last of them closes the file, and an Open after that starts a
// new one, as [NewWriter] does.
func Open(dir string) (*Writer, error) {
	if dir == "" {
		return nil, fmt.Errorf("summaries: Open: the directory is empty, want a path (%q for the current one)", ".")
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("summaries: Open: %w", err)
	}
	key, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("summaries: Open %s: %w", dir, err)
	}
	if key, err = filepath.EvalSymlinks(key); err != nil {
		return nil, fmt.Errorf("summaries: Open %s: %w", dir, err)
	}
	// The lock is held while a file is made or closed, so that a directory's new file
	// is never older than the rest of its old one.
	cache.mu.Lock()
	defer cache.mu.Unlock()
	if w := cache.byDir[key]; w != nil {
		w.refs++
		return w, nil
	}
	w, err := NewWriter(dir)
	if err != nil {
		return nil, err
	}
	w.key, cache.byDir[key] = key, w
	return w, nil
}

// ClearCache forgets the writers that [Open] would return; the next Open of a directory
// starts a new file. It closes nothing: who has a writer still closes it.
func ClearCache() {
	cache.mu.Lock()
	defer cache.mu.Unlock()
	clear(cache.byDir)
}

// release gives back one reference to w and closes it with the last.
func (c *writers) release(w *Writer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.refs--; w.refs > 0 {
		return nil
	}
	w.refs = 0
	if c.byDir[w.key] == w {
		delete(c.byDir, w.key)
	}
	return w.shut()
}
