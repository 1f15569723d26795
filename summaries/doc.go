// Package summaries writes and reads TensorBoard event files. It knows tensors only
// and can be used alone.
//
//	w, err := summaries.NewWriter("runs/first")
//	...
//	err = w.Scalar("loss", 0.25, step)
//	err = w.Histogram("dense/kernel", kernel, step)
//	...
//	err = w.Close()
//
// A [Writer] appends to one file. A directory is one run; runs to be compared lie
// beside one another below the directory that TensorBoard is started with. A directory
// should have one live writer: TensorBoard reads its files in the order of their names
// and does not go back to one. [Open] sees to that within a process: it returns the
// same writer to everyone who asks for a directory.
//
// What is written waits in memory until [Writer.Flush] or [Writer.Close], until the
// buffer is full, or until the first write after the period of [FlushEvery]. There is
// no background goroutine.
//
// [ReadDir], [ReadFile] and [Scalars] read event files, our own and TensorFlow's. A
// last record that a crash cut short is the end of its file.
//
// The layout of the files is described in docs/format/events.md.
package summaries
