package datasets_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
)

// The files are those of their sources, byte for byte.
func TestEmbeddedChecksums(t *testing.T) {
	want := map[string]string{
		"iris.csv":                                "f13ffa8fdd56fd8e6c8d16d4081a3fbd3114bcd0aae4256c43205169cd9d1449",
		"wine_data.csv":                           "10e8a802908b34f86e5da8ce962f3c806694bc98450a18f61851af59f324bede",
		"breast_cancer.csv":                       "fed3eb72d0575ef6192293f5093c6e801b1476b577d0386bf4455504522172ed",
		"digits.csv.gz":                           "46abec6b12486ad9e51943373abcf22bbea1b5a51a1619b361570d8893f1464a",
		"diabetes_data_raw.csv.gz":                "fc08fc59c1cbfe65550d9ebb36321d505de9e8f004bf92c1566d2908962f08ff",
		"diabetes_target.csv.gz":                  "bf1ddd1f9d377278450a5f02c24b5e77b1501f2ad673fe9fdf4c4090d27eb5cc",
		"penguins.csv":                            "f204db2c753b0937caac3cb35258562c14f073e4bbc76be24b4c51ce22767a93",
		"mini-fashion-t10k-images-idx3-ubyte.gz":  "3c88b8be527344a6efb841f98b5a982cef03b5431094decc50a62edee4cb07fa",
		"mini-fashion-t10k-labels-idx1-ubyte.gz":  "590130616f36b848d635fe9268a15b8c78263e438485920908a456af6b646cb2",
		"mini-fashion-train-images-idx3-ubyte.gz": "4a4a2a0829b0d7d5f2aef8a9cbff11b6800724b81bc20333afdcd55d1c1e6abd",
		"mini-fashion-train-labels-idx1-ubyte.gz": "cf0bafc6d8acc662d5eee275e057d8eee91f2dd90278b72dd3f4520070f24c01",
	}
	files, err := filepath.Glob("embedded/*.*")
	require.NoError(t, err)
	require.Len(t, files, len(want)+1, "and a README")
	for name, sum := range want {
		content, err := os.ReadFile(filepath.Join("embedded", name))
		require.NoError(t, err)
		got := sha256.Sum256(content)
		require.Equal(t, sum, hex.EncodeToString(got[:]), name)
	}
}

func TestEmbedded(t *testing.T) {
	for _, c := range []struct {
		set         *datasets.Embedded
		spec, first string
		classes     []int
	}{
		{datasets.Iris(), `feature "x" float32 (4), label "y" int64 ()`, "[5.1 3.5 1.4 0.2] [0]", []int{50, 50, 50}},
		{datasets.Wine(), `feature "x" float32 (13), label "y" int64 ()`, "[14.23 1.71 2.43 15.6 127 2.8 3.06 0.28 2.29 5.64 1.04 3.92 1065] [0]", []int{59, 71, 48}},
		{datasets.BreastCancer(), `feature "x" float32 (30), label "y" int64 ()`, "", []int{212, 357}},
		{datasets.Digits(), `feature "x" float32 (8, 8), label "y" int64 ()`, "", []int{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}},
		{datasets.Diabetes(), `feature "x" float32 (10), label "y" float32 ()`, "[59 2 32.1 101 157 93.2 38 4 4.8598 87] [151]", nil},
		{datasets.Penguins(), `feature "x" float32 (4), label "y" int64 ()`, "[39.1 18.7 181 3750] [0]", []int{151, 68, 123}},
	} {
		card := c.set.Card
		t.Run(card.Name, func(t *testing.T) {
			require.NoError(t, c.set.Err())
			require.Equal(t, c.spec, c.set.Spec().String())
			all, err := c.set.Batch(card.Rows).Collect(ctx)
			require.NoError(t, err)
			require.Len(t, all, 1)
			require.Equal(t, card.Rows, all[0].Rows())
			x := all[0].Features["x"].Float32s()
			if c.first != "" {
				y, err := all[0].Labels["y"].Slice(tensor.S(0, 1))
				require.NoError(t, err)
				require.Equal(t, c.first, fmt.Sprintf("%v [%v]", x[:len(x)/card.Rows], y.Data()))
			}
			if card.FeatureNames != nil {
				require.Len(t, card.FeatureNames, len(x)/card.Rows)
			}
			require.Len(t, card.ClassNames, len(c.classes))
			classes := make([]int, len(c.classes))
			if c.classes != nil {
				for _, y := range all[0].Labels["y"].Int64s() {
					classes[y]++
				}
			}
			require.Equal(t, c.classes, append([]int(nil), classes...))
			for _, text := range []string{card.Description, card.Origin, card.Licence, card.Citation, card.String()} {
				require.NotEmpty(t, text)
			}
			require.Contains(t, datasets.Cards(), card.Name)
		})
	}
	require.Len(t, datasets.Cards(), 7)
}

func TestMiniFashionMNIST(t *testing.T) {
	train, test := datasets.MiniFashionMNIST()
	for _, c := range []struct {
		ds       *datasets.Dataset
		rows     int
		perClass int
	}{{train, 600, 60}, {test, 200, 20}} {
		require.NoError(t, c.ds.Err())
		require.Equal(t, `feature "x" float32 (28, 28), label "y" int64 ()`, c.ds.Spec().String())
		all, err := c.ds.Batch(c.rows).Collect(ctx)
		require.NoError(t, err)
		classes := map[int64]int{}
		for _, y := range numbers(all[0]) {
			classes[y]++
		}
		require.Len(t, classes, 10)
		for _, n := range classes {
			require.Equal(t, c.perClass, n)
		}
		largest := float32(0)
		for _, v := range all[0].Features["x"].Float32s() {
			require.True(t, v >= 0 && v <= 1)
			largest = max(largest, v)
		}
		require.EqualValues(t, 1, largest)
	}
}

// Split is the same every time, keeps the classes' proportions, and loses nothing.
func TestSplit(t *testing.T) {
	train, test := datasets.Iris().Split(0.8)
	again, _ := datasets.Iris().Split(0.8)
	require.Equal(t, batches(t, train), batches(t, again))
	require.Equal(t, "120", train.Rows().String())
	require.Equal(t, "30", test.Rows().String())
	for _, c := range []struct {
		ds   *datasets.Dataset
		each int
	}{{train, 40}, {test, 10}} {
		classes := map[int64]int{}
		for _, b := range batches(t, c.ds) {
			classes[b[0]]++
		}
		require.Equal(t, map[int64]int{0: c.each, 1: c.each, 2: c.each}, classes)
	}
	wine, _ := datasets.Wine().Split(0.8)
	classes := map[int64]int{}
	for _, b := range batches(t, wine) {
		classes[b[0]]++
	}
	require.Equal(t, map[int64]int{0: 47, 1: 57, 2: 38}, classes, "0.8 of 59, 71 and 48")
	a, b := count(100).Map(double).Split(0.33) // 100 classes of 1
	seen := map[int64]bool{}
	for _, n := range append(flat(batches(t, a)), flat(batches(t, b))...) {
		require.False(t, seen[n])
		seen[n] = true
	}
	require.Len(t, seen, 100)
	require.Equal(t, "33", a.Rows().String())
	// Parts can be divided again.
	c, d := a.Split(0.5)
	require.Equal(t, "17", c.Rows().String())
	require.Equal(t, "16", d.Rows().String())
	require.Len(t, batches(t, d.Batch(5)), 4)
	all, err := datasets.Diabetes().Dataset.Batch(442).Collect(ctx)
	require.NoError(t, err)
	train, test = datasets.Diabetes().Split(0.8)
	require.Equal(t, "354", train.Rows().String())
	mean := func(b datasets.Batch) (m float64) {
		for _, v := range b.Labels["y"].Float32s() {
			m += float64(v) / float64(b.Rows())
		}
		return m
	}
	held, err := test.Batch(88).Collect(ctx)
	require.NoError(t, err)
	require.InDelta(t, mean(all[0]), mean(held[0]), 25, "the parts are mixed")
}
