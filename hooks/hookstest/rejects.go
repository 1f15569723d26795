package hookstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
)

// Rejects checks that a monitor with arguments that are wrong is rejected as it should be:
// Validate and Begin return an error whose text contains want, End after that Begin has
// nothing to add, and graphactions.Train reports it before anything is written.
func Rejects(t *testing.T, m hooks.Monitor, want string) {
	t.Helper()
	dir := t.TempDir()
	if err := rejects(m, want, dir); err != nil {
		t.Error(err)
	}
}

func rejects(m hooks.Monitor, want, dir string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	v, ok := m.(hooks.Validator)
	if !ok {
		return fmt.Errorf("%T has no Validate, which is asked before anything is written", m)
	}
	if err := says("Validate", v.Validate(), want); err != nil {
		return err
	}
	l, err := NewLoop(dir)
	if err != nil {
		return err
	}
	defer l.Close()
	cause := m.Begin(l.NewRun(0, 3))
	if err := says("Begin", cause, want); err != nil {
		return err
	}
	if err := m.End(cause); err != nil {
		return fmt.Errorf("End follows a Begin that failed, and should not fail too: %w", err)
	}
	g, trainOp, loss := model()
	model := filepath.Join(dir, "model")
	_, err = graphactions.Train(context.Background(), g, model, trainOp, loss, graphactions.Steps(1), graphactions.Monitors(m),
		graphactions.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err := says("graphactions.Train", err, want); err != nil {
		return err
	}
	if !errors.Is(err, graphactions.ErrArgument) {
		return fmt.Errorf("graphactions.Train must return an ErrArgument: %w", err)
	}
	if _, err := os.Stat(model); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("nothing should be written, but the model directory is there")
	}
	return nil
}

func says(who string, err error, want string) error {
	switch {
	case err == nil:
		return fmt.Errorf("%s accepts it, want an error with %q", who, want)
	case !strings.Contains(err.Error(), want):
		return fmt.Errorf("%s says %q, want an error with %q", who, err, want)
	}
	return nil
}
