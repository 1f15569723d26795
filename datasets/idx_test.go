package datasets_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
)

const (
	twoImages = "\x00\x00\x08\x03\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x02\x00\xff\x33\x66"
	twoLabels = "\x00\x00\x08\x01\x00\x00\x00\x02\x07\x09"
)

func TestIDX(t *testing.T) {
	for _, zip := range []bool{false, true} {
		images, labels := twoImages, twoLabels
		if zip {
			images, labels = zipped(t, images), zipped(t, labels)
		}
		ds := datasets.IDX(write(t, "images", images), write(t, "labels", labels))
		require.NoError(t, ds.Err())
		require.Equal(t, `feature "x" float32 (1, 2), label "y" int64 ()`, ds.Spec().String())
		all, err := ds.Batch(2).Collect(ctx)
		require.NoError(t, err)
		require.Equal(t, []float32{0, 1, 0.2, 0.4}, all[0].Features["x"].Float32s())
		require.Equal(t, []int64{7, 9}, all[0].Labels["y"].Int64s())
	}
	all, err := datasets.IDX(write(t, "images", twoImages), "").Collect(ctx)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Empty(t, all[0].Labels)
}

// Errors of the elements come with the first row: reading them is left until then.
func TestIDXElements(t *testing.T) {
	labels := write(t, "labels", twoLabels)
	for name, c := range map[string]struct{ images, want string }{
		"short":     {twoImages[:len(twoImages)-1], "it has 3 of the 4 bytes that its shape (2, 1, 2) needs: truncated"},
		"long":      {twoImages + "x", "it goes on after the 4 bytes"},
		"short zip": {zipped(t, twoImages)[:30], "truncated"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "images", c.images)
			ds := datasets.IDX(path, labels)
			err := ds.Err()
			if err == nil {
				_, err = ds.Iterator()
			}
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, c.want)
		})
	}
}
