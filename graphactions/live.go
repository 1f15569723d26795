package graphactions

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/stheno-ml/stheno/session"
)

// Live lets one process train, evaluate and predict in turn without reading a
// checkpoint again: it remembers that the variables in a session's store are those of
// the newest checkpoint. The zero value remembers nothing. A caller keeps one Live
// for each store and passes it to every [Train] on that store.
type Live struct {
	// Checkpoint is the path of the checkpoint that the store equals, "" when it
	// equals none.
	Checkpoint string
	// Metadata is that checkpoint's metadata, nil when this process wrote it.
	Metadata map[string]string

	dir      string
	state    fileStamp
	position []byte
	states   map[string][]byte
	ever     bool
}

// Current reports whether the store still has the newest checkpoint of dir. It looks
// at the state file's time and size but reads no file, so it notices another
// process's checkpoint.
func (l *Live) Current(dir string) bool {
	return l != nil && l.Checkpoint != "" && l.dir == dir && l.state.exists && l.state == stampOf(dir)
}

// Load reads the newest good checkpoint of dir into store, all of it, unless the
// store has it already. Checkpoints passed over are logged. The error is
// saver.ErrNoCheckpoint when there is none.
func (l *Live) Load(store *session.Store, dir string, logger *slog.Logger) error {
	if l.Current(dir) {
		return nil
	}
	stamp := stampOf(dir)
	ckpt, path, err := loadNewest(dir, logger)
	if err != nil {
		return err
	}
	states, err := monitorStates(ckpt, path)
	if err != nil {
		return err
	}
	if err := store.Restore(ckpt.Tensors); err != nil {
		return fmt.Errorf("graphactions: %s: %w", path, err)
	}
	l.hold(dir, path, []byte(ckpt.Metadata[MetadataPosition]), states)
	l.state, l.Metadata = stamp, ckpt.Metadata
	return nil
}

func (l *Live) hold(dir, path string, position []byte, states map[string][]byte) {
	if l == nil {
		return
	}
	*l = Live{Checkpoint: path, Metadata: l.Metadata, dir: dir, state: stampOf(dir), position: position, states: states, ever: true}
}

func (l *Live) drop() {
	if l != nil {
		l.Checkpoint = ""
	}
}

func (l *Live) used() bool { return l != nil && l.ever }

// fileStamp tells one version of a directory's state file from another.
type fileStamp struct {
	exists  bool
	size    int64
	changed time.Time
}

func stampOf(dir string) fileStamp {
	info, err := os.Stat(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return fileStamp{}
	}
	return fileStamp{exists: true, size: info.Size(), changed: info.ModTime()}
}
