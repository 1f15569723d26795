package wait_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/internal/wait"
)

func TestFor(t *testing.T) {
	why := errors.New("enough")
	for name, c := range map[string]struct {
		d, cancelAfter, want time.Duration
		err                  error
	}{
		"waits":            {time.Minute, time.Hour, time.Minute, nil},
		"no time":          {0, time.Hour, 0, nil},
		"less than none":   {-time.Second, time.Hour, 0, nil},
		"is cancelled":     {time.Minute, time.Second, time.Second, why},
		"was cancelled":    {time.Minute, 0, 0, why},
		"no time and over": {0, 0, 0, why},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(context.Background())
				defer cancel(nil)
				if c.cancelAfter == 0 {
					cancel(why)
				} else {
					defer time.AfterFunc(c.cancelAfter, func() { cancel(why) }).Stop()
				}
				start := time.Now()
				require.Equal(t, c.err, wait.For(ctx, c.d))
				require.Equal(t, c.want, time.Since(start))
			})
		})
	}
}
