package tune

import (
	"errors"
	"fmt"
	"math"

	"github.com/stheno-ml/stheno/internal/philox"
)

// Sampler proposes the parameters of trials.
type Sampler interface {
	// Err reports what is wrong with the sampler. Search asks first.
	Err() error
	// Len returns the number of trials there are to propose, -1 when they never end.
	Len() int
	// Next returns the parameters of trial number n, from 0. before has the trials with
	// lower numbers, all of them, whether they were made by this process or an earlier
	// one. Next must not change it.
	Next(n int, before *Result) (Params, error)
	// String describes the sampler by all that decides what it proposes. A search is
	// resumed only with a sampler of the same description.
	String() string
}

// Random proposes parameters at random, for ever: give [Trials]. What it proposes for a
// parameter depends on the seed, its name and the number of the trial alone.
func Random(space Space, seed uint64) Sampler { return &random{space, seed} }

type random struct {
	space Space
	seed  uint64
}

func (r *random) Err() error     { return r.space.Validate() }
func (r *random) Len() int       { return -1 }
func (r *random) String() string { return fmt.Sprintf("random(%v, seed %d)", r.space, r.seed) }

func (r *random) Next(n int, _ *Result) (Params, error) {
	p := make(Params, len(r.space))
	for _, name := range r.space.Names() {
		p[name] = r.space[name].At(philox.New(r.seed, "tune/"+name, int64(n)).Float64(0))
	}
	return p, nil
}

// Grid proposes every combination of values once; the last parameter in the order of
// names changes fastest. All dimensions must be of [Choice] or [Int].
func Grid(space Space) Sampler { return &grid{space} }

type grid struct{ space Space }

func (g *grid) String() string { return fmt.Sprintf("grid(%v)", g.space) }

func (g *grid) Err() error {
	if err := g.space.Validate(); err != nil {
		return err
	}
	points := 1
	for _, name := range g.space.Names() {
		n := g.space[name].count()
		if n < 0 {
			return fmt.Errorf("tune: Grid: parameter %q is %v, want a Choice or an Int", name, g.space[name])
		}
		if points > math.MaxInt32/n {
			return errors.New("tune: Grid: there are more than 2^31 combinations")
		}
		points *= n
	}
	return nil
}

func (g *grid) Len() int {
	points := 1
	for _, d := range g.space {
		points *= d.count()
	}
	return points
}

func (g *grid) Next(n int, _ *Result) (Params, error) {
	p := make(Params, len(g.space))
	names := g.space.Names()
	for i := len(names) - 1; i >= 0; i-- {
		d := g.space[names[i]]
		p[names[i]], n = d.value(n%d.count()), n/d.count()
	}
	return p, nil
}
