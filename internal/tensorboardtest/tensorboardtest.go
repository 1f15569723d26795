// Package tensorboardtest starts the real TensorBoard for tests and asks it what it
// shows, over the HTTP interface that its page uses.
//
//	board := tensorboardtest.Start(t, logdir)
//	points := board.Scalars(".", "loss", 3)
//
// A run is named by its directory relative to the log directory, "." for that itself.
// TensorBoard loads in the background: each question is asked again until the answer
// is there, and after a minute the test fails with the last answer.
package tensorboardtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Variable is the environment variable that names a Python with TensorBoard; the
// Makefile sets it to the one that tools/python/setup.sh makes.
const Variable = "STHENO_TENSORBOARD_PYTHON"

const (
	patience = time.Minute // for TensorBoard to start, and for each answer
	pause    = 50 * time.Millisecond
	goodbye  = 10 * time.Second // for it to end after it was asked to
)

// Server is a running TensorBoard. It ends with its test.
type Server struct {
	t      testing.TB
	url    string
	client *http.Client
	output *output
	ended  chan struct{} // closed when the process is gone
}

// Point is one value of a curve.
type Point struct {
	Step  int64
	Value float64
}

// Histogram is a distribution at one step. Each bucket is its left edge, its right edge
// and its count.
type Histogram struct {
	Step    int64
	Buckets [][3]float64
}

// Start starts TensorBoard on a log directory, with further arguments if any. It skips
// the test where no Python with TensorBoard is named.
func Start(t testing.TB, logdir string, args ...string) *Server {
	t.Helper()
	python := os.Getenv(Variable)
	if python == "" {
		t.Skip(Variable + " is not set: the test with the real TensorBoard is run by make test")
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{t: t, output: newOutput(), ended: make(chan struct{}), client: &http.Client{Transport: &http.Transport{}, Timeout: patience}}
	cmd := exec.CommandContext(ctx, python, append([]string{
		"-m", "tensorboard.main", "--logdir", logdir, "--host", "127.0.0.1", "--port", "0", "--reload_interval", "1",
	}, args...)...)
	cmd.Stdout, cmd.Stderr = s.output, s.output
	// It keeps a file about each process in the temporary directory.
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir(), "PYTHONUNBUFFERED=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = goodbye
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatalf("starting TensorBoard with %s=%s: %v", Variable, python, err)
	}
	go func() {
		defer close(s.ended)
		_ = cmd.Wait() // ended by a signal
	}()
	t.Cleanup(func() {
		cancel()
		<-s.ended
		s.client.CloseIdleConnections()
	})
	select {
	case s.url = <-s.output.url:
	case <-s.ended:
		t.Fatalf("TensorBoard ended before it served:\n%s", s.output)
	case <-time.After(patience):
		t.Fatalf("TensorBoard did not serve within %v:\n%s", patience, s.output)
	}
	return s
}

// Environment returns what TensorBoard says about itself: "version", "data_location"
// and more.
func (s *Server) Environment() map[string]any {
	s.t.Helper()
	return await(s, "/data/environment", nil, func(env map[string]any) bool { return len(env) > 0 })
}

// ScalarTags returns the names of the curves of a run once there are n.
func (s *Server) ScalarTags(run string, n int) []string {
	s.t.Helper()
	return s.tags("scalars", run, n)
}

// HistogramTags returns the names of the histograms of a run once there are n.
func (s *Server) HistogramTags(run string, n int) []string {
	s.t.Helper()
	return s.tags("histograms", run, n)
}

func (s *Server) tags(plugin, run string, n int) []string {
	s.t.Helper()
	answer := await(s, "/data/plugin/"+plugin+"/tags", nil, func(runs map[string]map[string]any) bool { return len(runs[run]) >= n })
	tags := make([]string, 0, len(answer[run]))
	for tag := range answer[run] {
		tags = append(tags, tag)
	}
	return tags
}

// Scalars returns the points of a curve once there are n.
func (s *Server) Scalars(run, tag string, n int) []Point {
	s.t.Helper()
	return s.ScalarsWhen(run, tag, func(points []Point) bool { return len(points) >= n })
}

// ScalarsWhen returns the points of a curve once enough says that all are there.
func (s *Server) ScalarsWhen(run, tag string, enough func([]Point) bool) (points []Point) {
	s.t.Helper()
	// [[wall time, step, value], ...]
	await(s, "/data/plugin/scalars/scalars", url.Values{"run": {run}, "tag": {tag}}, func(answer [][3]number) bool {
		points = make([]Point, len(answer))
		for i, p := range answer {
			points[i] = Point{Step: int64(p[1]), Value: float64(p[2])}
		}
		return enough(points)
	})
	return points
}

// Histograms returns the distributions of a tag once there are n.
func (s *Server) Histograms(run, tag string, n int) []Histogram {
	s.t.Helper()
	// [wall time, step, [[left, right, count], ...]]
	answer := await(s, "/data/plugin/histograms/histograms", url.Values{"run": {run}, "tag": {tag}}, func(steps [][3]json.RawMessage) bool { return len(steps) >= n })
	histograms := make([]Histogram, len(answer))
	for i, h := range answer {
		var buckets [][3]number
		if err := json.Unmarshal(h[2], &buckets); err != nil {
			s.t.Fatalf("TensorBoard's histogram %q of run %q: %v in %s", tag, run, err, h[2])
		}
		if err := json.Unmarshal(h[1], &histograms[i].Step); err != nil {
			s.t.Fatalf("TensorBoard's histogram %q of run %q: step: %v in %s", tag, run, err, h[1])
		}
		for _, b := range buckets {
			histograms[i].Buckets = append(histograms[i].Buckets, [3]float64{float64(b[0]), float64(b[1]), float64(b[2])})
		}
	}
	return histograms
}

// Graph returns the graph of a run as the page gets it, in protobuf's text form, once
// there is one.
func (s *Server) Graph(run string) string {
	s.t.Helper()
	await(s, "/data/plugin/graphs/info", nil, func(runs map[string]struct {
		Graph bool `json:"run_graph"`
	}) bool {
		return runs[run].Graph
	})
	var text string
	s.await("/data/plugin/graphs/graph", url.Values{"run": {run}}, func(body []byte) error {
		text = string(body)
		return nil
	})
	return text
}

var nodeName = regexp.MustCompile(`(?m)^node \{\n  name: "([^"]*)"$`)

// GraphNodes returns the names of the nodes in a run's graph, in order, once there is
// one.
func (s *Server) GraphNodes(run string) []string {
	s.t.Helper()
	var names []string
	for _, match := range nodeName.FindAllStringSubmatch(s.Graph(run), -1) {
		names = append(names, match[1])
	}
	return names
}

// number is a JSON number, or the name of one that JSON lacks.
type number float64

func (n *number) UnmarshalJSON(b []byte) error {
	b = bytes.Trim(b, `"`) // "NaN", "Infinity", "-Infinity"
	_, err := fmt.Sscan(string(b), (*float64)(n))
	return err
}

// await asks until enough says that the answer is there.
func await[T any](s *Server, path string, query url.Values, enough func(T) bool) T {
	s.t.Helper()
	var answer T
	s.await(path, query, func(body []byte) error {
		var next T
		if err := json.Unmarshal(body, &next); err != nil {
			return fmt.Errorf("%w in %s", err, body)
		}
		if !enough(next) {
			return fmt.Errorf("it is not all there: %s", body)
		}
		answer = next
		return nil
	})
	return answer
}

// await asks until read takes the answer.
func (s *Server) await(path string, query url.Values, read func([]byte) error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		body, err := s.get(ctx, path+"?"+query.Encode())
		if err == nil {
			err = read(body)
		}
		if err == nil {
			return
		}
		select {
		case <-s.ended:
			s.t.Fatalf("TensorBoard ended:\n%s", s.output)
		case <-ctx.Done():
			s.t.Fatalf("TensorBoard's answer to %s?%s after %v: %v\n%s", path, query.Encode(), patience, err, s.output)
		case <-time.After(pause):
		}
	}
}

func (s *Server) get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", response.Status, body)
	}
	return body, nil
}

// output keeps what the process prints and finds the address in it.
type output struct {
	url chan string // gets the address once

	mu    sync.Mutex
	text  bytes.Buffer
	found bool
}

func newOutput() *output { return &output{url: make(chan string, 1)} }

var address = regexp.MustCompile(`TensorBoard \S+ at (http://\S+:\d+)/`)

// Write is called by the process's copying goroutine.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b)
	if match := address.FindSubmatch(o.text.Bytes()); match != nil && !o.found {
		o.found = true
		o.url <- string(match[1])
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
