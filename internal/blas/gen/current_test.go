// Package gen tests that the committed assembly is what the generators write. It is a
// module of its own: cd internal/blas/gen && go test ./...
package gen

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestGeneratedFilesAreCurrent(t *testing.T) {
	for program, dir := range map[string]string{"gemm": "..", "vector": "../../vector"} {
		out := t.TempDir()
		cmd := exec.Command("go", "run", "./"+program, "-out", filepath.Join(out, "kernels_amd64.s"), "-dispatch", filepath.Join(out, "dispatch_amd64.go"))
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", program, err, text)
		}
		for _, name := range []string{"kernels_amd64.s", "dispatch_amd64.go"} {
			want, err := os.ReadFile(filepath.Join(out, name))
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(want, got) {
				t.Errorf("%s is not what the generator writes: run go generate in %s", filepath.Join(dir, name), dir)
			}
		}
	}
}
