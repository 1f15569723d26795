package saver

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzLoad: no file makes the reader panic or take memory that the file does not have,
// and a file that is accepted can be saved and read back.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"golden.safetensors", "v1.safetensors"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(f, err)
		f.Add(content)
		f.Add(content[:len(content)/2])
	}
	f.Add(foreign(`{}`))
	f.Add(foreign(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 1, 2))
	f.Add(foreign(`{"a":{"dtype":"BOOL","shape":[0,9223372036854775807],"data_offsets":[0,0]},"__metadata__":{"k":"v"}}`))
	f.Add(foreign(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}`, 0, 0, 0, 0))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 127, '{'})
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := newReader(bytes.NewReader(content), int64(len(content)), "x-3.safetensors")
		if err != nil {
			return
		}
		ckpt, err := r.all()
		if err != nil {
			return
		}
		enc, err := encode(ckpt)
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, enc.write(ctx, &b))
		r, err = newReader(bytes.NewReader(b.Bytes()), int64(b.Len()), "x")
		require.NoError(t, err)
		again, err := r.all()
		require.NoError(t, err)
		requireEqual(t, ckpt, again)
	})
}

// FuzzReadState: no text makes the reader panic, and one that is accepted can be written
// and read back.
func FuzzReadState(f *testing.F) {
	for _, text := range []string{
		"", "model_checkpoint_path: \"model.ckpt-1000\"\nall_model_checkpoint_paths: \"model.ckpt-500\"\nall_model_checkpoint_paths: \"model.ckpt-1000\"\n",
		"model_checkpoint_path: \"a\"\nall_model_checkpoint_paths: ['b','a']\nall_model_checkpoint_timestamps: [1, 2.5e3]\nlast_preserved_timestamp: -inf # x",
		`model_checkpoint_path: "a\n\t\\\"\'\?" 'b"' "\303\274\xc3\xbc\u00fc\U0001F642\0"`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseState(text)
		if err != nil {
			return
		}
		again, err := parseState(s.text())
		require.NoError(t, err)
		require.Equal(t, s, again)
	})
}
