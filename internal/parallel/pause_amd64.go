package parallel

// pause waits for n turns of the instruction PAUSE: time passes without work for the
// memory.
//
//go:noescape
func pause(n int64)
