package graphfuzz

import (
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/session"
)

// Bits of the first byte.
const (
	inFloat32 = 1 << iota
	withSpecial
	withWrong
	withGradients
)

// FuzzGraph decodes bytes into a graph and what it is fed, see doc.go.
func FuzzGraph(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	const gradients64, gradients32 = withGradients, withGradients | inFloat32
	for i := range opList { // every op comes first in some graphs
		for _, flags := range []byte{
			gradients64, gradients64, gradients64, gradients64, gradients64, gradients32, gradients32, gradients32, gradients64 | withWrong,
			withSpecial, withSpecial, withSpecial | inFloat32, withSpecial | inFloat32, withWrong, withWrong | withSpecial | inFloat32,
		} {
			data := make([]byte, 60+r.IntN(120))
			for j := range data {
				data[j] = byte(r.Uint32())
			}
			data[0], data[2] = flags, byte(i)
			f.Add(data)
		}
	}
	f.Fuzz(checkGraph)
}

func checkGraph(t *testing.T, data []byte) {
	s := &source{bytes: data}
	flags, mode := s.byte(), s.below(8)
	s.special, s.wrong = flags&withSpecial != 0, flags&withWrong != 0
	b := &builder{source: s, t: t, g: graph.New(graph.Seed(7), graph.Training(true)), dt: tensor.Float64, updated: map[*entry]bool{}}
	if flags&inFloat32 != 0 {
		b.dt = tensor.Float32
	}
	const mostOps = 8
	for i := 0; i == 0 || i < mostOps && !s.empty() && !b.rejected; i++ {
		opList[s.below(len(opList))].add(b)
	}
	if b.rejected || len(b.entries) == 0 {
		return
	}
	var gradients []gradient
	if flags&withGradients != 0 && !s.special {
		gradients = b.gradients()
	}
	sess, err := session.New(b.g)
	if err != nil {
		t.Fatal(err)
	}
	defer sess.Close()
	c := &check{builder: b, session: sess, gradients: gradients, state: map[*entry]array{}}
	c.run(c.feed(nil))
	switch {
	case mode == 6:
		c.run(c.feed(s.resize()))
		c.run(c.feed(nil)) // nothing of the other size is left over
	case mode == 7:
		c.fault()
	case mode > 3:
		c.run(c.feed(nil))
	}
}
