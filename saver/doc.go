// Package saver keeps durable checkpoints: variables in safetensors files, of which a
// directory always has a good one, whatever stops the program. It knows tensors only
// and can be used alone.
//
//   - [Saver] writes checkpoints to a directory and deletes expired ones. [Lock] keeps
//     two trainers out of one directory.
//   - [Checkpoint] is one in memory: tensors by name, a step, and the caller's metadata.
//   - [LoadLatest] reads the newest good checkpoint and says which it passed over; [Load]
//     reads one; [Open] reads only a header, and then single tensors.
//   - [Compare] tells a checkpoint's tensors from the variables that a model wants.
//   - [SetPins] keeps a checkpoint whatever rotation says, such as the best one.
//   - [Check] verifies all that a directory has.
//   - [ListVariables] and [LoadVariable] look into a checkpoint; [Assign] and [Vocabulary]
//     are how a model starts from another's.
//   - [Checkpoints] and [WaitForNew] wait for what another process saves.
//
// A file is written beside its final name, flushed and renamed, and every byte of it is
// under a checksum. The text file "checkpoint" in the directory lists the files, oldest
// first, as TensorFlow's does: it decides which one is the newest. When it or the file
// it names is missing or damaged, the newest good file takes its place.
//
// Only files that the text file lists, or listed while they were pinned, are ever deleted,
// at most one for each save. Another file that is not listed any more (see
// [KeepEveryNHours]) is kept for good.
//
// docs/format/checkpoint.md describes the bytes.
package saver
