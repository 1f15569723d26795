package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/internal/exampletest"
)

func TestChars(t *testing.T) {
	p, dir := exampletest.Build(t), t.TempDir()
	r := p.MustRun("-dir", dir)
	require.Greater(t, r.Number(t, "uniform"), 6.0)
	require.Less(t, r.Number(t, "bits"), 2.8)
	// The model is trained; the rest only writes.
	again := p.MustRun("-dir", dir)
	require.Equal(t, sample(r), sample(again), "a seed gives one sample")
	require.NotEqual(t, sample(r), sample(p.MustRun("-dir", dir, "-seed", "2")))
	cold := sample(p.MustRun("-dir", dir, "-temperature", "0", "-prompt", "Light", "-length", "30"))
	require.Equal(t, cold, sample(p.MustRun("-dir", dir, "-temperature", "0", "-prompt", "Light", "-length", "30", "-seed", "2")))
	require.True(t, strings.HasPrefix(cold, "Light"), cold)
	require.Equal(t, len("Light")+30, utf8.RuneCountInString(cold))
}

// sample is what a run wrote between its first line and the numbers at the end.
func sample(r exampletest.Result) string {
	_, after, _ := strings.Cut(r.Stdout, "\n")
	text, _, _ := strings.Cut(after, "\nuniform ")
	return text
}

func TestOwnText(t *testing.T) {
	p := exampletest.Build(t)
	path := filepath.Join(t.TempDir(), "abc")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("äbc", 1000)), 0o600))
	r := p.MustRun("-dir", t.TempDir(), "-text", path, "-steps", "50", "-prompt", "b", "-length", "8", "-temperature", "0")
	require.Contains(t, r.Stdout, "\nbcäbcäbcä\n")
	require.Less(t, r.Number(t, "bits"), 0.2)
}

func TestBadInput(t *testing.T) {
	p := exampletest.Build(t)
	short, latin1 := filepath.Join(t.TempDir(), "short"), filepath.Join(t.TempDir(), "latin1")
	require.NoError(t, os.WriteFile(short, []byte(strings.Repeat("a", 509)), 0o600))
	require.NoError(t, os.WriteFile(latin1, []byte("\xe4"), 0o600))
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a file that is not there":           {[]string{"-text", "nowhere"}, "nowhere"},
		"a short text":                       {[]string{"-text", short}, short + ": it has 509 characters, want at least 510"},
		"a text in another encoding":         {[]string{"-text", latin1}, latin1 + ": it is not UTF-8"},
		"a prompt of characters never seen":  {[]string{"-prompt", "Qu€ry"}, `-prompt: the text has no '€'`},
		"an empty prompt":                    {[]string{"-prompt", ""}, "-prompt is empty"},
		"a negative temperature":             {[]string{"-temperature", "-1"}, "-temperature is -1, want a number of at least 0"},
		"a temperature that is not a number": {[]string{"-temperature", "NaN"}, "-temperature is NaN"},
		"an infinite temperature":            {[]string{"-temperature", "Inf"}, "-temperature is +Inf"},
		"a negative number of characters":    {[]string{"-length", "-1"}, "-length is -1, want at least 0"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "model")
			r := p.Run(append(c.args, "-dir", dir)...)
			require.Equal(t, 1, r.Code)
			require.Contains(t, r.Stderr, c.want)
			require.NoDirExists(t, dir)
		})
	}
}

// The shares of characters drawn are softmax(logits / temperature).
func TestDraw(t *testing.T) {
	c, err := newCorpus("abc", strings.Repeat("abc", 200))
	require.NoError(t, err)
	logits := []float32{0, 1, 2}
	for temperature, want := range map[float64][]float64{
		0:    {0, 0, 1},
		0.5:  {0.0159, 0.1173, 0.8668},
		1:    {0.0900, 0.2447, 0.6652},
		1e9:  {0.3333, 0.3333, 0.3333},
		1e-9: {0, 0, 1},
	} {
		s, err := newSampler(c, "a", temperature, 1, 1)
		require.NoError(t, err)
		const n = 20_000
		shares := make([]float64, 3)
		for range n {
			shares[s.draw(logits)] += 1.0 / n
		}
		require.InDeltaSlice(t, want, shares, 0.02, "temperature %v", temperature)
	}
}

func TestInterrupt(t *testing.T) { exampletest.Build(t).Interrupt(estimator.ExitInterrupted) }

func TestKill(t *testing.T) { exampletest.Build(t).Kill(3, 50, 80, 5, 600*time.Millisecond) }
