// Package nn has what models are made of: layers, activations, losses and initialisers
// with the names and defaults of Keras.
//
// The graph comes first, options last. Functions return a node; a failure becomes the
// graph's error (package graph). A layer makes its variables in a scope of its own,
// dense, dense_1 and so on, in the order of building, or under the name given by
// [WithName].
//
//	h := nn.Dense(g, x, 256, nn.WithActivation(nn.ReLU))
//	h = nn.Dropout(g, h, 0.5)
//	loss := nn.SparseSoftmaxCrossEntropy(g, nn.Dense(g, h, 10), labels)
//
// Layers: [Dense], [Conv1D], [Conv2D], pooling, [BatchNorm], [LayerNorm], [Dropout],
// [Embedding], [LSTM], [GRU], [SimpleRNN], [Bidirectional], [MultiHeadAttention],
// [Flatten], and [Sequential] to stack them; [Summary] lists what a graph has. Channels
// come last, [batch, height, width, channels], and time second, [batch, time, ...].
//
// [Dropout] does something only in a graph built to train, see graph.Training.
package nn
