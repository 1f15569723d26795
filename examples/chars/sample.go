package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
)

// sampler writes text with a trained model.
type sampler struct {
	corpus      *corpus
	ids         []int64 // the prompt
	temperature float64
	length      int
	random      *rand.Rand
}

func newSampler(c *corpus, prompt string, temperature float64, length int, seed uint64) (*sampler, error) {
	s := &sampler{corpus: c, temperature: temperature, length: length, random: rand.New(rand.NewPCG(seed, 0))}
	for _, r := range prompt {
		id, ok := c.numbers[r]
		if !ok {
			return nil, fmt.Errorf("-prompt: the text has no %q, want only characters of the text", r)
		}
		s.ids = append(s.ids, id)
	}
	switch {
	case len(s.ids) == 0:
		return nil, fmt.Errorf("-prompt is empty, want at least one character")
	case !(temperature >= 0) || math.IsInf(temperature, 1):
		return nil, fmt.Errorf("-temperature is %v, want a number of at least 0", temperature)
	case length < 0:
		return nil, fmt.Errorf("-length is %d, want at least 0", length)
	}
	return s, nil
}

// sample writes length characters that follow the prompt.
func (s *sampler) sample(est *estimator.Estimator) (string, error) {
	var written strings.Builder
	x := make([]int64, window)
	features := map[string]*tensor.Dense{datasets.DefaultFeature: tensor.New(tensor.WithShape(1, window), tensor.WithBacking(x))}
	ids, size := s.ids, len(s.corpus.vocabulary)
	for range s.length {
		// What stands after the last character has no effect on what is predicted for it.
		n := copy(x, ids[max(len(ids)-window, 0):])
		out, err := est.PredictBatch(features)
		if err != nil {
			return "", err
		}
		id := s.draw(out["logits"].Float32s()[(n-1)*size : n*size])
		ids = append(ids, int64(id))
		written.WriteRune(s.corpus.vocabulary[id])
	}
	return written.String(), nil
}

// draw takes a character with the probability softmax(logits / temperature).
func (s *sampler) draw(logits []float32) int {
	best := 0
	for i, x := range logits {
		if x > logits[best] {
			best = i
		}
	}
	if s.temperature == 0 {
		return best
	}
	weights, sum := make([]float64, len(logits)), 0.0
	for i, x := range logits {
		weights[i] = math.Exp(float64(x-logits[best]) / s.temperature)
		sum += weights[i]
	}
	at := s.random.Float64() * sum
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return best // where rounding let at pass the last weight
}
