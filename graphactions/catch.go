package graphactions

import "runtime/debug"

// catch calls code that is not ours and turns its panic into an error.
func catch(where string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &PanicError{Where: where, Value: r, Stack: debug.Stack()}
		}
	}()
	return f()
}
