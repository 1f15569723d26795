// Package datasets brings rows to a training loop: from memory, files or a function,
// shuffled, batched and repeated, at a position that can be saved and restored exactly.
//
// A [Dataset] describes a pipeline. It is an immutable value; each method returns a new
// one, and mistakes are kept for [Dataset.Err]:
//
//	ds := datasets.CSV("train.csv", schema).Shuffle(10_000).Batch(128).Repeat(-1).Prefetch(2)
//
// The order of the methods matters as it does in tf.data. Shuffle before Batch mixes
// rows, after it batches. Batch before Repeat ends every epoch with a short batch;
// Repeat before Batch lets batches run across epochs.
//
// An [Iterator] goes through it once and gives a [Batch] each time: tensors
// [batch, ...] by name, features and labels. Its [Iterator.Position] is a short JSON
// text. An iterator that restores it, in any later process, gives the very batches that
// would have come next, bit for bit: shuffles are a function of the seed and the epoch,
// and nothing random is remembered.
//
// # Caveats
//
// A batch is valid until the next call of Next; [Batch.Clone] keeps it. The function of
// a Map must treat rows one by one and must be pure, or a resumed run is not exact.
// Prefetch changes neither order nor positions. A [Func] has no position at all.
//
// The package knows tensors only; it can be used without the rest of the module.
package datasets
