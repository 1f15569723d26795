// Package graphactions is the functional training loop: Train, Evaluate, Infer, RunN
// and RunFeeds over a graph, in the manner of tf.contrib.learn's graph_actions.
//
//	res, err := graphactions.Train(ctx, g, dir, trainOp, loss,
//		graphactions.Input(ds, graphactions.Bind(features, labels)),
//		graphactions.Steps(1000), graphactions.Monitors(m))
//
// A step goes: feed; every monitor's StepBegin in order; one run of the train op, the
// loss and the nodes asked for; the loss tested for NaN and infinity before the
// updates; every monitor's StepEnd in order, stop votes OR-ed; PostStep; then what
// monitors requested (save, evaluate, stop). The loop is in train.go.
//
// A run starts from the newest good checkpoint of its directory. Every way out except
// a loss that is not finite leaves a checkpoint of the last step, calls End of every
// monitor once, and tells its reason in the [Result].
package graphactions
