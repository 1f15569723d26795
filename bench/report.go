//go:build unix

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	beginMarker = "<!-- begin: written by make bench -->\n"
	endMarker   = "<!-- end: written by make bench -->\n"
)

// between puts text between the markers of a page.
func between(page, text string) (string, error) {
	before, rest, ok := strings.Cut(page, beginMarker)
	_, after, ok2 := strings.Cut(rest, endMarker)
	if !ok || !ok2 {
		return "", errors.New("the markers of make bench are missing")
	}
	return before + beginMarker + "\n" + strings.TrimSpace(text) + "\n\n" + endMarker + after, nil
}

// goal is a ratio to a peer, the fastest of some rows.
type goal struct {
	factor float64
	peers  []string
	name   string // of several peers
}

func (g goal) String() string {
	name := g.name
	if name == "" {
		name = g.peers[0]
	}
	return fmt.Sprintf("%.3gx %s", g.factor, name)
}

// target is what a workload must reach, and what it aims at.
type target struct {
	workload, model string
	must, aim       goal
}

var targets = []target{
	{"W1", "MLP 784-256-10, batch 128", goal{factor: 1.2, peers: []string{jaxJit}}, goal{factor: 1.6, peers: []string{jaxJit}}},
	{"W2", "MLP 16-64-64-1, batch 32", goal{factor: 1.8, peers: []string{jaxJit}}, goal{factor: 2.5, peers: []string{jaxJit}}},
	{"W3", "logistic, 30 features, batch 32", goal{factor: 6, peers: []string{jaxJit}}, goal{factor: 10, peers: []string{jaxJit}}},
	{"W4", "CNN, batch 64", goal{factor: 1, peers: []string{torchEager}}, goal{1.2, []string{tfFunction, tfFit, tfEstimator}, "TensorFlow's best"}},
	{"W6", "LSTM over characters, batch 32", goal{factor: 1, peers: []string{torchEager}}, goal{factor: 1.2, peers: []string{torchEager}}},
	{"W7", "MLP 1024-2048-2048-10, batch 512", goal{factor: 1.2, peers: []string{torchEager}}, goal{factor: 1, peers: []string{torchCompile}}},
}

// quiet is how busy a machine may be with other things.
const quiet = 0.05

// What a process may take to its first step, and a prediction against ONNX Runtime.
const (
	firstSeconds, firstMB    = 0.1, 40
	predictMust, predictsAim = 1, 2
)

// table is a Markdown table.
type table struct{ strings.Builder }

func (t *table) row(cells ...string) { fmt.Fprintf(t, "| %s |\n", strings.Join(cells, " | ")) }

func (t *table) head(cells ...string) {
	t.row(cells...)
	t.WriteString(strings.Repeat("|---", len(cells)) + "|\n")
}

// reached returns the ratio of a row to the fastest peer of a goal, and whether that is
// enough.
func (m *measurement) reached(row, workload string, g goal) string {
	best, fastest := "", 0.0
	for _, p := range g.peers {
		if s, ok := m.speed.spread(workload, p); ok && s.median > fastest {
			best, fastest = p, s.median
		}
	}
	r, ok := spreadOf(ratios(m.speed[workload][row], m.speed[workload][best]))
	if !ok {
		return "-"
	}
	return verdict(r, r.median >= g.factor)
}

func verdict(s spread, ok bool) string {
	if ok {
		return s.String() + " yes"
	}
	return s.String() + " **no**"
}

// report writes everything as Markdown.
func (m *measurement) report(about []string) string {
	var b strings.Builder
	for _, line := range about {
		fmt.Fprintf(&b, "%s.\n", line)
	}
	fmt.Fprintf(&b, "Median [min-max] of %d interleaved rounds, %d threads each.\n", m.rounds, m.threads)
	if busy, ok := spreadOf(m.busy); ok {
		fmt.Fprintf(&b, "While all workers slept the machine was busy %.0f %% of the time (median; at most %.0f %%).\n", 100*busy.median, 100*busy.max)
		if busy.median > quiet {
			b.WriteString("**That is not a quiet machine: these figures mean little.**\n")
		}
	}
	if d, ok := spreadOf(m.distance); ok {
		fmt.Fprintf(&b, "A cache line went from one processor to another and back in %.0f ns (median; %.0f to %.0f).\n", d.median, d.min, d.max)
	}
	section := func(title, text string) {
		if text != "" {
			fmt.Fprintf(&b, "\n### %s\n\n%s", title, text)
		}
	}
	section("Targets", m.targets())
	section("Training, steps/s", m.speeds())
	section("Training, steps/s of Stheno session over those of the others", m.speedRatios())
	section("Prediction of one row, microseconds", m.predictionTable())
	section("From the start of a process to its first step of W1", m.firstTable())
	section("Versions", list(m.about))
	section("Left out", list(m.notes))
	return b.String()
}

func list(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&b, "- %s\n", strings.ReplaceAll(line, "|", "\\|"))
	}
	return b.String()
}

func (m *measurement) targets() string {
	var t table
	t.head("workload", "must reach", ours, oursLoop, "aim", ours)
	for _, goal := range targets {
		if !slices.Contains(m.workloads, goal.workload) {
			continue
		}
		w := goal.workload
		t.row(w+" "+goal.model, goal.must.String(), m.reached(ours, w, goal.must), m.reached(oursLoop, w, goal.must),
			goal.aim.String(), m.reached(ours, w, goal.aim))
	}
	for _, w := range predicted {
		for _, q := range []struct {
			name string
			s    series
		}{{"p50", m.p50}, {"p99", m.p99}} {
			if r, ok := spreadOf(ratios(q.s[w][onnx], q.s[w][predictInto])); ok {
				t.row("one row of "+w+", "+q.name, fmt.Sprintf("%dx %s", predictMust, onnx), verdict(r, r.median >= predictMust), "",
					fmt.Sprintf("%dx", predictsAim), verdict(r, r.median >= predictsAim))
			}
		}
	}
	if s, ok := m.wall.spread("", ours); ok {
		t.row("first step of W1", fmt.Sprintf("%.1f s", firstSeconds), verdict(s, s.median <= firstSeconds), "", "", "")
	}
	if s, ok := m.memory.spread("", ours); ok {
		t.row("peak memory of that", fmt.Sprintf("%d MB", firstMB), verdict(s, s.median <= firstMB), "", "", "")
	}
	return t.String()
}

// trained calls f for the rows that have a training speed.
func (m *measurement) trained(f func(name string)) {
	for _, r := range m.rowsUsed {
		if slices.ContainsFunc(m.workloads, func(w string) bool { return len(m.speed[w][r.name]) > 0 }) {
			f(r.name)
		}
	}
}

func (m *measurement) speeds() string {
	var t table
	t.head(append([]string{""}, m.workloads...)...)
	m.trained(func(name string) {
		cells := []string{name}
		for _, w := range m.workloads {
			cell := "-"
			if s, ok := m.speed.spread(w, name); ok {
				cell = digits(s.median)
			}
			cells = append(cells, cell)
		}
		t.row(cells...)
	})
	return t.String()
}

func (m *measurement) speedRatios() string {
	var t table
	t.head(append([]string{""}, m.workloads...)...)
	empty := true
	m.trained(func(name string) {
		if name == ours {
			return
		}
		cells := []string{name}
		for _, w := range m.workloads {
			cell := "-"
			if s, ok := spreadOf(ratios(m.speed[w][ours], m.speed[w][name])); ok {
				cell, empty = s.String(), false
			}
			cells = append(cells, cell)
		}
		t.row(cells...)
	})
	if empty {
		return ""
	}
	return t.String()
}

func (m *measurement) predictionTable() string {
	var t table
	head := []string{""}
	for _, w := range predicted {
		head = append(head, w+" p50", w+" p99")
	}
	t.head(head...)
	empty := true
	for _, r := range m.rowsUsed {
		cells := []string{r.predicts}
		measured := false
		for _, w := range predicted {
			for _, s := range []series{m.p50, m.p99} {
				cell := "-"
				if v, ok := s.spread(w, r.predicts); ok {
					cell, measured = v.String(), true
				}
				cells = append(cells, cell)
			}
		}
		if measured {
			t.row(cells...)
			empty = false
		}
	}
	if empty {
		return ""
	}
	return t.String()
}

func (m *measurement) firstTable() string {
	var t table
	t.head("", "seconds", "peak memory, MB")
	empty := true
	for _, r := range m.rowsUsed {
		seconds, ok := m.wall.spread("", r.name)
		if !ok {
			continue
		}
		empty = false
		memory, _ := m.memory.spread("", r.name)
		t.row(r.name, seconds.String(), memory.String())
	}
	if empty {
		return ""
	}
	return t.String()
}
