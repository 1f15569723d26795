//go:build unix

package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestBetween(t *testing.T) {
	page := "before\n" + beginMarker + "old\n" + endMarker + "after\n"
	got, err := between(page, "new\n\n")
	if want := "before\n" + beginMarker + "\nnew\n\n" + endMarker + "after\n"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if again, err := between(got, "new"); err != nil || again != got {
		t.Errorf("writing the same again gives %q, %v", again, err)
	}
	if _, err := between("no markers", "new"); err == nil {
		t.Error("a page without markers is not an error")
	}
}

// The page has the markers.
func TestPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := between(string(page), ""); err != nil {
		t.Error(err)
	}
}

// A missing value in one round, a missing row and a missed target look like that.
func TestReport(t *testing.T) {
	m := newMeasurement(config{rounds: 2, threads: 2, workloads: []string{"W1", "W4"}})
	m.rowsUsed = []row{{name: ours}, {name: jaxJit}, {name: tfFit}, {name: tfFunction}, {name: sklearn}}
	m.speed.add("W1", ours, 0, 300)
	m.speed.add("W1", ours, 1, 500)
	m.speed.add("W1", jaxJit, 1, 400) // not in round 0
	m.speed.add("W4", ours, 0, 100)
	m.speed.add("W4", tfFit, 0, 20)
	m.speed.add("W4", tfFunction, 0, 50)
	m.p50.add("W1", predictInto, 0, 4)
	m.p50.add("W1", onnx, 0, 6)
	m.wall.add("", ours, 0, 0.05)
	m.memory.add("", ours, 0, 50)
	m.notes = []string{"GoMLX W4: not implemented"}
	text := m.report([]string{"a machine"})
	for _, want := range []string{
		"| W1 MLP 784-256-10, batch 128 | 1.2x JAX jit | 1.25 [1.25-1.25] yes | - | 1.6x JAX jit | 1.25 [1.25-1.25] **no** |",
		"| W4 CNN, batch 64 | 1x PyTorch eager | - | - | 1.2x TensorFlow's best | 2.00 [2.00-2.00] yes |",
		"| one row of W1, p50 | 1x ONNX Runtime | 1.50 [1.50-1.50] yes |  | 2x | 1.50 [1.50-1.50] **no** |",
		"| first step of W1 | 0.1 s | 0.050 [0.050-0.050] yes |",
		"| peak memory of that | 40 MB | 50.0 [50.0-50.0] **no** |",
		"| Stheno session | 400 | 100 |",
		"| Keras fit | - | 5.00 [5.00-5.00] |",
		"- GoMLX W4: not implemented\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, sklearn) || strings.Contains(text, "W7") {
		t.Errorf("there is something that was not measured in\n%s", text)
	}
}

// The driver over a worker that is a shell script: calibration, rounds, what is left out,
// a worker that dies, that a sleeping worker does not run, and that it may clean up.
func TestMeasure(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "worker.sh")
	err := os.WriteFile(script, []byte(`echo "ready $1"
(while sleep 0.02; do echo . >> ticks-$1; done) & tick=$!
trap 'kill $tick' EXIT
while read what w n; do
  case "$1 $what $w" in
  "dies run W2") exit 1 ;;
  "skips run W2") echo "skip there is none" ;;
  *) echo "ok $n $(expr $n \* 2).5" ;;
  esac
done
exec >&-
sleep 0.1
echo > cleaned-$1
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	c := config{root: dir, bin: dir, rounds: 2, threads: 1, cell: 3 * time.Second, workloads: []string{"W1", "W2"}, rows: regexp.MustCompile("")}
	m := newMeasurement(c)
	defer m.close()
	for _, name := range []string{"skips", "dies"} {
		r := row{name: name, argv: []string{"sh", script, name}, trains: true}
		m.rowsUsed = append(m.rowsUsed, r)
		p, err := m.start(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		m.processes[name] = p
	}
	if err := m.train(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := m.speed["W1"]["skips"]; len(got) != 2 || got[0] != 2/4.5 {
		t.Errorf("speeds of W1 are %v", got)
	}
	if len(m.speed["W2"]) != 0 {
		t.Errorf("speeds of W2 are %v", m.speed["W2"])
	}
	notes := strings.Join(m.notes, "\n")
	if !strings.Contains(notes, "skips W2: there is none") || !strings.Contains(notes, "dies W2: the worker died") {
		t.Errorf("the notes are %q", notes)
	}
	before, _ := os.ReadFile(filepath.Join(dir, "ticks-skips"))
	time.Sleep(300 * time.Millisecond)
	after, _ := os.ReadFile(filepath.Join(dir, "ticks-skips"))
	if len(before) != len(after) {
		t.Errorf("the worker did %d things in its sleep", len(after)-len(before))
	}
	m.close()
	if _, err := os.Stat(filepath.Join(dir, "cleaned-skips")); err != nil {
		t.Error("the worker was killed before it had cleaned up")
	}
}
