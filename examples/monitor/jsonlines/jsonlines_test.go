package jsonlines_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/examples/monitor/jsonlines"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/hooks/hookstest"
)

// The conformance kit is all that a plugin needs to know that it keeps the rules.
func TestConformance(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	hookstest.Run(t, func() hooks.Monitor { return jsonlines.New(path, 2) })
}

func TestBadArguments(t *testing.T) {
	hookstest.Rejects(t, jsonlines.New("", 1), "jsonlines: path is empty")
	hookstest.Rejects(t, jsonlines.New("metrics.jsonl", 0), "jsonlines: every is 0, want at least 1")
}

// What it writes, over the kit's stand-in for the training loop.
func TestLines(t *testing.T) {
	l, err := hookstest.NewLoop(t.TempDir())
	require.NoError(t, err)
	defer l.Close()
	l.Steps = 4
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	require.NoError(t, l.Run(jsonlines.New(path, 2), hooks.NewValidation("test", hooks.EverySteps(4))))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, []string{
		`{"loss":0.5,"step":2}`,
		`{"loss":0.25,"step":4}`,
		`{"evaluation":"test","metrics":{"global_step":4,"loss":0.25},"step":4}`,
	}, strings.Split(strings.TrimSpace(string(text)), "\n"))
}
