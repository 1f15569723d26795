// Package optim turns a loss into a train op.
//
//	trainOp := optim.Adam(0.001).Minimize(g, loss)
//
// A train op is one node. Running it computes the gradients, changes all trainable
// variables in one pass and adds 1 to the global step.
//
//   - [Optimizer] is what [SGD], [Momentum], [Adagrad], [Adadelta], [RMSProp], [Adam],
//     [AMSGrad], [AdamW], [Nadam], [Adamax], [Lion], [Ftrl], [ProximalAdagrad] and
//     [ProximalGradientDescent] return. [New] makes one of a [Rule] of your own, [Chain]
//     of small parts.
//   - A part, such as [ClipByNorm], [AddDecayedWeights] or your own [Transform], changes
//     the gradient before the rule sees it. Every optimizer takes parts as options, and
//     they act in the order given.
//   - A [Schedule] changes the learning rate with the global step.
//   - [Accumulate] makes one update of several runs, [WithExponentialMovingAverage] keeps
//     averaged weights beside the weights, [Freeze] leaves variables alone.
//   - A table that is only looked up in (nn.Embedding) is updated in the rows that were
//     looked up, where that changes no bit of the result; [Lazy] asks for it elsewhere.
//
// In one update come, in this order: the mean of accumulated gradients, clipping by
// global norm, the parts, the rule with the scheduled rate, the averages, the step.
//
// What is remembered of a variable, its slots, are variables too, named as in TensorFlow:
// <variable>/Adam, <variable>/Adam_1. They are in every checkpoint, which is why a resumed
// run equals an uninterrupted one. Formulas and defaults are those of tf.train, except
// where an optimizer says that they are Keras's. The package optimtest checks rules and
// parts of your own.
package optim
