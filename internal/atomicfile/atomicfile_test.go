package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func writeString(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "none"
	}
	require.NoError(t, err)
	return string(b)
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file*")
	for _, content := range []string{"first", "second, longer", ""} {
		require.NoError(t, Write(Disk, path, writeString(content)))
		require.Equal(t, content, read(t, path))
		require.Equal(t, []string{"file*"}, names(t, dir))
	}
	broken := errors.New("broken")
	err := Write(Disk, path, func(w io.Writer) error {
		require.NoError(t, writeString("half")(w))
		return broken
	})
	require.ErrorIs(t, err, broken)
	require.Equal(t, "", read(t, path))
	require.Equal(t, []string{"file*"}, names(t, dir))
	require.ErrorIs(t, Write(Disk, filepath.Join(dir, "none", "file"), writeString("")), os.ErrNotExist)
}

func TestProbe(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Probe(Disk, filepath.Join(dir, "file")))
	require.Empty(t, names(t, dir))
	require.Error(t, Probe(Disk, filepath.Join(dir, "none", "file")))
}

// After every fault at every operation the file is the old one or the new one, whole.
func TestFaults(t *testing.T) {
	for _, old := range []string{"none", "the old content"} {
		sound := &Faults{}
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, Write(sound, path, writeString("the new content")))
		ops := sound.Operations()
		require.Len(t, ops, 6)
		for i, op := range ops {
			for _, fault := range []Fault{Fail, Kill, PowerCut, PowerCutNames} {
				t.Run(fmt.Sprintf("%s/%d/%s", old, fault, op), func(t *testing.T) {
					dir := t.TempDir()
					path := filepath.Join(dir, "file")
					if old != "none" {
						require.NoError(t, Write(Disk, path, writeString(old)))
					}
					err := Write(&Faults{Fault: fault, At: i + 1}, path, writeString("the new content"))
					require.Error(t, err)
					renamed := strings.HasPrefix(op, "syncdir")
					require.Equal(t, renamed, errors.Is(err, ErrNotDurable))
					if renamed && fault != PowerCutNames {
						require.Equal(t, "the new content", read(t, path))
					} else {
						require.Equal(t, old, read(t, path))
					}
					if fault == Fail {
						require.ErrorIs(t, err, syscall.ENOSPC)
					} else {
						require.ErrorIs(t, err, ErrCrashed)
					}
					for _, name := range names(t, dir) {
						target, temp := TempTarget(name)
						require.True(t, name == "file" || temp && target == "file" && fault != Fail, "%s", name)
					}
				})
			}
		}
	}
}

// The simulated power cut is as hostile as it says: without flushing, data is lost.
func TestPowerCutLosesWhatIsNotFlushed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	s := &Faults{Fault: PowerCut, At: 5}
	f, err := s.Create(path)
	require.NoError(t, err)
	require.NoError(t, writeString("12345678")(f))
	require.NoError(t, f.Sync())
	require.NoError(t, writeString("abcd")(f))
	require.ErrorIs(t, f.Close(), ErrCrashed)
	require.Equal(t, "12345678ab", read(t, path))
	require.ErrorIs(t, s.Remove(path), ErrCrashed, "nothing happens any more")
	require.ErrorIs(t, s.Rename(path, path+"2"), ErrCrashed)
	require.ErrorIs(t, s.SyncDir(filepath.Dir(path)), ErrCrashed)
	_, err = s.Create(path + "3")
	require.ErrorIs(t, err, ErrCrashed)
	require.Equal(t, []string{"file"}, names(t, filepath.Dir(path)))
}

func TestTempTarget(t *testing.T) {
	for name, want := range map[string]string{
		".file.tmp-1": "file", ".a.tmp-2.tmp-3": "a.tmp-2", ".größe\n.tmp-0123456789": "größe\n",
		"file.tmp-1": "", ".file.tmp-": "", ".file.tmp-x": "", ".file.tmp-12345678901": "", "..tmp-1": "", ".file": "", "": "",
	} {
		got, ok := TempTarget(name)
		require.Equal(t, want, got, "%q", name)
		require.Equal(t, want != "", ok, "%q", name)
	}
}
