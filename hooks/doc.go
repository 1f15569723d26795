// Package hooks is what happens around the steps of a run.
//
//   - [Monitor] is the interface of everything that watches a run; [Base] is embedded by
//     implementations, [Funcs] makes one of functions.
//   - [Run] is what a monitor knows of the run, and how it asks for a stop, a
//     checkpoint or an evaluation. The loop, in package graphactions, decides.
//   - [Outputs] has the loss and the values asked for.
//   - [Schedule] says when: every so many steps, every so often, each epoch, at the end.
//   - [EveryN] is embedded by monitors that act every n steps.
//
// Constructors do not fail. A bad argument is reported by Validate, which the loop asks
// before anything is written, and by Begin.
//
// Package hookstest is a conformance kit for authors of monitors.
package hooks
