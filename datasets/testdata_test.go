package datasets_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
)

// A file of 20640 rows, some with missing values, where it is at hand.
func TestCaliforniaHousing(t *testing.T) {
	dir := os.Getenv("STHENO_TEST_DATA")
	if dir == "" {
		t.Skip("STHENO_TEST_DATA is not set: the folder with california_housing.csv")
	}
	path := filepath.Join(dir, "california_housing.csv")
	schema, err := datasets.InferSchema(path, "median_house_value")
	require.NoError(t, err)
	_, err = datasets.CSV(path, schema).Load(ctx)
	require.ErrorContains(t, err, `column 5 ("total_bedrooms"): "": the value is missing`)
	schema.DropMissing = true
	ds := datasets.CSV(path, schema)
	require.Equal(t, `feature "ocean_proximity" int64 (), feature "x" float32 (8), label "y" float32 ()`, ds.Spec().String())
	it := open(t, ds.Batch(1000))
	rows := 0
	for {
		b, err := it.Next(ctx)
		if err != nil {
			break
		}
		rows += b.Rows()
	}
	require.Equal(t, 20433, rows)
	require.EqualValues(t, 207, it.Skipped())
}
