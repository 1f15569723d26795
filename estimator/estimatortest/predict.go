package estimatortest

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"sync"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
)

func checkEvaluateIsPure(k *kit) error {
	est, err := k.fitted(3)
	if err != nil {
		return err
	}
	return unchanged(est, func() error {
		first, err := est.Evaluate(k.subject.Input().Batch(batchSize))
		if err != nil {
			return fmt.Errorf("calling Evaluate: %w", err)
		}
		second, err := est.Evaluate(k.subject.Input().Batch(batchSize))
		if err == nil && fmt.Sprint(first) != fmt.Sprint(second) {
			err = fmt.Errorf("first %v, then %v", first, second)
		}
		return err
	})
}

func checkEvaluateBatchSize(k *kit) error {
	est, err := k.fitted(3)
	if err != nil {
		return err
	}
	n, _ := k.subject.Input().Rows().N()
	var want estimator.Metrics
	for _, size := range []int{int(n), 1, batchSize, int(n) - 1} {
		got, err := est.Evaluate(k.subject.Input().Batch(size))
		if err != nil {
			return fmt.Errorf("calling Evaluate with batches of %d: %w", size, err)
		}
		if want == nil {
			want = got
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if !k.agree(want[name], got[name]) {
				return fmt.Errorf("%s is %v with one batch of %d rows and %v with batches of %d: a loss must be the mean over rows", name, want[name], n, got[name], size)
			}
		}
	}
	return nil
}

// agree reports whether two numbers agree up to the tolerance.
func (k *kit) agree(a, b float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= k.tolerance*max(math.Abs(a), math.Abs(b), 1)
}

func checkPredictIsPure(k *kit) error {
	est, err := k.fitted(3)
	if err != nil {
		return err
	}
	return unchanged(est, func() error {
		first, err := est.PredictAll(k.subject.Input().Batch(batchSize))
		if err != nil {
			return fmt.Errorf("calling PredictAll: %w", err)
		}
		second, err := est.PredictAll(k.subject.Input().Batch(batchSize))
		if err != nil {
			return fmt.Errorf("calling PredictAll: %w", err)
		}
		for i := range first {
			if !reflect.DeepEqual(text(first[i]), text(second[i])) {
				return fmt.Errorf("row %d is first %v, then %v", i, first[i], second[i])
			}
		}
		return nil
	})
}

func text(r estimator.Row) map[string]string {
	all := map[string]string{}
	for name, v := range r {
		all[name] = fmt.Sprint(numbers(v))
	}
	return all
}

func checkPredictOrder(k *kit) error {
	est, err := k.fitted(3)
	if err != nil {
		return err
	}
	want, err := est.PredictAll(k.subject.Input().Batch(1))
	if err != nil {
		return fmt.Errorf("calling PredictAll: %w", err)
	}
	n, _ := k.subject.Input().Rows().N()
	if int64(len(want)) != n {
		return fmt.Errorf("there are %d predictions for %d rows", len(want), n)
	}
	for _, size := range []int{batchSize, int(n)} {
		got, err := est.PredictAll(k.subject.Input().Batch(size))
		if err != nil {
			return fmt.Errorf("calling PredictAll: %w", err)
		}
		if len(got) != len(want) {
			return fmt.Errorf("there are %d predictions with batches of %d, want %d", len(got), size, len(want))
		}
		for i := range want {
			if err := k.sameRow(want[i], got[i]); err != nil {
				return fmt.Errorf("row %d, alone and in a batch of %d: %w", i, size, err)
			}
		}
	}
	return nil
}

func (k *kit) sameRow(a, b estimator.Row) error {
	names := slices.Sorted(maps.Keys(a))
	if !slices.Equal(names, slices.Sorted(maps.Keys(b))) {
		return fmt.Errorf("the predictions are %q and %q", names, slices.Sorted(maps.Keys(b)))
	}
	for _, name := range names {
		x, y := numbers(a[name]), numbers(b[name])
		if len(x) != len(y) {
			return fmt.Errorf("prediction %q has %d and %d numbers", name, len(x), len(y))
		}
		for i := range x {
			if !k.agree(x[i], y[i]) {
				return fmt.Errorf("prediction %q is %v and %v", name, a[name], b[name])
			}
		}
	}
	return nil
}

// numbers returns what a row has for a prediction.
func numbers(v any) (list []float64) {
	if t, ok := v.(*tensor.Dense); ok {
		v = t.Data()
	}
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Slice {
		return []float64{number(r)}
	}
	for i := range r.Len() {
		list = append(list, number(r.Index(i)))
	}
	return list
}

func number(r reflect.Value) float64 {
	switch {
	case r.CanFloat():
		return r.Float()
	case r.CanInt():
		return float64(r.Int())
	case r.CanUint():
		return float64(r.Uint())
	case r.Kind() == reflect.Bool && r.Bool():
		return 1
	}
	return 0
}

// batches returns the input's features, batch by batch.
func (k *kit) batches() ([]map[string]*tensor.Dense, error) {
	collected, err := k.subject.Input().Batch(batchSize).Collect(background)
	var features []map[string]*tensor.Dense
	for _, b := range collected {
		features = append(features, b.Features)
	}
	return features, err
}

func checkConcurrent(k *kit) error {
	est, err := k.fitted(3)
	if err != nil {
		return err
	}
	p, err := est.Predictor()
	if err != nil {
		return fmt.Errorf("calling Predictor: %w", err)
	}
	batches, err := k.batches()
	if err != nil {
		return err
	}
	var want [][]estimator.Row
	for _, b := range batches {
		rows, err := p.Predict(background, b)
		if err != nil {
			return fmt.Errorf("calling Predict: %w", err)
		}
		want = append(want, rows)
	}
	errs := make([]error, 8)
	var group sync.WaitGroup
	for worker := range errs {
		group.Go(func() {
			for i := range batches {
				i = (i + worker) % len(batches)
				rows, err := p.Predict(background, batches[i])
				if err != nil {
					errs[worker] = err
					return
				}
				for j := range rows {
					if !reflect.DeepEqual(text(want[i][j]), text(rows[j])) {
						errs[worker] = fmt.Errorf("row %d of batch %d is %v, alone it is %v", j, i, rows[j], want[i][j])
						return
					}
				}
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

func checkBadInput(k *kit) error {
	spec := k.subject.Input().Spec()
	wrong := func(f func(*datasets.Batch)) *datasets.Dataset {
		return k.subject.Input().Map(func(b datasets.Batch) (datasets.Batch, error) {
			b.Features, b.Labels = maps.Clone(b.Features), maps.Clone(b.Labels)
			f(&b)
			return b, nil
		}).Batch(batchSize)
	}
	first := slices.Sorted(maps.Keys(spec.Features))[0]
	bad := []struct {
		name  string
		input *datasets.Dataset
	}{
		{"without labels", wrong(func(b *datasets.Batch) { b.Labels = nil })},
		{"nil", nil},
		{"a feature of another name", wrong(func(b *datasets.Batch) {
			b.Features["of another name"] = b.Features[first]
			delete(b.Features, first)
		})},
		{"a feature of another shape", wrong(func(b *datasets.Batch) {
			shape := append(b.Features[first].Shape().Clone(), 3)
			b.Features[first] = tensor.New(tensor.Of(b.Features[first].Dtype()), tensor.WithShape(shape...))
		})},
	}
	est, err := k.fitted(3)
	if err != nil {
		return err
	}
	before, err := files(est.ModelDir())
	if err != nil {
		return err
	}
	for _, b := range bad {
		err := unchanged(est, func() error {
			if _, err := est.Fit(b.input, estimator.Steps(2)); err == nil {
				return errors.New("it is taken by Fit")
			}
			if _, err := est.Evaluate(b.input); err == nil {
				return errors.New("it is taken by Evaluate")
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("an input %s: %w", b.name, err)
		}
	}
	after, err := files(est.ModelDir())
	if err != nil {
		return err
	}
	if !slices.Equal(before, after) {
		return fmt.Errorf("files were written: %q, before %q", after, before)
	}
	if err := k.fit(est, estimator.MaxSteps(5)); err != nil {
		return fmt.Errorf("afterwards: %w", err)
	}
	once, err := k.fitted(5)
	if err != nil {
		return err
	}
	return same(once, est)
}
