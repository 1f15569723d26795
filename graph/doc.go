// Package graph is a Gorgonia expression graph with what a training framework must
// know about it.
//
//   - A [Graph] embeds *gorgonia.ExprGraph, so stock Gorgonia calls work on it.
//   - A [Variable] is a node whose value outlives a run; the value is in a session's
//     store, under the variable's name, not in the graph.
//   - [Nodes] are named nodes, [Feed] gives placeholders their values.
//   - [Update] marks ops that change variables, [SizedByInputs] ops that take any
//     batch size.
//
// Building functions return a node, not (node, error). The first failure is kept on
// the graph, with the place in the caller's code, and reported by whoever runs the
// graph; [Graph.Err] shows it. Later calls pass a poisoned node through.
//
// Gorgonia merges two inputs that have one name and one shape without a word. Here
// every name is unique, and a second use is an error.
package graph
