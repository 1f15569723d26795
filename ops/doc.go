// Package ops has the nodes that Gorgonia lacks or gets wrong.
//
// Every function adds one node to a graph and returns it. The graph comes first. A
// failure (a nil input, shapes or dtypes that do not fit) becomes the graph's error
// and the result is a poisoned node; see package graph.
//
//   - Dtypes are float32 and float64 unless a function says otherwise, and inputs have
//     one dtype: [Cast] converts.
//   - Every op takes its sizes from its inputs at run time, so one graph serves batches
//     of any size, and is a pure function of its inputs: no op keeps a state between
//     runs. [Dropout] draws from a counter-based generator keyed by seed, name and step.
//   - Every op is differentiable by graph.Gradients unless its documentation says no;
//     a finite-difference test covers each. Gradients themselves are not differentiable.
//   - Sums are added in a fixed order, so the same inputs give the same bits.
//
// [Assign], [AssignAdd] and [Group] change variables: a session applies them after
// every read of the step.
package ops
