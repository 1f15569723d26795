//go:build !amd64

package blas

import "runtime"

func nativeEngines() []Engine { return nil }

type nativeScratch struct{}

// pause lets others run: there is no instruction to wait with.
func pause(int64) { runtime.Gosched() }
