package datasets

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gorgonia.org/tensor"
)

// mostWords bounds the vocabulary that InferSchema makes.
const mostWords = 1000

// InferSchema reads a whole comma-separated file with a header and returns a schema
// for it, to print, correct and write down. Columns of numbers become float32 features
// in [DefaultFeature]; columns of texts become int64 features of their own name, with
// the texts found, sorted, as vocabulary. The label is a class (int64) when it holds
// texts, or whole numbers 0, 1, 2, ... without a gap; else a float32 target. label ""
// makes all columns features.
//
// Empty fields and the texts NA, NaN and ? are taken for missing values. A column of
// more than 1000 different texts is an error: it is a name or a text, not a category.
func InferSchema(path, label string) (Schema, error) {
	schema, err := inferSchema(path, label)
	if err != nil {
		return Schema{}, fmt.Errorf("datasets: InferSchema: %w", err)
	}
	return schema, nil
}

// guess collects what a column holds.
type guess struct {
	numbers, whole bool
	words          map[string]bool // nil when there are too many
}

func inferSchema(path, label string) (Schema, error) {
	schema := Schema{Missing: []string{"", "NA", "NaN", "?"}}
	f, err := openFile(path)
	if err != nil {
		return schema, err
	}
	defer f.Close()
	stage := &csvStage{source: &csvSource{path: path}}
	stage.reader = newCSVReader(f, schema)
	header, err := stage.record()
	if err != nil {
		return schema, endless(path, err)
	}
	header = slices.Clone(header)
	if label != "" {
		if _, err := find(header, label); err != nil {
			return schema, fmt.Errorf("%s: %w", path, err)
		}
	}
	guesses := make([]guess, len(header))
	for i := range guesses {
		guesses[i] = guess{numbers: true, whole: true, words: map[string]bool{}}
	}
	rows := 0
	for ; ; rows++ {
		record, err := stage.record()
		if err == io.EOF {
			break
		}
		if err != nil {
			return schema, err
		}
		if len(record) != len(header) {
			line, _ := stage.reader.FieldPos(0)
			return schema, &RowError{File: path, Line: line, Want: fmt.Sprintf("%d columns, want %d", len(record), len(header))}
		}
		for i, text := range record {
			if text = strings.TrimSpace(text); !slices.Contains(schema.Missing, text) {
				guesses[i].add(text)
			}
		}
	}
	if rows == 0 {
		return schema, fmt.Errorf("%s: %w", path, ErrEmpty)
	}
	for i, name := range header {
		c, err := guesses[i].column(name, name == label)
		if err != nil {
			return schema, fmt.Errorf("%s: column %d (%q): %w", path, i+1, name, err)
		}
		schema.Columns = append(schema.Columns, c)
	}
	return schema, nil
}

func endless(path string, err error) error {
	if err == io.EOF {
		return fmt.Errorf("%s: there is no header: %w", path, ErrEmpty)
	}
	return err
}

func (g *guess) add(text string) {
	if g.numbers {
		_, err := strconv.ParseFloat(text, 32)
		g.numbers = err == nil
	}
	if g.whole {
		_, err := strconv.ParseInt(text, 10, 64)
		g.whole = err == nil
	}
	if g.words != nil && !g.words[text] {
		if g.words[strings.Clone(text)] = true; len(g.words) > mostWords {
			g.words = nil
		}
	}
}

func (g *guess) column(name string, label bool) (Column, error) {
	c := Column{Name: name, Dtype: tensor.Float32}
	if label {
		c.Role = RoleLabel
	}
	switch {
	case len(g.words) == 0 && g.words != nil:
		return c, fmt.Errorf("it holds nothing but missing values")
	case label && g.whole && g.isRange():
		c.Dtype = tensor.Int64
	case g.numbers:
	case g.words == nil:
		return c, fmt.Errorf("it holds more than %d different texts: leave it out of a schema of your own", mostWords)
	default:
		c.Dtype, c.Vocabulary = tensor.Int64, slices.Sorted(maps.Keys(g.words))
		if !label {
			c.Into = name
		}
	}
	return c, nil
}

// isRange reports whether the words are 0, 1, 2, ... without a gap.
func (g *guess) isRange() bool {
	for i := range len(g.words) {
		if !g.words[strconv.Itoa(i)] {
			return false
		}
	}
	return g.words != nil
}
