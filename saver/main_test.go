package saver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

var (
	ctx   = context.Background()
	quiet = Logger(slog.New(slog.NewTextHandler(io.Discard, nil)))
)

// fill returns a tensor of the shape with bytes that depend on seed.
func fill(dt tensor.Dtype, shape tensor.Shape, seed int) *tensor.Dense {
	t := dense.New(dt, shape)
	b := dense.Bytes(t)
	for i := range b {
		b[i] = byte(i*7 + seed*13 + i/256)
		if dt == tensor.Bool {
			b[i] &= 1
		}
	}
	return t
}

// sample is a small checkpoint whose values tell its step.
func sample(step int64) Checkpoint {
	return Checkpoint{
		Step: step,
		Tensors: map[string]*tensor.Dense{
			"w":           fill(tensor.Float32, tensor.Shape{2, 3}, int(step)),
			"mask":        fill(tensor.Bool, tensor.Shape{3}, int(step)),
			"count":       fill(tensor.Int, tensor.Shape{1}, int(step)),
			"global_step": tensor.New(tensor.FromScalar(step)),
		},
		Metadata: map[string]string{"seed": fmt.Sprint(step), "note": "two\nlines, ü \"q\""},
	}
}

func newSaver(t testing.TB, dir string, opts ...Option) *Saver {
	t.Helper()
	s, err := New(dir, append([]Option{quiet}, opts...)...)
	require.NoError(t, err)
	return s
}

func save(t testing.TB, s *Saver, step int64) string {
	t.Helper()
	path, err := s.Save(ctx, sample(step))
	require.NoError(t, err)
	return path
}

// requireEqual demands equal bits.
func requireEqual(t testing.TB, want, got *Checkpoint) {
	t.Helper()
	if why := difference(want, got); why != "" {
		t.Fatal(why)
	}
}

func difference(want, got *Checkpoint) string {
	if want.Step != got.Step {
		return fmt.Sprintf("step %d, expected %d", got.Step, want.Step)
	}
	if len(want.Tensors) != len(got.Tensors) {
		return fmt.Sprintf("%d tensors, expected %d", len(got.Tensors), len(want.Tensors))
	}
	for name, w := range want.Tensors {
		g := got.Tensors[name]
		if g == nil {
			return fmt.Sprintf("no tensor %q", name)
		}
		if g.Dtype() != w.Dtype() || !dense.SameShape(g.Shape(), w.Shape()) {
			return fmt.Sprintf("tensor %q is %v %v, expected %v %v", name, g.Dtype(), g.Shape(), w.Dtype(), w.Shape())
		}
		if !bytes.Equal(dense.Bytes(g), dense.Bytes(dense.Contiguous(w))) {
			return fmt.Sprintf("tensor %q has other elements", name)
		}
	}
	if len(want.Metadata) != len(got.Metadata) {
		return fmt.Sprintf("metadata %q, expected %q", got.Metadata, want.Metadata)
	}
	for key, w := range want.Metadata {
		if g, ok := got.Metadata[key]; !ok || g != w {
			return fmt.Sprintf("metadata %q is %q, expected %q", key, g, w)
		}
	}
	return ""
}

// listing returns the names in dir.
func listing(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// clock is a time that a test sets, in seconds.
type clock struct{ now float64 }

func (c *clock) option() Option {
	return withClock(func() time.Time {
		whole, part := math.Modf(c.now)
		return time.Unix(int64(whole), int64(part*1e9))
	})
}

func base(paths ...string) (names []string) {
	for _, p := range paths {
		names = append(names, filepath.Base(p))
	}
	return names
}
