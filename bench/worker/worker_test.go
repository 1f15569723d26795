package worker

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestProtocol(t *testing.T) {
	built, steps := 0, 0
	w := &Worker{About: "test 1", Train: func(w Workload) (Train, error) {
		built++
		switch w.Name {
		case "W6":
			return nil, Skip("no\nLSTM")
		case "W4":
			return func(int) error { return errors.New("broken") }, nil
		case "W7":
			panic("at the disco")
		}
		return func(n int) error { steps += n; return nil }, nil
	}, Predict: func(Workload) (Predict, error) { return func() error { return nil }, nil }}
	var out strings.Builder
	in := "run W1 3\nrun W1 4\nrun W6 1\nrun W4 1\nrun W7 1\nrun W9 1\npredict W1 100\nrun W1 0\nwhat\n"
	if err := w.serve(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	want := `^ready test 1
ok 3 0\.\d{6}
ok 4 0\.\d{6}
skip no LSTM
error broken
error panic: at the disco
skip there is no workload W9
ok 100 \d+\.\d\d \d+\.\d\d
error bad line "run W1 0"
error bad line "what"
$`
	if !regexp.MustCompile(want).MatchString(out.String()) {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if built != 4 || steps != 7 {
		t.Errorf("built %d, steps %d", built, steps)
	}
}

func TestFeed(t *testing.T) {
	w, _ := Find("W2")
	w.Batches = 3
	rows := NewRows(w)
	f := NewFeed(rows, w.Batch)
	x := make([]float32, w.Batch*w.Inputs())
	for range 2 { // epochs
		seen := map[int]bool{}
		for range w.Batches {
			index := f.Next()
			Gather(x, rows.X, index, w.Inputs())
			for i, row := range index {
				seen[row] = true
				if x[i*16+15] != rows.X[row*16+15] {
					t.Fatalf("row %d is not row %d", i, row)
				}
			}
		}
		if len(seen) != rows.N {
			t.Fatalf("an epoch has %d rows, want %d", len(seen), rows.N)
		}
	}
}
