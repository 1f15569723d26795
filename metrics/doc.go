// Package metrics measures models over many batches.
//
//   - A [Metric] names the nodes it needs, is updated with their values batch by
//     batch, and has a value at any time. A stranger can implement it.
//   - [Mean], [Accuracy], [AUC], [MeanSquaredError] and others are the standard ones.
//   - [Values] are results by name, with a line for people and a table for notebooks.
//
// All sums are float64. A metric is used by one goroutine; shards of an evaluation have
// clones, which are merged. Constructors do not fail: a nil node is reported by [Check]
// and by Update.
package metrics
