package graphactions

import (
	"context"
	"errors"
)

// attempt trains from the newest checkpoint to the end of the run.
func (t *trainer) attempt(ctx context.Context) error {
	t.monitors = newMonitorSet(t.chosenMonitors())
	err := t.open(ctx)
	if err == nil && !t.done {
		err = t.train(ctx)
	}
	return joinErrors(err, t.close())
}

// again tells whether an attempt that ended with err is to be followed by another.
func (t *trainer) again(ctx context.Context, err error) bool {
	if !errors.Is(err, ErrAborted) || ctx.Err() != nil {
		return false
	}
	if t.result.LastStep > t.progress {
		t.failures, t.progress = 0, t.result.LastStep
	}
	if t.failures++; t.failures > t.restarts {
		return false
	}
	t.logger.Warn("the run was aborted: it starts again from its newest checkpoint", "step", t.result.LastStep, "reason", err)
	t.result.Reason = ""
	t.resumed = true
	return true
}
