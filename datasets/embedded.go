package datasets

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io"
	"slices"
	"sync"

	"gorgonia.org/tensor"
)

// Embedded is a small data set that is part of the program, all rows in memory.
type Embedded struct {
	*Dataset
	Card Card
}

// Card says what a data set is and where it comes from.
type Card struct {
	Name        string
	Description string
	Origin      string // where the numbers come from
	Licence     string
	Citation    string
	Rows        int
	// FeatureNames names the elements of a row of DefaultFeature; nil for images.
	FeatureNames []string
	// ClassNames names the classes by number; nil where the label is a number.
	ClassNames []string
}

// String returns the name, the number of rows and the description.
func (c Card) String() string { return fmt.Sprintf("%s (%d rows): %s", c.Name, c.Rows, c.Description) }

//go:embed embedded
var embeddedFiles embed.FS

// Iris returns 150 flowers: x float32 (4), y int64 (), 3 classes of 50 each.
func Iris() *Embedded { return iris() }

// Wine returns 178 wines: x float32 (13), y int64 (), 3 classes of 59, 71 and 48. Its
// features are of very different sizes: see [FitScaler].
func Wine() *Embedded { return wine() }

// BreastCancer returns 569 tumours: x float32 (30), y int64 (), 212 malignant (0) and
// 357 benign (1). Its features are of very different sizes: see [FitScaler].
func BreastCancer() *Embedded { return breastCancer() }

// Digits returns 1797 handwritten digits: x float32 (8, 8) from 0 to 1, y int64 (),
// 10 classes.
func Digits() *Embedded { return digits() }

// Diabetes returns 442 patients: x float32 (10), as measured, y float32 (), from 25 to
// 346.
func Diabetes() *Embedded { return diabetes() }

// Penguins returns 342 penguins: x float32 (4), y int64 (), 3 species of 151, 68 and
// 123. The two penguins of the published 344 that were not measured are left out.
func Penguins() *Embedded { return penguins() }

// MiniFashionMNIST returns 600 and 200 pictures of clothes: x float32 (28, 28) from 0
// to 1, y int64 (), 10 classes of 60 and 20 each, a part of Fashion-MNIST. For all of
// it give the files of the original to [IDX]. Its card is among [Cards].
func MiniFashionMNIST() (train, test *Dataset) {
	mini := miniFashion()
	return mini[0], mini[1]
}

// Cards returns the cards of all embedded data sets, by name.
func Cards() map[string]Card {
	all := map[string]Card{fashionCard.Name: fashionCard}
	for _, set := range []*Embedded{Iris(), Wine(), BreastCancer(), Digits(), Diabetes(), Penguins()} {
		all[set.Card.Name] = set.Card
	}
	return all
}

var iris = embedded(irisCard, func(c Card) (*table, error) {
	return embeddedCSV("iris.csv", true, plain(c, Class("class")))
})

var wine = embedded(wineCard, func(c Card) (*table, error) {
	return embeddedCSV("wine_data.csv", true, plain(c, Class("class")))
})

var breastCancer = embedded(breastCancerCard, func(c Card) (*table, error) {
	return embeddedCSV("breast_cancer.csv", true, plain(c, Class("class")))
})

var digits = embedded(digitsCard, func(c Card) (*table, error) {
	pixels := make([]string, 64)
	for i := range pixels {
		pixels[i] = fmt.Sprintf("row %d, column %d", i/8, i%8)
	}
	schema := Schema{NoHeader: true, Columns: slices.Concat(Features(pixels...), Class("digit")), Shapes: map[string]tensor.Shape{DefaultFeature: {8, 8}}}
	t, err := embeddedCSV("digits.csv.gz", false, schema)
	if err == nil {
		values := t.columns[0].tensor.Float32s()
		for i := range values {
			values[i] /= 16
		}
	}
	return t, err
})

var diabetes = embedded(diabetesCard, func(c Card) (*table, error) {
	schema := Schema{NoHeader: true, Columns: Features(c.FeatureNames...), Comma: ' '}
	x, err := embeddedCSV("diabetes_data_raw.csv.gz", false, schema)
	if err != nil {
		return nil, err
	}
	// As a feature first: a schema needs one.
	target := Column{Name: "progression", Into: DefaultLabel}
	y, err := embeddedCSV("diabetes_target.csv.gz", false, Schema{NoHeader: true, Columns: []Column{target}, Shapes: map[string]tensor.Shape{DefaultLabel: {}}})
	if err != nil {
		return nil, err
	}
	if x.rows != y.rows {
		return nil, fmt.Errorf("%d rows of features and %d of targets", x.rows, y.rows)
	}
	y.fields[0].label = true
	return &table{fields: append(x.fields, y.fields...), columns: append(x.columns, y.columns...), rows: x.rows}, nil
})

var penguins = embedded(penguinsCard, func(c Card) (*table, error) {
	schema := NewSchema(Features(c.FeatureNames...), Class("species", c.ClassNames...))
	schema.Missing, schema.DropMissing = []string{"NA"}, true
	return embeddedCSV("penguins.csv", false, schema)
})

var miniFashion = sync.OnceValue(func() [2]*Dataset {
	file := func(name string) idxFile {
		return idxFile{name, func() (io.ReadCloser, error) { return openEmbedded(name) }}
	}
	return [2]*Dataset{
		idx(file("mini-fashion-train-images-idx3-ubyte.gz"), file("mini-fashion-train-labels-idx1-ubyte.gz")),
		idx(file("mini-fashion-t10k-images-idx3-ubyte.gz"), file("mini-fashion-t10k-labels-idx1-ubyte.gz")),
	}
})

// embedded returns a function that parses a set when it is first called.
func embedded(card Card, parse func(Card) (*table, error)) func() *Embedded {
	return sync.OnceValue(func() *Embedded {
		t, err := parse(card)
		if err == nil && t.rows != card.Rows {
			err = fmt.Errorf("%d rows, want %d", t.rows, card.Rows)
		}
		if err != nil {
			return &Embedded{Dataset: failed("%s: %w", card.Name, err), Card: card}
		}
		return &Embedded{Dataset: fromTable(card.Name, t), Card: card}
	})
}

// plain is the schema of a file without a header: the features, then the label.
func plain(c Card, label []Column) Schema {
	return Schema{NoHeader: true, Columns: slices.Concat(Features(c.FeatureNames...), label)}
}

// embeddedCSV parses a file; preamble says that its first line is not a row.
func embeddedCSV(name string, preamble bool, schema Schema) (*table, error) {
	src := &csvSource{path: name, schema: schema, reopen: func() (io.ReadCloser, error) {
		r, err := openEmbedded(name)
		if err != nil || !preamble {
			return r, err
		}
		defer r.Close()
		all, err := io.ReadAll(r)
		_, rows, _ := bytes.Cut(all, []byte("\n"))
		return io.NopCloser(bytes.NewReader(rows)), err
	}}
	if err := src.prepare(); err != nil {
		return nil, err
	}
	d, err := (&Dataset{src: src}).Load(context.Background())
	if err != nil {
		return nil, err
	}
	return d.src.(*memorySource).load()
}

func openEmbedded(name string) (io.ReadCloser, error) {
	f, err := embeddedFiles.Open("embedded/" + name)
	if err != nil {
		return nil, err
	}
	r, err := unzip(name, f)
	return readCloser{Reader: r, Closer: f}, err
}
