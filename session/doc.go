// Package session runs graphs.
//
//   - A [Store] holds the values of variables by name. Train, eval and infer graphs,
//     and graphs for other batch sizes, bind to one store; nothing is copied between
//     them.
//   - A [Session] compiles one graph's fetches once for each set of fetches and feed
//     shapes, and runs them. It executes stock Gorgonia ops and Stheno's.
//   - [NewVM] makes a gorgonia.VM of the same executor.
//
// One ordering rule holds within a run: reads before writes. Every read of a
// variable sees the value from before the step; all updates are applied after all
// reads, in the order in which they were built. A node that is computed from an
// update sees the update's result, and fetching an update node gives the new value.
//
// A run never panics: a panic of an op becomes a [NodeError] that names the node,
// the op, the shapes of its inputs and the place where it was built.
package session
