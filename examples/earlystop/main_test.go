package main

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/estimator/estimatortest"
	"github.com/stheno-ml/stheno/internal/exampletest"
)

// number returns the number of the pattern's group.
func number(t *testing.T, pattern, text string) int64 {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	require.NotNil(t, m, "%s\n%s", pattern, text)
	n, err := strconv.ParseInt(m[1], 10, 64)
	require.NoError(t, err)
	return n
}

func TestEarlyStop(t *testing.T) {
	p := exampletest.Build(t)
	dir := t.TempDir()
	first := p.MustRun("-dir", dir)
	require.GreaterOrEqual(t, first.Number(t, "accuracy"), 0.85)
	best := number(t, `best validation at step (\d+): accuracy = `, first.Stdout)
	last := number(t, `steps 0 to (\d+) \(stop requested: early stopping`, first.Stdout)
	require.Equal(t, best+5*20, last, "five evaluations without improvement")
	// Run again: it goes on from the best variables, and remembers how good they were.
	again := p.MustRun("-dir", dir)
	require.Contains(t, again.Stdout, fmt.Sprintf("steps %d to ", last))
	lowest := func(r exampletest.Result) float64 {
		m := regexp.MustCompile(`the best was (\S+) at step`).FindStringSubmatch(r.Stdout)
		require.NotNil(t, m, r.Stdout)
		loss, err := strconv.ParseFloat(m[1], 64)
		require.NoError(t, err)
		return loss
	}
	require.LessOrEqual(t, lowest(again), lowest(first))
}

// A run that is cut in pieces stops where a whole one does.
func TestStopsWhereAWholeRunStops(t *testing.T) {
	p := exampletest.Build(t)
	whole, dir := t.TempDir(), t.TempDir()
	p.MustRun("-dir", whole)
	for _, steps := range []string{"31", "100", "131"} {
		p.MustRun("-dir", dir, "-steps", steps)
	}
	p.MustRun("-dir", dir)
	require.Empty(t, exampletest.Differences(exampletest.Bits(t, whole), exampletest.Bits(t, dir)))
}

// endless lets nothing stop the run, which is compared with one that was not killed: a run
// that has stopped early makes another evaluation when it is run again.
var endless = []string{"-patience", "1000000"}

func TestInterrupt(t *testing.T) {
	exampletest.Build(t).Interrupt(estimator.ExitInterrupted, endless...)
}

func TestKill(t *testing.T) {
	exampletest.Build(t).Kill(3, 50, 600, 3, 300*time.Millisecond, endless...)
}

func TestConformance(t *testing.T) {
	estimatortest.Run(t, estimatortest.Subject{
		New:   func(opts ...estimator.Option) (*estimator.Estimator, error) { return estimator.New(model, opts...) },
		Input: func() *datasets.Dataset { return datasets.Digits().Take(30) },
	})
}
