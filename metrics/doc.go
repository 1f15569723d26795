// Package metrics measures models over many batches.
//
//   - A [Metric] names the nodes it needs, is updated with their values batch by
//     batch, and has a value at any time. A stranger can implement it.
//   - [Mean], [Accuracy], [AUC], [MeanSquaredError], [RecallAtK] and others are those of
//     tf.metrics and Keras, with their numbers; docs/metrics.md has a table of all.
//   - A [Tensor] has several results: [ConfusionMatrix], [PrecisionAtThresholds].
//   - [Window] makes a metric of the last batches only, for training.
//   - [Values] are results by name, with a line for people and a table for notebooks.
//
// All sums are float64. A metric is used by one goroutine; shards of an evaluation have
// clones, which are merged, and the result is that of all batches at once: the same bits
// where the sums are of whole numbers. Constructors do not fail: a nil node or a wrong
// parameter is reported by [Check] and by Update.
package metrics
