package session

import (
	"fmt"

	"github.com/stheno-ml/stheno/internal/blas"
)

// Engine returns the name of the engine that multiplies matrices, such as
// "stheno-avx512". Its instruction set is part of the name, because the bits of a product
// depend on it, and on nothing else. Checkpoints hold it.
func Engine() string { return blas.Default().Name() }

// Engines returns the names of the engines that this machine can run, the fastest first.
func Engines() []string {
	var names []string
	for _, e := range blas.Engines() {
		names = append(names, e.Name())
	}
	return names
}

// UseEngine chooses the engine of the whole process, to repeat the bits of a run on
// another machine; "" goes back to the fastest. The error lists what this machine has.
func UseEngine(name string) error {
	if err := blas.Pin(name); err != nil {
		return fmt.Errorf("session: UseEngine: %w", err)
	}
	return nil
}
