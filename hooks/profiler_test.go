package hooks_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/optim"
)

// event is one event of a trace file.
type event struct {
	Name string         `json:"name"`
	Kind string         `json:"ph"`
	At   float64        `json:"ts"`
	Dur  float64        `json:"dur"`
	Pid  int            `json:"pid"`
	Tid  int            `json:"tid"`
	Args map[string]any `json:"args"`
}

// readTrace returns the stretches of time by track.
func readTrace(t *testing.T, path string) map[string][]event {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var file struct {
		TraceEvents     []event `json:"traceEvents"`
		DisplayTimeUnit string  `json:"displayTimeUnit"`
	}
	require.NoError(t, json.Unmarshal(text, &file))
	require.Equal(t, "ms", file.DisplayTimeUnit)
	names, tracks := map[int]string{}, map[string][]event{}
	for _, e := range file.TraceEvents {
		require.Equal(t, 1, e.Pid)
		switch {
		case e.Kind == "M" && e.Name == "thread_name":
			names[e.Tid] = e.Args["name"].(string)
		case e.Kind == "X":
			track := names[e.Tid]
			require.NotEmpty(t, track, "a track has its name before its first event")
			tracks[track] = append(tracks[track], e)
		}
	}
	return tracks
}

func timelines(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "timeline-*.json"))
	require.NoError(t, err)
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	return files
}

// Every phase is on its own track, at its own time, in microseconds.
func TestProfilerTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		slowly(t, hooks.NewProfiler(hooks.EverySteps(2), hooks.ProfileDir(dir)))
		require.Equal(t, []string{"timeline-2.json", "timeline-4.json"}, timelines(t, dir))
		tracks := readTrace(t, filepath.Join(dir, "timeline-2.json"))
		require.Len(t, tracks["input"], 1)
		require.Equal(t, []float64{0, 1e6}, []float64{tracks["input"][0].At, tracks["input"][0].Dur})
		require.Equal(t, []float64{1e6, 0}, []float64{tracks["step"][0].At, tracks["step"][0].Dur})
		var slow []event
		for _, e := range tracks["hooks"] {
			require.EqualValues(t, 2, e.Args["step"])
			if e.Dur > 0 {
				slow = append(slow, e)
			}
		}
		require.Len(t, slow, 1)
		require.Equal(t, "hooks.Funcs PostStep", slow[0].Name)
		require.Equal(t, []float64{1e6, 2e6}, []float64{slow[0].At, slow[0].Dur})
		require.Equal(t, "test", tracks["evaluation"][0].Name)
		require.Equal(t, []float64{3e6, 3e6}, []float64{tracks["evaluation"][0].At, tracks["evaluation"][0].Dur})
		require.Equal(t, []float64{6e6, 5e6}, []float64{tracks["saving"][0].At, tracks["saving"][0].Dur})
		require.Empty(t, tracks["other"])
	})
}

// The ops of the step are within it, and only of the steps that are traced.
func TestProfilerOps(t *testing.T) {
	m := newBowl()
	dir, err := m.train(t, optim.Adam(1).Minimize(m.g, m.loss), graphactions.Steps(9), graphactions.Monitors(hooks.NewProfiler(hooks.EverySteps(4), hooks.ProfileSteps(2))))
	require.NoError(t, err)
	require.Equal(t, []string{"timeline-3.json", "timeline-7.json"}, timelines(t, dir), "steps 2 and 3, 6 and 7")
	tracks := readTrace(t, filepath.Join(dir, "timeline-7.json"))
	require.Len(t, tracks["step"], 2)
	kinds := map[string]int{}
	for _, e := range tracks["ops"] {
		kinds[fmt.Sprint(e.Name, " ", e.Args["step"])]++
		require.NotEmpty(t, e.Args["node"])
		run := tracks["step"][int(e.Args["step"].(float64))-6]
		require.GreaterOrEqual(t, e.At, run.At)
		require.LessOrEqual(t, e.At+e.Dur, run.At+run.Dur+1e-3)
	}
	require.Equal(t, 1, kinds["Adam 6"])
	require.Equal(t, 1, kinds["Adam 7"])
}

// The trace of a run that ends within it is written, and the session is left as it was.
func TestProfilerEndsEarly(t *testing.T) {
	dir := t.TempDir()
	c := newCounting()
	_, err := c.train(dir, graphactions.Steps(3), graphactions.Monitors(hooks.NewProfiler(hooks.EverySteps(1000), hooks.ProfileSteps(50))))
	require.NoError(t, err)
	require.Equal(t, []string{"timeline-3.json"}, timelines(t, dir))
	require.Len(t, readTrace(t, filepath.Join(dir, "timeline-3.json"))["step"], 2)
	dir = t.TempDir()
	_, err = c.train(dir, graphactions.Steps(1), graphactions.Monitors(hooks.NewProfiler(hooks.EverySteps(1))))
	require.NoError(t, err)
	require.Empty(t, timelines(t, dir), "the first step is never traced")
}

func TestProfilerCPU(t *testing.T) {
	dir := t.TempDir()
	profile := func(first, last, steps int64) {
		_, err := newCounting().train(dir, graphactions.Steps(steps), graphactions.Monitors(hooks.NewProfiler(hooks.Never(), hooks.CPUProfile(first, last))))
		require.NoError(t, err)
	}
	profile(2, 3, 5)
	text, err := os.ReadFile(filepath.Join(dir, "cpu-2-3.pprof"))
	require.NoError(t, err)
	require.Equal(t, []byte{0x1f, 0x8b}, text[:2], "it is a gzipped protocol buffer")
	profile(6, 1000, 2) // the run goes on at step 6 and ends before 1000
	require.FileExists(t, filepath.Join(dir, "cpu-6-1000.pprof"))
	profile(1, 2, 2)
	require.NoFileExists(t, filepath.Join(dir, "cpu-1-2.pprof"), "those steps are over")
	require.Empty(t, timelines(t, dir))
	// Somebody else's profile is left alone.
	other, err := os.Create(filepath.Join(dir, "other"))
	require.NoError(t, err)
	defer other.Close()
	require.NoError(t, pprof.StartCPUProfile(other))
	profile(10, 11, 3)
	pprof.StopCPUProfile()
	require.NoFileExists(t, filepath.Join(dir, "cpu-10-11.pprof"))
}

// A file that cannot be written ends the run with an error that names it.
func TestProfilerCannotWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := newCounting().train(t.TempDir(), graphactions.Steps(3), graphactions.Monitors(hooks.NewProfiler(hooks.EverySteps(1), hooks.ProfileDir(file))))
	require.ErrorContains(t, err, "Profiler: mkdir "+file)
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "timeline-2.json", "full"), 0o755))
	res, err := newCounting().train(t.TempDir(), graphactions.Steps(9), graphactions.Monitors(hooks.NewProfiler(hooks.EverySteps(5), hooks.ProfileDir(dir))))
	require.ErrorContains(t, err, "timeline-2.json")
	require.EqualValues(t, 2, res.LastStep, "before the next step")
}
