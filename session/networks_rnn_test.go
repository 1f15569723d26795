package session_test

import . "gorgonia.org/gorgonia"

// gate is one of the four of an LSTM.
type gate struct{ x, h, bias *Node }

func newGate(g *ExprGraph, name string, inputs, units int) gate {
	return gate{
		given(g, "w"+name+"x", made(Float32, name+"x", 0.08, units, inputs)),
		given(g, "w"+name+"h", made(Float32, name+"h", 0.08, units, units)),
		given(g, "bias_"+name, made(Float32, name, 0, units)),
	}
}

func (a gate) of(x, h *Node) *Node {
	return Must(Add(Must(Add(Must(Mul(a.x, x)), Must(Mul(a.h, h)))), a.bias))
}

// characters is the network of charRNN: an embedding, an LSTM layer of so many units, and
// a dense layer, unrolled over one sentence.
type characters struct {
	g                              *ExprGraph
	read, forget, write, candidate gate
	embedding, whd, bd             *Node
	h, c                           *Node // the states before the sentence
	learnables                     Nodes
	vocabulary                     int
}

func newCharacters(units int) *characters {
	const embedded, vocabulary = 10, 28
	g := NewGraph()
	r := &characters{
		g: g, vocabulary: vocabulary,
		write: newGate(g, "i", embedded, units), forget: newGate(g, "f", embedded, units),
		read: newGate(g, "o", embedded, units), candidate: newGate(g, "c", embedded, units),
		embedding: given(g, "embedding", made(Float32, "embedding", 0.08, vocabulary, embedded)),
		whd:       given(g, "whd", made(Float32, "whd", 0.08, vocabulary, units)),
		bd:        given(g, "bias_d", made(Float32, "bias", 0, vocabulary)),
		h:         given(g, "previous hidden", made(Float32, "h", 0, units)),
		c:         given(g, "previous cell", made(Float32, "c", 0, units)),
	}
	for _, a := range []gate{r.write, r.forget, r.read, r.candidate} {
		r.learnables = append(r.learnables, a.x, a.h, a.bias)
	}
	r.learnables = append(r.learnables, r.whd, r.bd, r.embedding)
	return r
}

// cost of a sentence is the sum over its characters of -log(probability of the next).
func (r *characters) cost(sentence []int) (cost *Node) {
	h, c := r.h, r.c
	for t := 0; t+1 < len(sentence); t++ {
		x := Must(Slice(r.embedding, S(sentence[t])))
		write, forget, read := Must(Sigmoid(r.write.of(x, h))), Must(Sigmoid(r.forget.of(x, h))), Must(Sigmoid(r.read.of(x, h)))
		c = Must(Add(Must(HadamardProd(forget, c)), Must(HadamardProd(write, Must(Tanh(r.candidate.of(x, h)))))))
		h = Must(HadamardProd(read, Must(Tanh(c))))
		probabilities := Must(SoftMax(Must(Add(Must(Mul(r.whd, h)), r.bd))))
		loss := Must(Slice(Must(Neg(Must(Log(probabilities)))), S(sentence[t+1])))
		if t == 0 {
			cost = loss
		} else {
			cost = Must(Add(cost, loss))
		}
	}
	return cost
}

func sentence(n, vocabulary int) []int {
	ids := make([]int, n)
	for i, id := range classes(n, vocabulary).Int64s() {
		ids[i] = int(id)
	}
	return ids
}

// charRNN has n units.
func charRNN(n int) *network {
	r := newCharacters(n)
	cost := r.cost(sentence(12, r.vocabulary))
	loss := new(Value)
	Read(cost, loss)
	return trainable(r.g, cost, loss, NewRMSPropSolver(WithLearnRate(0.01), WithL2Reg(1e-6), WithClip(5)), r.learnables...)
}
