package hooks_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/hooks"
)

// recording is an EveryN that notes its steps, embedded as a monitor's author would.
type recording struct {
	hooks.EveryN
	begun, ended, posts []int64
}

func newRecording(n, first int64) *recording {
	r := &recording{}
	r.N, r.First = n, first
	r.OnStepBegin = func(step int64) ([]*gorgonia.Node, error) { r.begun = append(r.begun, step); return nil, nil }
	r.OnStepEnd = func(step int64, _ hooks.Outputs) (bool, error) { r.ended = append(r.ended, step); return false, nil }
	r.OnPostStep = func(step int64) error { r.posts = append(r.posts, step); return nil }
	return r
}

func (r *recording) require(t *testing.T, want ...int64) {
	t.Helper()
	require.Equal(t, want, r.begun)
	require.Equal(t, want, r.ended)
	require.Equal(t, want, r.posts)
}

func upTo(last int64) (steps []int64) {
	for step := range last + 1 {
		steps = append(steps, step)
	}
	return steps
}

func TestEveryN(t *testing.T) {
	for _, row := range []struct {
		name                 string
		n, first             int64
		from, to, last, want []int64
	}{
		{"every second", 2, -1, []int64{0}, []int64{9}, []int64{-1}, []int64{2, 4, 6, 8}},
		{"the first three", 100, 3, []int64{1}, []int64{9}, []int64{-1}, []int64{1, 2, 3}},
		{"no known last step", 8, 2, []int64{0}, []int64{29}, []int64{-1}, []int64{0, 1, 2, 10, 18, 26}},
		{"our numbers", 8, 0, []int64{1}, []int64{30}, []int64{30}, []int64{8, 16, 24, 30}},
		{"a resumed run", 8, 2, []int64{1001}, []int64{1020}, []int64{1020}, []int64{1001, 1009, 1017, 1020}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRecording(row.n, row.first)
			d := newDriver(t).start(r, row.last[0])
			d.steps(r, row.from[0], row.to[0])
			r.require(t, row.want...)
			require.Same(t, d.run, r.Run())
		})
	}
}

// A step whose run failed is begun again; what was not ended is not counted.
func TestEveryNStepBegunAgain(t *testing.T) {
	r := newRecording(8, -1)
	d := newDriver(t).start(r, -1)
	for _, step := range []int64{8, 16} {
		_, err := r.StepBegin(step)
		require.NoError(t, err)
		d.step(r, step)
	}
	require.Equal(t, []int64{8, 8, 16, 16}, r.begun)
	require.Equal(t, []int64{8, 16}, r.ended)
	require.Equal(t, []int64{8, 16}, r.posts)
}

// A step that was ended is not active again.
func TestEveryNStepMadeTwice(t *testing.T) {
	r := newRecording(8, -1)
	d := newDriver(t).start(r, -1)
	for _, step := range []int64{8, 8, 16, 16} {
		d.step(r, step)
	}
	r.require(t, 8, 16)
}

// Without a PostStep the old step still counts as the last active one.
func TestEveryNWithoutPostStep(t *testing.T) {
	r := newRecording(8, -1)
	newDriver(t).start(r, -1)
	for step := int64(8); step < 11; step++ {
		_, err := r.StepBegin(step)
		require.NoError(t, err)
		_, err = r.StepEnd(step, hooks.Outputs{})
		require.NoError(t, err)
	}
	require.Equal(t, []int64{8, 9, 10}, r.ended)
	require.NoError(t, r.End(nil))
	require.Equal(t, []int64{10}, r.posts)
}

func TestEveryNBeginsAnew(t *testing.T) {
	r := newRecording(5, -1)
	d := newDriver(t).start(r, -1)
	d.steps(r, 1, 7)
	require.NoError(t, r.End(nil))
	require.Equal(t, []int64{5, 7}, r.posts)
	require.NoError(t, r.Begin(d.run))
	require.NoError(t, r.End(nil))
	require.Equal(t, []int64{5, 7}, r.posts, "no step was made")
	d.steps(r, 1, 6)
	require.Equal(t, []int64{5, 7, 5}, r.posts)
}

func TestEveryNPassesOn(t *testing.T) {
	boom := errors.New("boom")
	d := newDriver(t)
	m := &hooks.EveryN{
		N:           1,
		OnStepBegin: func(int64) ([]*gorgonia.Node, error) { return []*gorgonia.Node{d.answer}, boom },
		OnStepEnd:   func(int64, hooks.Outputs) (bool, error) { return true, boom },
		OnPostStep:  func(int64) error { return boom },
	}
	d.start(m, -1)
	nodes, err := m.StepBegin(1)
	require.Equal(t, []*gorgonia.Node{d.answer}, nodes)
	require.ErrorIs(t, err, boom)
	stop, err := m.StepEnd(1, hooks.Outputs{})
	require.True(t, stop)
	require.ErrorIs(t, err, boom)
	require.ErrorIs(t, m.PostStep(1), boom)
	bare := &hooks.EveryN{}
	d.start(bare, -1).steps(bare, 1, 3)
	require.NoError(t, bare.End(nil))
}
