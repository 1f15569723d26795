package graph

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// BuildError is the first error of building a graph.
type BuildError struct {
	// Err says what was wrong.
	Err error
	// Site is the place in the caller's code, as "file.go:line".
	Site string
}

// Error returns the cause and the place.
func (e *BuildError) Error() string {
	if e.Site == "" {
		return "graph: " + e.Err.Error()
	}
	return fmt.Sprintf("graph: %v (at %s)", e.Err, e.Site)
}

// Unwrap returns the cause.
func (e *BuildError) Unwrap() error { return e.Err }

// Packages whose frames are not the caller's code.
var buildingPackages = []string{
	"github.com/stheno-ml/stheno/graph.", "github.com/stheno-ml/stheno/ops.", "github.com/stheno-ml/stheno/nn.",
	"github.com/stheno-ml/stheno/optim.", "github.com/stheno-ml/stheno/metrics.", "github.com/stheno-ml/stheno/graphactions.",
	"gorgonia.org/", "runtime.",
}

// callSite returns the innermost place outside the packages that build graphs.
func callSite() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
outer:
	for {
		frame, more := frames.Next()
		if frame.Function == "" {
			return ""
		}
		for _, p := range buildingPackages {
			if strings.HasPrefix(frame.Function, p) {
				if !more {
					return ""
				}
				continue outer
			}
		}
		return fmt.Sprintf("%s:%d", filepath.Base(frame.File), frame.Line)
	}
}

// guard turns a panic of Gorgonia's into an error.
func guard[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(error); ok {
				err = fmt.Errorf("gorgonia panicked: %w", e)
			} else {
				err = fmt.Errorf("gorgonia panicked: %v", r)
			}
		}
	}()
	return f()
}
