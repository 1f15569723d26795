package estimator_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/internal/exampletest"
	"github.com/stheno-ml/stheno/nn"
)

// A line of a child that measures its memory is for so many steps.
const segment = 100

// perceptron is W1, a network of 784-256-10 trained by Adam.
func perceptron(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	return classes(g, nn.Dense(g, nn.Dense(g, features.One(), 256, nn.WithActivation(nn.ReLU)), 10), labels, mode)
}

// pictures are 1024 rows for it.
func pictures() (x, y *tensor.Dense) {
	x, y = dense.New(tensor.Float32, tensor.Shape{1024, 784}), dense.New(tensor.Int64, tensor.Shape{1024})
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i%97)/97 + float32(i/784%10)/10
	}
	for i := range y.Int64s() {
		y.Int64s()[i] = int64(i % 10)
	}
	return x, y
}

// changing gives a batch of another size each time, from 1 to 256 rows. Each of the sizes
// comes back after 256 batches, when its program has long been dropped.
func changing(x, y *tensor.Dense) *datasets.Dataset {
	n := 0
	return datasets.Func(datasets.FromTensors(x, y).Spec(), func() (datasets.Batch, error) {
		n = (n + 97) % 256
		rows := n + 1
		return datasets.Batch{
			Features: map[string]*tensor.Dense{datasets.DefaultFeature: tensor.New(tensor.WithShape(rows, 784), tensor.WithBacking(x.Float32s()[:rows*784]))},
			Labels:   map[string]*tensor.Dense{datasets.DefaultLabel: tensor.New(tensor.WithShape(rows), tensor.WithBacking(y.Int64s()[:rows]))},
		}, nil
	})
}

// memoryChild is a program that trains W1 until it is killed, with a checkpoint every
// segment. At the end of each it prints VmHWM, the most memory that was resident so far,
// and VmRSS, in kB. With changing batches garbage is given back to the system before: how
// much there is of it depends on when the collector runs, which on a busy machine may be
// late.
func memoryChild(what, dir string) error {
	x, y := pictures()
	input := datasets.FromTensors(x, y).Shuffle(1024).Batch(128).Repeat(-1)
	if what == "changing" {
		input = changing(x, y)
	}
	est, err := estimator.New(perceptron, quiet, estimator.ModelDir(dir), estimator.SaveCheckpointsSteps(segment))
	if err != nil {
		return err
	}
	defer est.Close()
	m := hooks.Funcs{OnPostStep: func(step int64) error {
		if step%segment != 0 {
			return nil
		}
		if what == "changing" {
			debug.FreeOSMemory()
		}
		_, err := fmt.Println(resident("VmHWM"), resident("VmRSS"))
		return err
	}}
	_, err = est.Fit(input, estimator.Monitors(m))
	return err
}

// resident reads a line such as "VmRSS:   31004 kB" of this process' status, 0 where
// there is none.
func resident(name string) (kB int) {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "\n"+name+":")
	fmt.Sscan(after, &kB)
	return kB
}

// measure starts a child and returns what it prints until enough says so. Two processors
// are what docs/performance.md measures with: every further one has some memory of its
// own.
func measure(t *testing.T, what string, enough func(segments int) bool) (highest, resident []int) {
	t.Helper()
	switch {
	case !strings.Contains(readStatus(), "VmHWM:"):
		t.Skip("/proc/self/status with VmHWM is needed, which Linux has")
	case testing.Short():
		t.Skip("some seconds of training are left out with -short")
	case underRace():
		t.Skip("the race detector's own memory would be measured")
	}
	binary, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = append(os.Environ(), childVariable+"="+what+" "+t.TempDir(), "GOMAXPROCS=2", "GOGC=", "GOMEMLIMIT=")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	for lines := bufio.NewScanner(out); !enough(len(resident)); {
		require.True(t, lines.Scan(), "the child ended")
		var peak, now int
		_, err := fmt.Sscan(lines.Text(), &peak, &now)
		require.NoError(t, err, lines.Text())
		highest, resident = append(highest, peak), append(resident, now)
	}
	return highest, resident
}

func readStatus() string {
	status, _ := os.ReadFile("/proc/self/status")
	return string(status)
}

func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func TestMemoryOfTraining(t *testing.T) {
	const steps = 1000
	highest, _ := measure(t, "fixed", func(segments int) bool { return segments*segment >= steps })
	peak := highest[len(highest)-1]
	t.Logf("VmHWM after %d steps: %d kB", steps, peak)
	require.Less(t, peak*1024, 40_000_000)
}

// With batches of ever changing sizes nearly every step compiles a program and drops
// another, of which a session keeps 16. What is resident at the end of a segment depends a
// little on the sizes that came last, so medians are compared; they differ by less than two
// percent, and five are allowed: in the short form that finds 3 kB a step which are not
// given back, in the long form 20 bytes. A session that dropped no programs would keep 256,
// four times the absolute bound.
func TestMemoryStaysFlatOverChangingBatchSizes(t *testing.T) {
	enough := func(segments int) bool { return segments == 20 }
	if os.Getenv(exampletest.Soak) != "" {
		end := time.Now().Add(10 * time.Minute)
		enough = func(int) bool { return time.Now().After(end) }
	}
	highest, resident := measure(t, "changing", enough)
	half := len(resident) / 2
	first, second := median(resident[:half]), median(resident[half:])
	t.Logf("%d steps; median of VmRSS %d kB in the first half and %d kB in the second, at most %d kB; VmHWM %d kB with garbage",
		len(resident)*segment, first, second, slices.Max(resident), highest[len(highest)-1])
	require.Less(t, second, first*105/100)
	require.Less(t, second*1024, 80_000_000)
}

func median(x []int) int { return slices.Sorted(slices.Values(x))[len(x)/2] }
