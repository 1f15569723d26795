package tune

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/internal/table"
)

// Scores are the results of the evaluation of each fold.
type Scores []estimator.Metrics

// Mean returns the mean over the folds of every metric.
func (s Scores) Mean() estimator.Metrics {
	mean, _ := s.moments()
	return mean
}

// Std returns the standard deviation over the folds of every metric: the root of the
// mean squared distance from the mean, without Bessel's correction, as scikit-learn's
// cross-validation and NumPy's std give it.
func (s Scores) Std() estimator.Metrics {
	_, std := s.moments()
	return std
}

func (s Scores) moments() (mean, std estimator.Metrics) {
	mean, std = estimator.Metrics{}, estimator.Metrics{}
	for _, name := range s.names() {
		sum := 0.0
		for _, m := range s {
			sum += valueOf(m, name)
		}
		mean[name] = sum / float64(len(s))
		squares := 0.0
		for _, m := range s {
			d := valueOf(m, name) - mean[name]
			squares += d * d
		}
		std[name] = math.Sqrt(squares / float64(len(s)))
	}
	return mean, std
}

// names are those of the first fold: every fold is evaluated by the same model.
func (s Scores) names() []string {
	if len(s) == 0 {
		return nil
	}
	return s[0].Names()
}

func valueOf(m estimator.Metrics, name string) float64 {
	if x, ok := m[name]; ok {
		return x
	}
	return math.NaN()
}

// String returns a table with a line for each fold, the mean and the standard deviation.
func (s Scores) String() string { return strings.TrimSuffix(s.table().Text(), "\n") }

// HTML returns the table for notebooks.
func (s Scores) HTML() string { return s.table().HTML() }

func (s Scores) table() *table.Table {
	names := s.names()
	t := &table.Table{Left: 1, Head: append([]string{"fold"}, names...)}
	line := func(first string, m estimator.Metrics) {
		row := []string{first}
		for _, name := range names {
			row = append(row, table.Number(valueOf(m, name)))
		}
		t.Rows = append(t.Rows, row)
	}
	for i, m := range s {
		line(strconv.Itoa(i), m)
	}
	line("mean", s.Mean())
	line("std", s.Std())
	return t
}

// MarshalJSON writes numbers as numbers, and NaN and the infinities, which JSON lacks, as
// texts.
func (s Scores) MarshalJSON() ([]byte, error) {
	all := make([]map[string]number, len(s))
	for i, m := range s {
		all[i] = make(map[string]number, len(m))
		for name, x := range m {
			all[i][name] = number(x)
		}
	}
	return json.Marshal(all)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Scores) UnmarshalJSON(text []byte) error {
	var all []map[string]number
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	*s = make(Scores, len(all))
	for i, m := range all {
		(*s)[i] = make(estimator.Metrics, len(m))
		for name, x := range m {
			(*s)[i][name] = float64(x)
		}
	}
	return nil
}

// number is a float64 that JSON can hold whatever it is.
type number float64

func (x number) MarshalJSON() ([]byte, error) {
	if v := float64(x); math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.AppendQuote(nil, strconv.FormatFloat(v, 'g', -1, 64)), nil
	}
	return json.Marshal(float64(x))
}

func (x *number) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		var quoted string
		if err := json.Unmarshal(text, &quoted); err != nil {
			return err
		}
		text = []byte(quoted)
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return fmt.Errorf("%s is not a number", text)
	}
	*x = number(v)
	return nil
}
