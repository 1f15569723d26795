package datasets

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrEmpty is reported by a data set without rows, and by a Repeat whose epoch
	// has none.
	ErrEmpty = errors.New("there are no rows")
	// ErrClosed is reported by an iterator after Close.
	ErrClosed = errors.New("the iterator is closed")
	// ErrPosition is reported by Restore for a position that another pipeline saved,
	// or that is damaged.
	ErrPosition = errors.New("the position does not fit")
	// ErrInfinite is reported where all rows of an endless data set are asked for.
	ErrInfinite = errors.New("the data set never ends: Take what is wanted")
)

// RowError is a malformed row of a file.
type RowError struct {
	File   string
	Line   int    // where the field starts, from 1
	Column int    // number of the field in its row, from 1; 0 when the whole row is meant
	Name   string // of the column, "" when it has none
	Text   string // what was found, "" when the whole row is meant
	Want   string // what is wrong and what was expected
}

// Error names the file, the line, the column by number and name, and the text.
func (e *RowError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: line %d", e.File, e.Line)
	if e.Column > 0 {
		fmt.Fprintf(&b, ", column %d", e.Column)
		if e.Name != "" {
			fmt.Fprintf(&b, " (%q)", e.Name)
		}
		fmt.Fprintf(&b, ": %q", shorten(e.Text))
	}
	b.WriteString(": ")
	b.WriteString(e.Want)
	return b.String()
}

// shorten keeps an error readable when a field holds a whole file.
func shorten(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}

// PanicError is a panic in a function given to Func, Map or Filter.
type PanicError struct {
	Value any    // what it panicked with
	Stack []byte // where
}

// Error gives the value and the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack) }

// Unwrap returns the value when it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
