// Package hooks is what happens around the steps of a run.
//
//   - [Monitor] is the interface of everything that watches a run; [Base] is embedded by
//     implementations, [Funcs] makes one of functions.
//   - [Run] is what a monitor knows of the run, and how it asks for a stop, a
//     checkpoint or an evaluation. The loop, in package graphactions, decides.
//   - [Outputs] has the loss and the values asked for.
//   - [Schedule] says when: every so many steps, every so often, each epoch, at the end.
//   - [EveryN] is embedded by monitors that act every n steps.
//   - [Feeder], [BeforeSaver] and [Tracer] are implemented by monitors that need more.
//
// The monitors that are there:
//
//   - end a run: [NewStopAtStep], [NewEarlyStopping], [NewNaN], [NewLossSpike],
//     [NewStopAtCheckpointStep]
//   - save, evaluate, export: [NewCheckpointSaver], [NewValidation], [NewExport]
//   - write summaries: [NewSummarySaver], [NewStepCounter], [NewLearningRate],
//     [NewGradientStats]
//   - log and show: [NewLoggingTensor], [NewLoggingVariables], [NewPrintTensor],
//     [NewLoggingTrainable], [NewProgress]
//   - keep values: [NewHistory], [NewCapture], [NewCaptureVariable], [NewGraphDump], [NewFinalOps]
//   - find where the time goes: [NewTimeline], [NewProfiler]
//   - feed and wait: [NewFeedFn], [NewGlobalStepWaiter]
//   - monitors of older kinds: [FromSessionRunHook], [FromBaseMonitor]
//
// Constructors do not fail. A bad argument is reported by Validate, which the loop asks
// before anything is written, and by Begin.
//
// Package hookstest is a conformance kit for authors of monitors.
package hooks
