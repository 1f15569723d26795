package saver

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// childDir makes the test binary a process that locks a directory until its standard
// input ends.
const childDir = "STHENO_SAVER_TEST_LOCK"

func child(dir string) {
	_, err := Lock(dir)
	fmt.Println(err)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func startChild(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "<nil>\n", line, "the child has the lock")
	return cmd
}

func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "model")
	lock, err := Lock(dir)
	require.NoError(t, err)
	_, err = Lock(dir)
	require.ErrorIs(t, err, ErrLocked, "within one process")
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, fmt.Sprintf("process %d on ", os.Getpid()))
	other, err := Lock(t.TempDir())
	require.NoError(t, err, "another directory")
	require.NoError(t, other.Close())
	require.NoError(t, lock.Close())
	require.NoError(t, lock.Close(), "twice")
	lock, err = Lock(dir)
	require.NoError(t, err, "released")
	require.NoError(t, lock.Close())
	require.Equal(t, []string{LockFile}, listing(t, dir))
}

func TestLockAcrossProcesses(t *testing.T) {
	dir := t.TempDir()
	cmd := startChild(t, dir)
	_, err := Lock(dir)
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, "process "+strconv.Itoa(cmd.Process.Pid))
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	lock, err := Lock(dir)
	require.NoError(t, err, "kill -9 releases it")
	require.NoError(t, lock.Close())
}

func TestLockRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Lock(file)
	require.ErrorContains(t, err, file)
	require.NotErrorIs(t, err, ErrLocked)
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, LockFile), 0o777))
	_, err = Lock(dir)
	require.ErrorContains(t, err, filepath.Join(dir, LockFile))
	require.NotErrorIs(t, err, ErrLocked)
}
