package summaries_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/internal/record"
)

// tear leaves half a record at the end of an event file.
func tear(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	whole := record.Append(nil, []byte("an event that a crash cut short"))
	_, err = f.Write(whole[:len(whole)/2])
	require.NoError(t, err)
	require.NoError(t, f.Close())
}
