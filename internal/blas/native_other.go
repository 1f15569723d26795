//go:build !amd64

package blas

func nativeEngines() []Engine { return nil }

type nativeScratch struct{}
