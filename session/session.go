package session

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/internal/parallel"
)

// defaultPrograms bounds how many compiled programs a session keeps; the least
// recently used one goes first.
const defaultPrograms = 16

// Session runs one graph against a store. Runs of one session go one at a time;
// sessions over one store may run from different goroutines.
type Session struct {
	mu       sync.Mutex
	graph    *graph.Graph
	store    *Store
	locals   map[string]*tensor.Dense
	headers  map[*tensor.Dense]gorgonia.Value
	rebuild  Rebuild
	rebuilt  []*variant
	programs []*program
	limit    int
	workers  int // 0 for GOMAXPROCS
	bound    map[*graph.Graph]int
	clock    int64
	stats    Stats
	profile  map[string]*OpProfile // nil without Profiling
	trace    TraceFunc             // nil when nobody watches
	closed   bool
	// allowBroken runs stock ops that are known to be wrong.
	allowBroken bool
}

// Option changes how [New] makes a session.
type Option func(*Session) error

// WithStore makes the session share a store. The default is a store of its own.
func WithStore(store *Store) Option {
	return func(s *Session) error {
		if store == nil {
			return fmt.Errorf("session: WithStore: the store is nil")
		}
		s.store = store
		return nil
	}
}

// Workers bounds the number of goroutines that compute one run, the caller's among them.
// The default, and the most, is GOMAXPROCS. Sessions that run at once share the
// goroutines of the process and the bound of whichever began last. The
// results are the same bits for every n.
func Workers(n int) Option {
	return func(s *Session) error {
		if n < 1 {
			return fmt.Errorf("session: Workers: %d, want at least 1", n)
		}
		s.workers = n
		return nil
	}
}

// MaxPrograms bounds the number of compiled programs kept, and of models built again
// ([WithRebuild]), default 16. A program is for one set of fetches and one set of feed
// shapes; it has memory of its own for results ([Stats]), of which only the one that runs
// makes use. The least recently used program goes first.
func MaxPrograms(n int) Option {
	return func(s *Session) error {
		if n < 1 {
			return fmt.Errorf("session: MaxPrograms: %d, want at least 1", n)
		}
		s.limit = n
		return nil
	}
}

// Twin is the same model built for other feed shapes.
type Twin struct {
	Graph *graph.Graph
	// Node returns the node of Graph that corresponds to a node of the session's
	// graph, nil when there is none.
	Node func(*gorgonia.Node) *gorgonia.Node
}

// Rebuild makes the model again for other shapes of its placeholders.
type Rebuild func(shapes map[*gorgonia.Node]tensor.Shape) (*Twin, error)

// WithRebuild gives the session a way out when a feed has another leading dimension
// and an op of the program keeps the size it was built with: the model is built
// again, once for each set of shapes, and runs against the same store.
func WithRebuild(rebuild Rebuild) Option {
	return func(s *Session) error {
		s.rebuild = rebuild
		return nil
	}
}

// New returns a session over g. Variables that the store does not hold get their
// initial values. The error is g's building error if it has one, or says which
// variable disagrees with the store in dtype or shape.
func New(g *graph.Graph, opts ...Option) (*Session, error) {
	if g == nil {
		return nil, fmt.Errorf("session: the graph is nil")
	}
	s := &Session{
		graph: g, limit: defaultPrograms,
		locals: map[string]*tensor.Dense{}, headers: map[*tensor.Dense]gorgonia.Value{}, bound: map[*graph.Graph]int{},
	}
	for _, opt := range opts {
		if err := opt(s); err != nil {
			return nil, err
		}
	}
	if s.store == nil {
		s.store = NewStore()
	}
	if err := s.bind(g); err != nil {
		return nil, err
	}
	return s, nil
}

// Graph returns the session's graph.
func (s *Session) Graph() *graph.Graph { return s.graph }

// Store returns the session's store.
func (s *Session) Store() *Store { return s.store }

// bind gives values to the variables that g got since the last call.
func (s *Session) bind(g *graph.Graph) error {
	if err := g.Err(); err != nil {
		return err
	}
	variables := g.Variables()
	if s.bound[g] == len(variables) {
		return nil
	}
	if err := s.store.bind(variables); err != nil {
		return err
	}
	for _, v := range variables {
		if !v.Local || s.locals[v.Name] != nil {
			continue
		}
		value, err := v.Initial()
		if err != nil {
			return err
		}
		s.locals[v.Name] = value
	}
	s.bound[g] = len(variables)
	return nil
}

// Run computes fetches and returns their values in that order. feed gives the
// placeholders their values; it is read, never kept or written. A scalar comes back
// as a gorgonia scalar, anything else as a *tensor.Dense. The values are the caller's
// own.
//
// ctx is looked at before the run; a run that has begun is finished, so that a step
// is applied whole or not at all.
func (s *Session) Run(ctx context.Context, fetches gorgonia.Nodes, feed graph.Feed) ([]gorgonia.Value, error) {
	return s.RunChecked(ctx, fetches, feed, nil)
}

// RunChecked is Run with a look at the values between the reads and the updates:
// check gets the fetches computed so far, nil for those that depend on an update.
// When it returns an error no update is made, and RunChecked returns those values
// with that error.
func (s *Session) RunChecked(ctx context.Context, fetches gorgonia.Nodes, feed graph.Feed, check func([]gorgonia.Value) error) ([]gorgonia.Value, error) {
	outputs := make([]gorgonia.Value, len(fetches))
	refused := false
	guarded := check
	if check != nil {
		guarded = func(values []gorgonia.Value) error {
			err := check(values)
			refused = err != nil
			return err
		}
	}
	err := s.RunInto(ctx, outputs, fetches, feed, guarded)
	if err != nil && !refused {
		return nil, err
	}
	return outputs, err
}

// RunInto is RunChecked for loops: it puts the values into outputs, one for each fetch,
// and re-uses the memory of those that are there from an earlier run. In the steady
// state a run of this project's ops allocates nothing. check may be nil. After an error
// other than check's the outputs are not defined.
func (s *Session) RunInto(ctx context.Context, outputs []gorgonia.Value, fetches gorgonia.Nodes, feed graph.Feed, check func([]gorgonia.Value) error) error {
	if len(outputs) != len(fetches) {
		return fmt.Errorf("session: there are %d outputs for %d fetches", len(outputs), len(fetches))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	p, err := s.program(fetches, feed)
	if err != nil {
		return err
	}
	s.stats.Runs++
	parallel.SetWorkers(s.workers)
	if p.twin != nil {
		feed = p.twin.feed(feed)
	}
	p.trace = s.trace
	return p.run(s, feed, outputs, check)
}

// Compile prepares a run without making it: it reports whatever would be wrong with
// the fetches and the feed.
func (s *Session) Compile(fetches gorgonia.Nodes, feed graph.Feed) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	_, err := s.program(fetches, feed)
	return err
}

// Initialize gives every variable of the graph its initial value again.
func (s *Session) Initialize() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	values := map[string]*tensor.Dense{}
	for _, v := range s.graph.Variables() {
		value, err := v.Initial()
		if err != nil {
			return err
		}
		if !v.Local {
			values[v.Name] = value
		} else if err := dense.Copy(s.locals[v.Name], value); err != nil {
			return err
		}
	}
	return s.store.Restore(values)
}

// InitializeLocals gives the local variables their initial values again, in the memory
// that compiled programs use: nothing is compiled anew.
func (s *Session) InitializeLocals() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	for _, v := range s.graph.Variables() {
		memory := s.locals[v.Name]
		if !v.Local || memory == nil {
			continue // bind will give it its value
		}
		value, err := v.Initial()
		if err != nil {
			return err
		}
		if err := dense.Copy(memory, value); err != nil {
			return err
		}
	}
	return nil
}

// Close frees what the session holds. The store is not touched. It may be called
// more than once.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.programs, s.rebuilt, s.locals, s.headers = nil, nil, nil, nil
	return nil
}

// Stats counts what a session did.
type Stats struct {
	// Compiles is the number of programs compiled.
	Compiles int
	// Rebuilds is the number of times the model was built again for other shapes.
	Rebuilds int
	// Programs is the number of programs kept.
	Programs int
	// Runs is the number of runs.
	Runs int64
	// CompileTime is the time spent compiling and rebuilding.
	CompileTime time.Duration
	// PlannedBytes is the memory that the kept programs own for results; ResultBytes is
	// what it would be if no memory were used twice in a run.
	PlannedBytes, ResultBytes int64
}

// Stats returns counts since the session was made.
func (s *Session) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Programs = len(s.programs)
	for _, p := range s.programs {
		stats.PlannedBytes += p.bytes
		stats.ResultBytes += p.results
	}
	return stats
}

// program returns the compiled program for the fetches and the feed's shapes.
func (s *Session) program(fetches gorgonia.Nodes, feed graph.Feed) (*program, error) {
	s.clock++
	for _, p := range s.programs {
		if p.matches(fetches, feed) {
			p.used = s.clock
			return p, nil
		}
	}
	start := time.Now()
	defer func() { s.stats.CompileTime += time.Since(start) }()
	p, err := s.compileOrRebuild(fetches, feed)
	if err != nil {
		return nil, err
	}
	p.used = s.clock
	if len(s.programs) >= s.limit {
		oldest := 0
		for i, q := range s.programs {
			if q.used < s.programs[oldest].used {
				oldest = i
			}
		}
		s.programs[oldest] = p
		return p, nil
	}
	s.programs = append(s.programs, p)
	return p, nil
}

func (s *Session) compileOrRebuild(fetches gorgonia.Nodes, feed graph.Feed) (*program, error) {
	if err := s.bind(s.graph); err != nil {
		return nil, err
	}
	if err := checkFetches(s.graph, fetches); err != nil {
		return nil, err
	}
	shapes, err := checkFeed(s.graph, feed)
	if err != nil {
		return nil, err
	}
	p, err := s.compile(s.graph, fetches, shapes)
	if fixed, ok := err.(*FixedSizeError); ok && s.rebuild != nil {
		return s.compileTwin(fetches, shapes, fixed)
	}
	return p, err
}

// variant is a rebuilt graph with the shapes it was built for.
type variant struct {
	*Twin
	shapes map[*gorgonia.Node]tensor.Shape
}

func (v *variant) feed(feed graph.Feed) graph.Feed {
	mapped := make(graph.Feed, len(feed))
	for n, t := range feed {
		if twin := v.Node(n); twin != nil {
			mapped[twin] = t
		}
	}
	return mapped
}

func (s *Session) compileTwin(fetches gorgonia.Nodes, shapes map[*gorgonia.Node]tensor.Shape, cause *FixedSizeError) (*program, error) {
	v, err := s.twin(shapes)
	if err != nil {
		return nil, fmt.Errorf("%w; building the model again for this size: %w", cause, err)
	}
	mapped := make(gorgonia.Nodes, len(fetches))
	for i, n := range fetches {
		if mapped[i] = v.Node(n); mapped[i] == nil {
			return nil, fmt.Errorf("%w; and the model built again for this size has no counterpart of node %q", cause, n.Name())
		}
	}
	if err := s.bind(v.Graph); err != nil {
		return nil, err
	}
	twinShapes := map[*gorgonia.Node]tensor.Shape{}
	for n, shape := range shapes {
		if twin := v.Node(n); twin != nil {
			twinShapes[twin] = shape
		}
	}
	p, err := s.compile(v.Graph, mapped, twinShapes)
	if err != nil {
		return nil, err
	}
	p.twin, p.fetches, p.shapes = v, append(gorgonia.Nodes(nil), fetches...), shapes
	return p, nil
}

func (s *Session) twin(shapes map[*gorgonia.Node]tensor.Shape) (*variant, error) {
	for _, v := range s.rebuilt {
		if sameShapes(v.shapes, shapes) {
			return v, nil
		}
	}
	twin, err := s.rebuild(shapes)
	if err != nil {
		return nil, err
	}
	s.stats.Rebuilds++
	v := &variant{Twin: twin, shapes: shapes}
	if len(s.rebuilt) >= s.limit {
		delete(s.bound, s.rebuilt[0].Graph)
		s.rebuilt = slices.Delete(s.rebuilt, 0, 1)
	}
	s.rebuilt = append(s.rebuilt, v)
	return v, nil
}

func sameShapes(a, b map[*gorgonia.Node]tensor.Shape) bool {
	if len(a) != len(b) {
		return false
	}
	for n, shape := range a {
		other, ok := b[n]
		if !ok || !dense.SameShape(shape, other) {
			return false
		}
	}
	return true
}
