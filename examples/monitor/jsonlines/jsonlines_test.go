package jsonlines_test

import (
	"path/filepath"
	"testing"

	"github.com/stheno-ml/stheno/examples/monitor/jsonlines"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/hooks/hookstest"
)

// The conformance kit is all that a plugin needs to know that it keeps the rules.
func TestConformance(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	hookstest.Run(t, func() hooks.Monitor { return jsonlines.New(path, 2) })
}
