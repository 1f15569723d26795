// Package wait lets time pass.
package wait

import (
	"context"
	"time"
)

// For waits for d, or until ctx ends, whose cause it returns then. A d that is not
// positive only looks at ctx.
func For(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
