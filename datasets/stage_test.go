package datasets

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// interrupted is cancelled after it was asked a few times.
type interrupted struct {
	context.Context
	left int
}

func (f *interrupted) Err() error {
	if f.left--; f.left < 0 {
		return context.Canceled
	}
	return nil
}

// The contract of a stage: however next, skip, more and epoch are mixed, and wherever a
// context interrupts them, elements come in the same order and none is lost.
func TestStageContract(t *testing.T) {
	const rows = 700 // the file's context is looked at every 256 records
	var file strings.Builder
	file.WriteString("y,x\n")
	y := make([]int64, rows)
	for i := range y {
		y[i] = int64(i)
		fmt.Fprintf(&file, "%d,1\n", i)
	}
	path := filepath.Join(t.TempDir(), "rows.csv")
	require.NoError(t, os.WriteFile(path, []byte(file.String()), 0o600))
	fromFile := CSV(path, NewSchema(Features("x"), Class("y")))
	third := func(b Batch) (bool, error) { return b.Labels["y"].Int64s()[0]%3 == 0, nil }

	for name, of := range map[string]func(*Dataset) *Dataset{
		"rows":                func(d *Dataset) *Dataset { return d },
		"batch":               func(d *Dataset) *Dataset { return d.Batch(7) },
		"drop":                func(d *Dataset) *Dataset { return d.Batch(9, DropRemainder()) },
		"take":                func(d *Dataset) *Dataset { return d.Take(600).Batch(7).Take(80) },
		"skip":                func(d *Dataset) *Dataset { return d.Skip(600).Batch(7).Skip(2) },
		"far skip":            func(d *Dataset) *Dataset { return d.Batch(3).Skip(200) },
		"shard":               func(d *Dataset) *Dataset { return d.Shard(3, 1).Batch(2).Shard(2, 1) },
		"far skip of a shard": func(d *Dataset) *Dataset { return d.Shard(3, 1).Skip(200) },
		"repeat":              func(d *Dataset) *Dataset { return d.Take(300).Repeat(3).Batch(11) },
		"repeat batches":      func(d *Dataset) *Dataset { return d.Take(300).Batch(11).Repeat(3).Shard(2, 0) },
		"shuffle":             func(d *Dataset) *Dataset { return d.Shuffle(300).Batch(5).Shuffle(4) },
		"filter":              func(d *Dataset) *Dataset { return d.Filter(third).Batch(2) },
		"unbatch":             func(d *Dataset) *Dataset { return d.Batch(6).Repeat(2).Unbatch().Batch(7) },
	} {
		for kind, source := range map[string]*Dataset{"memory": FromTensors(map[string]any{"x": make([]float32, rows)}, y), "file": fromFile} {
			t.Run(name+" from "+kind, func(t *testing.T) {
				r := rand.New(rand.NewPCG(7, 8))
				ds := of(source)
				var all []string
				whole, err := ds.build(1)
				require.NoError(t, err)
				for {
					epoch := whole.groups.epoch(context.Background())
					group, err := whole.groups.next(context.Background())
					if err == io.EOF {
						break
					}
					require.NoError(t, err)
					all = append(all, fmt.Sprint(epoch, " ", labelsOf(group)))
				}
				require.NoError(t, whole.groups.close())
				require.NotEmpty(t, all)
				for range 20 {
					mix(t, r, ds, all)
				}
			})
		}
	}
}

func labelsOf(group []row) (y []int64) {
	for _, r := range group {
		for i, f := range r.table.fields {
			if f.label {
				y = append(y, r.table.columns[i].tensor.Int64s()[r.index])
			}
		}
	}
	return y
}

// mix goes through a data set by a random mixture of calls.
func mix(t *testing.T, r *rand.Rand, ds *Dataset, all []string) {
	t.Helper()
	p, err := ds.build(1)
	require.NoError(t, err)
	defer p.groups.close()
	for at := 0; ; {
		var ctx context.Context = context.Background()
		if r.IntN(2) == 0 {
			ctx = &interrupted{ctx, r.IntN(3)}
		}
		switch r.IntN(4) {
		case 0:
			if at < len(all) {
				require.True(t, p.groups.more(ctx))
			} else {
				require.False(t, p.groups.more(context.Background()))
			}
		case 1:
			if at < len(all) {
				require.Equal(t, strings.Split(all[at], " ")[0], fmt.Sprint(p.groups.epoch(context.Background())))
			}
		case 2:
			n := r.Int64N(int64(len(all)/4 + 2))
			skipped, err := p.groups.skip(ctx, n)
			at += int(skipped)
			if err == nil {
				require.Equal(t, min(n, int64(len(all)-at)+skipped), skipped)
			} else {
				require.ErrorIs(t, err, context.Canceled)
			}
		case 3:
			epoch := p.groups.epoch(context.Background())
			group, err := p.groups.next(ctx)
			if err == io.EOF {
				require.Equal(t, len(all), at)
				return
			}
			if err != nil {
				require.ErrorIs(t, err, context.Canceled)
				continue
			}
			require.Less(t, at, len(all))
			require.Equal(t, all[at], fmt.Sprint(epoch, " ", labelsOf(group)), "element %d", at)
			at++
		}
	}
}
