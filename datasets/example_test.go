package datasets_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
)

func ExampleDataset() {
	ds := datasets.FromTensors([]float32{0, 1, 2}, nil).Batch(2).Repeat(2)
	for batch, err := range ds.All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(batch.Features[datasets.DefaultFeature].Float32s())
	}
	// Output:
	// [0 1]
	// [2]
	// [0 1]
	// [2]
}

func ExampleCSV() {
	path := filepath.Join(os.TempDir(), "stheno-example.csv")
	if err := os.WriteFile(path, []byte("bill,flipper,species\n39.1,181,Adelie\n50,196,Chinstrap\n46.1,211,Gentoo\n"), 0o600); err != nil {
		log.Fatal(err)
	}
	defer os.Remove(path)

	schema := datasets.NewSchema(datasets.Features("bill", "flipper"), datasets.Class("species", "Adelie", "Chinstrap", "Gentoo"))
	ds := datasets.CSV(path, schema).Batch(3)
	for batch, err := range ds.All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(batch.Features["x"].Float32s(), batch.Labels["y"].Int64s())
	}
	// Output:
	// [39.1 181 50 196 46.1 211] [0 1 2]
}

func ExampleFunc() {
	spec := datasets.Spec{Features: map[string]datasets.TensorSpec{"x": {Dtype: tensor.Float32, Shape: tensor.Shape{2}}}}
	n := float32(0)
	ds := datasets.Func(spec, func() (datasets.Batch, error) {
		if n++; n > 2 {
			return datasets.Batch{}, io.EOF
		}
		x := tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float32{n, n * n}))
		return datasets.Batch{Features: map[string]*tensor.Dense{"x": x}}, nil
	})
	err := ds.ForEach(context.Background(), func(b datasets.Batch) error {
		fmt.Println(b.Features["x"].Float32s())
		return nil
	})
	fmt.Println(err)
	// Output:
	// [1 1]
	// [2 4]
	// <nil>
}

// A position brings any iterator over the same pipeline to the same place.
func ExampleIterator_Restore() {
	ctx := context.Background()
	ds := datasets.FromTensors([]int64{0, 1, 2, 3, 4}, nil).Shuffle(5).Batch(2).Repeat(-1)
	it, err := ds.Iterator(datasets.Seed(1))
	if err != nil {
		log.Fatal(err)
	}
	defer it.Close()
	for range 4 {
		if _, err := it.Next(ctx); err != nil {
			log.Fatal(err)
		}
	}
	position, err := it.Position()
	if err != nil {
		log.Fatal(err)
	}
	other, err := ds.Iterator()
	if err != nil {
		log.Fatal(err)
	}
	defer other.Close()
	if err := other.Restore(position); err != nil {
		log.Fatal(err)
	}
	a, _ := it.Next(ctx)
	b, _ := other.Next(ctx)
	fmt.Println(a.Features["x"].Data(), b.Features["x"].Data(), it.Epoch(), other.Epoch())
	// Output:
	// [4 2] [4 2] 1 1
}

func ExampleDataset_Folds() {
	folds, err := datasets.Iris().Folds(5, 1)
	if err != nil {
		log.Fatal(err)
	}
	for i, f := range folds {
		fmt.Println(i, f.Train.Rows(), f.Test.Rows())
	}
	// Output:
	// 0 120 30
	// 1 120 30
	// 2 120 30
	// 3 120 30
	// 4 120 30
}
