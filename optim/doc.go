// Package optim turns a loss into a train op.
//
//	trainOp := optim.Adam(0.001).Minimize(g, loss)
//
// A train op is one node. Running it computes the gradients, changes all trainable
// variables in one pass and adds 1 to the global step.
//
//   - [Optimizer] is what [SGD], [Momentum], [Adagrad], [RMSProp], [Adam] and [Ftrl]
//     return; [New] makes one of a [Rule] of your own.
//   - A [Schedule] changes the learning rate with the global step.
//   - [ClipByGlobalNorm] bounds the gradients.
//
// What an optimizer remembers of a variable, its slots, are variables too, named as in
// TensorFlow: <variable>/Adam, <variable>/Adam_1. They are in every checkpoint, which is
// why a resumed run equals an uninterrupted one. Formulas and defaults are those of
// tf.train.
package optim
