// Package exampletest runs the example programs as a person does: builds them, starts
// them, interrupts them, kills them.
//
// All examples take -dir, -steps, -seed and -save-every and print lines such as
// "accuracy 0.967" at the end.
package exampletest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/saver"
)

// Soak is the environment variable that asks for the long forms of the tests that kill.
const Soak = "STHENO_SOAK"

// Program is a built example.
type Program struct {
	t    *testing.T
	path string
}

// Build builds the example in the test's own directory, without cgo.
func Build(t *testing.T) *Program {
	t.Helper()
	if testing.Short() {
		t.Skip("the example is built and run as a program, which is left out with -short")
	}
	path := filepath.Join(t.TempDir(), "example")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the example: %v\n%s", err, out)
	}
	return &Program{t, path}
}

// Command returns a command that runs the program, to be started.
func (p *Program) Command(args ...string) *exec.Cmd { return exec.Command(p.path, args...) }

// Result is what a program left.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Run runs the program to its end.
func (p *Program) Run(args ...string) Result {
	p.t.Helper()
	cmd := p.Command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("running %v: %v", args, err)
	}
	return Result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// MustRun runs the program to its end, which must be a success.
func (p *Program) MustRun(args ...string) Result {
	p.t.Helper()
	r := p.Run(args...)
	if r.Code != 0 {
		p.t.Fatalf("%v exited with code %d\n%s%s", args, r.Code, r.Stdout, r.Stderr)
	}
	return r
}

// Number returns the number in the output's line "name 0.967".
func (r Result) Number(t *testing.T, name string) float64 {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (-?[0-9.]+)$`).FindStringSubmatch(r.Stdout)
	if m == nil {
		t.Fatalf("the output has no line %q with a number:\n%s", name, r.Stdout)
	}
	x, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// Bits returns everything in the newest checkpoint of dir: variables, slots, the
// position of the input, the states of monitors.
func Bits(t *testing.T, dir string) map[string]string {
	t.Helper()
	ckpt, path, skipped, err := saver.LoadLatest(dir)
	if err != nil {
		t.Fatalf("the newest checkpoint: %v", err)
	}
	if len(skipped) > 0 {
		t.Fatalf("checkpoints that cannot be read beside %s: %v", path, skipped)
	}
	bits := map[string]string{"step": fmt.Sprint(ckpt.Step)}
	for name, v := range ckpt.Tensors {
		bits["tensor "+name] = fmt.Sprint(v.Dtype(), v.Shape(), dense.Bytes(v))
	}
	for key, value := range ckpt.Metadata {
		bits["metadata "+key] = value
	}
	return bits
}

// Differences lists what differs between two checkpoints.
func Differences(a, b map[string]string) (names []string) {
	for name := range a {
		if a[name] != b[name] {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Interrupt starts a run that would be very long, sends SIGTERM after its first
// checkpoint, and verifies that it ended with the exit code for that, and a checkpoint
// of the last step that it made. The run is then finished to 3 further steps. extra are
// more arguments.
func (p *Program) Interrupt(code int, extra ...string) {
	t := p.t
	t.Helper()
	dir := t.TempDir()
	args := append([]string{"-save-every", "50", "-dir", dir}, extra...)
	cmd := p.Command(append(args, "-steps", "1000000000")...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer cmd.Process.Kill()
	for newestStep(dir) <= 0 {
		select {
		case err := <-ended:
			t.Fatalf("it ended by itself: %v\n%s%s", err, stdout.String(), stderr.String())
		case <-time.After(time.Millisecond):
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("it did not end within a minute of SIGTERM")
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("exit code %d after SIGTERM, want %d\n%s", got, code, stderr.String())
	}
	step := newestStep(dir)
	if _, err := saver.Check(dir); err != nil {
		t.Fatalf("after SIGTERM: %v", err)
	}
	ckpt, _, _, err := saver.LoadLatest(dir)
	if err != nil {
		t.Fatal(err)
	}
	if ckpt.Step != step || step == 0 {
		t.Fatalf("the newest checkpoint is of step %d, the state file says %d", ckpt.Step, step)
	}
	if shown := regexp.MustCompile(`step (\d+)/1000000000`).FindAllStringSubmatch(stderr.String(), -1); shown != nil {
		if last := shown[len(shown)-1][1]; last != fmt.Sprint(step) {
			t.Fatalf("the last step shown is %s, the newest checkpoint is of step %d", last, step)
		}
	}
	p.MustRun(append(args, "-steps", fmt.Sprint(step+3))...)
	if got := newestStep(dir); got != step+3 {
		t.Fatalf("after the resume the newest checkpoint is of step %d, want %d", got, step+3)
	}
}

func newestStep(dir string) int64 {
	steps, err := saver.Steps(dir)
	if err != nil || len(steps) == 0 {
		return -1
	}
	return slices.Max(steps)
}

// Kill kills a run again and again at random moments, resumes it each time, and verifies
// that the model directory can always be read and that the final checkpoint equals that
// of an undisturbed run, bit for bit. A checkpoint every few steps makes many of the
// moments fall into a save. Each killed run gets a moment within its first slice of
// time. short and long are the numbers of kills without and with the long form; extra are
// more arguments.
func (p *Program) Kill(short, long int, steps, saveEvery int64, slice time.Duration, extra ...string) {
	t := p.t
	t.Helper()
	kills := short
	if os.Getenv(Soak) != "" {
		kills = long
	}
	args := append(extra, "-steps", fmt.Sprint(steps), "-save-every", fmt.Sprint(saveEvery), "-dir")
	whole := t.TempDir()
	p.MustRun(append(args, whole)...)
	want := Bits(t, whole)
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, uint64(steps)))
	killed, restarts := 0, 0
	for killed < kills {
		cmd := p.Command(append(args, dir)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.Int64N(int64(slice))))
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		cmd.Wait()
		if cmd.ProcessState.ExitCode() == 0 {
			// It was faster than the kill: start over, so that every kill disturbs a run.
			if d := Differences(want, Bits(t, dir)); len(d) > 0 {
				t.Fatalf("after %d kills the run ended with another checkpoint than an undisturbed one; these differ: %v", killed, d)
			}
			dir = t.TempDir()
			restarts++
			if restarts > 10*kills {
				t.Fatal("the run is always faster than the kill: give it more steps")
			}
			continue
		}
		killed++
		if _, _, skipped, err := saver.LoadLatest(dir); errors.Is(err, saver.ErrNoCheckpoint) {
			continue // killed before the first checkpoint
		} else if err != nil || len(skipped) > 0 {
			t.Fatalf("kill %d left a directory that cannot be read: %v %v", killed, err, skipped)
		}
	}
	p.MustRun(append(args, dir)...)
	if d := Differences(want, Bits(t, dir)); len(d) > 0 {
		t.Fatalf("after %d kills the run ended with another checkpoint than an undisturbed one; these differ: %v", killed, d)
	}
	// The comparison must be able to fail.
	other := t.TempDir()
	p.MustRun(append(args, other, "-seed", "12345")...)
	if d := Differences(want, Bits(t, other)); len(d) == 0 {
		t.Fatalf("another seed gives the same bits: %v", slices.Sorted(maps.Keys(want)))
	}
	t.Logf("%d kills, %d runs that ended before theirs", killed, restarts)
}
