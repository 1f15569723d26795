package goptuna

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"

	upstream "github.com/c-bata/goptuna"
	"github.com/c-bata/goptuna/cmaes"
	"github.com/c-bata/goptuna/tpe"

	"github.com/stheno-ml/stheno/tune"
)

// CMAES proposes by the covariance matrix adaptation evolution strategy: each generation
// is drawn from a normal distribution that the one before has moved and shaped. It needs
// two parameters or more, and takes the order of a Choice's values for that of a number.
// The same seed gives the same trials. Failed and pruned trials teach it nothing.
func CMAES(space tune.Space, seed uint64) tune.Sampler {
	s := &sampler{name: "goptuna CMA-ES", space: space, seed: seed, ordered: true}
	s.options = func() []upstream.StudyOption {
		return []upstream.StudyOption{
			upstream.StudyOptionRelativeSampler(cmaes.NewSampler(cmaes.SamplerOptionSeed(int64(seed)))),
			upstream.StudyOptionDefineSearchSpace(s.distributions()),
		}
	}
	return s
}

// TPE proposes by tree-structured Parzen estimators: after 10 random trials it draws each
// parameter from where the good trials are dense and the others are not.
//
// goptuna 0.9.0 draws some of that from the random numbers of the process, which cannot
// be given a seed: two searches with one seed differ from trial 10 on. A resumed search
// keeps the trials that it has made.
func TPE(space tune.Space, seed uint64) tune.Sampler {
	s := &sampler{name: "goptuna TPE", space: space, seed: seed}
	s.options = func() []upstream.StudyOption {
		return []upstream.StudyOption{upstream.StudyOptionSampler(tpe.NewSampler(tpe.SamplerOptionSeed(int64(seed))))}
	}
	return s
}

// sampler asks a study of goptuna's for each trial, and tells it what came of it. It is
// for one search at a time.
type sampler struct {
	name    string
	space   tune.Space
	seed    uint64
	ordered bool                          // a Choice is a number
	options func() []upstream.StudyOption // of a study that has not begun

	study *upstream.Study
	asked []question
	told  int // how many of the asked were answered
}

// question is a trial of the study.
type question struct {
	trial  upstream.Trial
	params tune.Params
}

func (s *sampler) Len() int       { return -1 }
func (s *sampler) String() string { return fmt.Sprintf("%s(%v, seed %d)", s.name, s.space, s.seed) }

func (s *sampler) Err() error {
	if err := s.space.Validate(); err != nil {
		return err
	}
	if s.ordered && len(s.space) < 2 {
		return fmt.Errorf("goptuna: CMA-ES: the space %v has %d parameters, want at least 2", s.space, len(s.space))
	}
	return nil
}

// Next brings the study to where the search is and asks it for one trial more. When the
// search was resumed the trials before are asked for again, so that the study's random
// numbers are where they would be.
func (s *sampler) Next(n int, before *tune.Result) (p tune.Params, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("goptuna panicked: %v", r)
		}
	}()
	if len(before.Trials) != n {
		return nil, fmt.Errorf("goptuna: there are %d trials before number %d", len(before.Trials), n)
	}
	if s.study == nil || !s.continues(before) {
		if err := s.restart(); err != nil {
			return nil, err
		}
	}
	for ; s.told < n; s.told++ {
		if s.told == len(s.asked) {
			if err := s.ask(); err != nil {
				return nil, err
			}
		}
		if err := s.tell(s.asked[s.told], before, before.Trials[s.told]); err != nil {
			return nil, err
		}
	}
	if n == len(s.asked) {
		if err := s.ask(); err != nil {
			return nil, err
		}
	}
	return s.asked[n].params, nil
}

// continues reports whether the study was told of trials that are before.
func (s *sampler) continues(before *tune.Result) bool {
	if s.told > len(before.Trials) {
		return false
	}
	for i, q := range s.asked[:s.told] {
		if !reflect.DeepEqual(q.params, before.Trials[i].Params) {
			return false
		}
	}
	return true
}

func (s *sampler) restart() error {
	study, err := upstream.CreateStudy("stheno", append(s.options(), upstream.StudyOptionLogger(nil))...)
	if err != nil {
		return fmt.Errorf("goptuna: %w", err)
	}
	s.study, s.asked, s.told = study, nil, 0
	return nil
}

// distributions describes the space to goptuna: a place from 0 to 1 or one of a Choice's
// values by number.
func (s *sampler) distributions() map[string]any {
	all := make(map[string]any, len(s.space))
	for name, d := range s.space {
		all[name] = s.distribution(d)
	}
	return all
}

func (s *sampler) distribution(d tune.Dimension) any {
	if d.Kind != tune.KindChoice || s.ordered {
		return upstream.UniformDistribution{Low: 0, High: 1}
	}
	numbers := make([]string, len(d.Values))
	for i := range numbers {
		numbers[i] = strconv.Itoa(i)
	}
	return upstream.CategoricalDistribution{Choices: numbers}
}

// ask begins a trial of the study.
func (s *sampler) ask() error {
	id, err := s.study.Storage.CreateNewTrial(s.study.ID)
	if err != nil {
		return fmt.Errorf("goptuna: %w", err)
	}
	q := question{trial: upstream.Trial{Study: s.study, ID: id}, params: tune.Params{}}
	if err := q.trial.CallRelativeSampler(); err != nil {
		return fmt.Errorf("goptuna: %w", err)
	}
	for _, name := range s.space.Names() {
		switch d := s.distribution(s.space[name]).(type) {
		case upstream.CategoricalDistribution:
			text, err := q.trial.SuggestCategorical(name, d.Choices)
			if err != nil {
				return fmt.Errorf("goptuna: parameter %q: %w", name, err)
			}
			i, err := strconv.Atoi(text)
			if err != nil {
				return fmt.Errorf("goptuna: parameter %q: %w", name, err)
			}
			q.params[name] = s.space[name].At((float64(i) + 0.5) / float64(len(d.Choices)))
		case upstream.UniformDistribution:
			u, err := q.trial.SuggestFloat(name, d.Low, d.High)
			if err != nil {
				return fmt.Errorf("goptuna: parameter %q: %w", name, err)
			}
			q.params[name] = s.space[name].At(min(max(u, 0), 1))
		}
	}
	s.asked = append(s.asked, q)
	return nil
}

// tell ends a trial of the study with what the search has made of it.
func (s *sampler) tell(q question, r *tune.Result, made tune.Trial) error {
	for _, name := range s.space.Names() {
		if q.params[name] == made.Params[name] {
			continue
		}
		// An earlier process was proposed another value.
		place, err := s.space[name].Place(made.Params[name])
		if err != nil {
			return fmt.Errorf("goptuna: trial %d: parameter %q: %w", made.Number, name, err)
		}
		d := s.distribution(s.space[name])
		if c, ok := d.(upstream.CategoricalDistribution); ok {
			place = math.Floor(place * float64(len(c.Choices)))
		}
		if err := s.study.Storage.SetTrialParam(q.trial.ID, name, place, d); err != nil {
			return fmt.Errorf("goptuna: trial %d: parameter %q: %w", made.Number, name, err)
		}
		q.params[name] = made.Params[name]
	}
	value, state := r.Value(made), upstream.TrialStateComplete
	if r.Maximize {
		value = -value // goptuna's CMA-ES minimizes whatever the study's direction is
	}
	switch {
	case made.State == tune.Failed || math.IsNaN(value):
		value, state = 0, upstream.TrialStateFail
	case made.State == tune.Pruned:
		state = upstream.TrialStatePruned
	}
	err := s.study.Storage.SetTrialValue(q.trial.ID, value)
	if state == upstream.TrialStatePruned {
		err = errors.Join(err, s.study.Storage.SetTrialIntermediateValue(q.trial.ID, len(made.Scores), value))
	}
	if err := errors.Join(err, s.study.Storage.SetTrialState(q.trial.ID, state)); err != nil {
		return fmt.Errorf("goptuna: trial %d: %w", made.Number, err)
	}
	return nil
}
