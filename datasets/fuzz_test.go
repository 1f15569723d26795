package datasets_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
)

// Whatever a file holds: rows of finite numbers or an error, never a panic, and with
// SkipMalformed no malformed row ends it.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"a,k,y\n1,u,0\n", "a,k,y\r\n\"1\",v,2\r\n,,\n", "\xef\xbb\xbfa,k,y\n1e9999,u,1\nNaN,u,1\n", "a,k,y\n\"", "k,y,a\nu,1,2\nu,1\n", "\x1f\x8b"} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte, skip bool) {
		path := filepath.Join(dir, "fuzz.csv")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		var opts []datasets.CSVOption
		if skip {
			opts = append(opts, datasets.SkipMalformed())
		}
		schema := datasets.NewSchema(datasets.Features("a"), datasets.Category("k", "u", "v"), datasets.Class("y"))
		err := datasets.CSV(path, schema, opts...).Batch(3).ForEach(context.Background(), func(b datasets.Batch) error {
			for _, v := range b.Features["x"].Float32s() {
				if v != v || v-v != 0 {
					t.Errorf("%v is not finite", v)
				}
			}
			for _, k := range b.Features["k"].Int64s() {
				if k != 0 && k != 1 {
					t.Errorf("class %d of 2", k)
				}
			}
			return nil
		})
		var row *datasets.RowError
		if errors.As(err, &row) && (row.Line < 1 || row.File != path) {
			t.Errorf("no place: %v", err)
		}
		_, _ = datasets.InferSchema(path, "y")
	})
}

func FuzzIDX(f *testing.F) {
	f.Add([]byte(twoImages), []byte(twoLabels))
	f.Add([]byte("\x00\x00\x08\x02\xff\xff\xff\xff\xff\xff\xff\xff"), []byte{})
	f.Add([]byte("\x1f\x8b\x08\x00"), []byte("\x00\x00\x08\x01\x7f\xff\xff\xff"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, images, labels []byte) {
		a, b := filepath.Join(dir, "images"), filepath.Join(dir, "labels")
		if err := errors.Join(os.WriteFile(a, images, 0o600), os.WriteFile(b, labels, 0o600)); err != nil {
			t.Fatal(err)
		}
		ds := datasets.IDX(a, b).Batch(2)
		rows := int64(0)
		err := ds.ForEach(context.Background(), func(b datasets.Batch) error {
			rows += int64(b.Rows())
			if b.Features["x"].Dtype() != tensor.Float32 {
				t.Error(b.Features["x"].Dtype())
			}
			return nil
		})
		if want, _ := ds.Rows().N(); err == nil && rows != want {
			t.Errorf("%d rows of %d", rows, want)
		}
	})
}

// A damaged position is refused or restored, and leaves a usable iterator.
func FuzzRestore(f *testing.F) {
	ds := count(5).Shuffle(3).Batch(2).Repeat(2)
	it, err := ds.Iterator()
	if err != nil {
		f.Fatal(err)
	}
	p, err := it.Position()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p)
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, position []byte) {
		it, err := ds.Iterator()
		if err != nil {
			t.Fatal(err)
		}
		defer it.Close()
		if it.Restore(position) == nil {
			return
		}
		if _, err := it.Next(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
