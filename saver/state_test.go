package saver

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func writeText(t testing.TB, dir, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, StateFile), []byte(text), 0o600))
}

func TestStateText(t *testing.T) {
	dir := t.TempDir()
	now := &clock{1700000000.25}
	s := newSaver(t, dir, now.option(), Basename(`a "b"'ü`))
	save(t, s, 1)
	now.now++
	save(t, s, 2)
	text, err := os.ReadFile(filepath.Join(dir, StateFile))
	require.NoError(t, err)
	require.Equal(t, `model_checkpoint_path: "a \"b\"\'\303\274-2.safetensors"
all_model_checkpoint_paths: "a \"b\"\'\303\274-1.safetensors"
all_model_checkpoint_paths: "a \"b\"\'\303\274-2.safetensors"
all_model_checkpoint_timestamps: 1700000000.25
all_model_checkpoint_timestamps: 1700000001.25
last_preserved_timestamp: 1699999999.25
`, string(text))
	state, err := ReadState(dir)
	require.NoError(t, err)
	require.Equal(t, &State{
		Newest:        filepath.Join(dir, `a "b"'ü-2.safetensors`),
		Paths:         []string{filepath.Join(dir, `a "b"'ü-1.safetensors`), filepath.Join(dir, `a "b"'ü-2.safetensors`)},
		Times:         []float64{1700000000.25, 1700000001.25},
		LastPreserved: 1699999999.25,
	}, state)
}

func TestReadState(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want State
	}{
		"TensorFlow 1": {
			"model_checkpoint_path: \"model.ckpt-1000\"\nall_model_checkpoint_paths: \"model.ckpt-500\"\nall_model_checkpoint_paths: \"model.ckpt-1000\"\n",
			State{Newest: "model.ckpt-1000", Paths: []string{"model.ckpt-500", "model.ckpt-1000"}},
		},
		"only the newest": {`model_checkpoint_path: "a"`, State{Newest: "a", Paths: []string{"a"}}},
		"absolute":        {`model_checkpoint_path: "/x/a"`, State{Newest: "/x/a", Paths: []string{"/x/a"}}},
		"comments, separators, lists": {
			"# hand-made\nall_model_checkpoint_paths: ['a', \"b\" # the last\n]; model_checkpoint_path:'b', all_model_checkpoint_timestamps: [1, 2.5e1f,] ",
			State{},
		},
		"lists": {
			"# hand-made\nall_model_checkpoint_paths: ['a', \"b\" # the last\n]; model_checkpoint_path:'b', all_model_checkpoint_timestamps: [1, 2.5e1f] all_model_checkpoint_timestamps: [] last_preserved_timestamp:-inf",
			State{Newest: "b", Paths: []string{"a", "b"}, Times: []float64{1, 25}, LastPreserved: math.Inf(-1)},
		},
		"escapes": {
			`model_checkpoint_path: "a\n\t\\\"\'\?" 'b"' "\303\274\xc3\xbc\u00fc\U0001F642\0"`,
			State{Newest: "a\n\t\\\"'?b\"üüü🙂\x00", Paths: []string{"a\n\t\\\"'?b\"üüü🙂\x00"}},
		},
		"pointed at an older one": {
			"model_checkpoint_path: \"a\"\nall_model_checkpoint_paths: \"a\"\nall_model_checkpoint_paths: \"b\"\nall_model_checkpoint_timestamps: 1\nall_model_checkpoint_timestamps: 2\n",
			State{Newest: "a", Paths: []string{"b", "a"}, Times: []float64{2, 1}},
		},
		"pointed elsewhere": {
			"model_checkpoint_path: \"c\"\nall_model_checkpoint_paths: \"a\"\nall_model_checkpoint_timestamps: 1\n",
			State{Newest: "c", Paths: []string{"a", "c"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseState(c.text)
			if c.want.Newest == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, &c.want, got)
			again, err := parseState(got.text())
			require.NoError(t, err)
			require.Equal(t, got, again)
		})
	}
}

func TestReadStateRefuses(t *testing.T) {
	dir := t.TempDir()
	_, err := ReadState(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, c := range []struct{ text, what string }{
		{"", "model_checkpoint_path is empty"},
		{`model_checkpoint_path: ""`, "model_checkpoint_path is empty"},
		{`model_checkpoint_path: "a`, "no end"},
		{"model_checkpoint_path: \"a\nb\"", "no end"},
		{`model_checkpoint_path: "a\`, "no end"},
		{`model_checkpoint_path: a`, "expected a quoted string"},
		{`model_checkpoint_path: `, "expected a quoted string"},
		{`model_checkpoint_path "a"`, "expected ':'"},
		{`model_checkpoint_path: "a" model_checkpoint_path: "b"`, "twice"},
		{`model_checkpoint_path: "a" extra: 1`, `unknown field "extra"`},
		{`model_checkpoint_path: "a" }`, "expected ':'"},
		{`model_checkpoint_path: "\q"`, "unknown escape"},
		{`model_checkpoint_path: "\x"`, "digits"},
		{`model_checkpoint_path: "\u12"`, "digits"},
		{`model_checkpoint_path: "\777"`, "expected a byte"},
		{`model_checkpoint_path: "\ud800"`, "expected a character"},
		{`model_checkpoint_path: "\U00110000"`, "expected a character"},
		{`model_checkpoint_path: "\xff"`, "not UTF-8"},
		{`model_checkpoint_path: "a" all_model_checkpoint_paths: ""`, "expected a path"},
		{`model_checkpoint_path: "a" all_model_checkpoint_paths: ["a"`, "expected ']'"},
		{`model_checkpoint_path: "a" all_model_checkpoint_paths: "a" all_model_checkpoint_timestamps: [1, 2]`, "2 entries"},
		{`model_checkpoint_path: "a" last_preserved_timestamp: nan`, "expected a number"},
		{`model_checkpoint_path: "a" last_preserved_timestamp: 0x10`, "expected a number"},
		{`model_checkpoint_path: "a" last_preserved_timestamp: "1"`, "expected a number"},
	} {
		writeText(t, dir, c.text)
		_, err := ReadState(dir)
		require.ErrorIs(t, err, ErrCorrupt, "%s", c.text)
		require.ErrorContains(t, err, c.what, "%s", c.text)
		require.ErrorContains(t, err, filepath.Join(dir, StateFile))
	}
	require.NoError(t, os.Truncate(filepath.Join(dir, StateFile), maxState+1))
	_, err = ReadState(dir)
	require.ErrorIs(t, err, ErrCorrupt)
}

func TestWriteState(t *testing.T) {
	dir := t.TempDir()
	elsewhere := filepath.Join(t.TempDir(), "x-1.safetensors")
	a, b := filepath.Join(dir, "a-1.safetensors"), filepath.Join(dir, "sub", "b-2.safetensors")
	require.NoError(t, WriteState(dir, State{Newest: elsewhere, Paths: []string{a, b}, Times: []float64{1, math.Inf(1)}}))
	text, err := os.ReadFile(filepath.Join(dir, StateFile))
	require.NoError(t, err)
	require.Equal(t, "model_checkpoint_path: \""+elsewhere+"\"\nall_model_checkpoint_paths: \"a-1.safetensors\"\nall_model_checkpoint_paths: \"sub/b-2.safetensors\"\nall_model_checkpoint_paths: \""+elsewhere+"\"\n", string(text))
	state, err := ReadState(dir)
	require.NoError(t, err)
	require.Equal(t, &State{Newest: elsewhere, Paths: []string{a, b, elsewhere}}, state)

	require.NoError(t, WriteState(dir, State{Newest: b, Paths: []string{a, b}, Times: []float64{0.5, math.Inf(1)}, LastPreserved: 1e300}))
	state, err = ReadState(dir)
	require.NoError(t, err)
	require.Equal(t, &State{Newest: b, Paths: []string{a, b}, Times: []float64{0.5, math.Inf(1)}, LastPreserved: 1e300}, state)

	for _, s := range []State{
		{},
		{Newest: filepath.Join(dir, "checkpoint")},
		{Newest: a, Paths: []string{"", a}},
		{Newest: a, Paths: []string{a}, Times: []float64{math.NaN()}},
		{Newest: a, Paths: []string{b, a}, Times: []float64{1}},
		{Newest: "\xff"},
	} {
		require.Error(t, WriteState(dir, s), "%+v", s)
	}
	after, err := ReadState(dir)
	require.NoError(t, err)
	require.Equal(t, state, after, "nothing was written")
}

func TestQuote(t *testing.T) {
	for s, want := range map[string]string{"": `""`, "a b": `"a b"`, "\n\r\t\\\"'": `"\n\r\t\\\"\'"`, "\x00\x7f\u00fc1": `"\000\177\303\2741"`} {
		require.Equal(t, want, quote(s))
	}
}

// A directory can be moved, and named by a relative path.
func TestStateIsRelative(t *testing.T) {
	parent := t.TempDir()
	t.Chdir(parent)
	path := save(t, newSaver(t, "run/./a"), 1)
	require.Equal(t, filepath.Join("run", "a", "model.ckpt-1.safetensors"), path)
	latest, err := Latest("run/a")
	require.NoError(t, err)
	require.Equal(t, path, latest)
	require.NoError(t, os.Rename("run", "moved"))
	_, err = Check(filepath.Join(parent, "moved", "a"))
	require.NoError(t, err)
	save(t, newSaver(t, filepath.Join(parent, "moved", "a"), KeepMax(1)), 2)
	require.Equal(t, []int64{2}, steps(t, "moved/a"), "the rotation goes on")
}
