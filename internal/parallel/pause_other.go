//go:build !amd64

package parallel

import "runtime"

// pause lets others run: there is no instruction to wait with.
func pause(int64) { runtime.Gosched() }
