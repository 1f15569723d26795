// Package docs compiles and runs the programs in the documentation.
package docs

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var block = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// Every Go block of the documentation is a whole file, compiles, and, when it is a
// program, runs. Files are compiled through an overlay, so nothing is written into the
// repository.
func TestPrograms(t *testing.T) {
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	more, err := filepath.Glob(filepath.Join(root, "docs", "*", "*.md"))
	require.NoError(t, err)
	programs := 0
	for _, page := range append(append(pages, more...), filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for i, m := range block.FindAllStringSubmatch(string(text), -1) {
			programs++
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(page), i), func(t *testing.T) {
				require.True(t, strings.HasPrefix(m[1], "package "), "the block is not a whole file")
				run(t, root, m[1])
			})
		}
	}
	require.GreaterOrEqual(t, programs, 5)
}

func run(t *testing.T, root, source string) {
	dir := t.TempDir()
	name, build := "snippet.go", []string{"build"}
	isTest := strings.Contains(source, "testing.T")
	if isTest {
		name, build = "snippet_test.go", []string{"test", "-c", "-vet=off"}
	}
	file := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(file, []byte(source), 0o600))
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, "docs", "snippet", name): file}})
	require.NoError(t, err)
	overlay := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(overlay, text, 0o600))
	binary := filepath.Join(dir, "program")
	cmd := exec.Command("go", append(build, "-overlay", overlay, "-o", binary, "./docs/snippet")...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	program := exec.Command(binary)
	program.Dir = dir // what it writes goes here, and the file that docs/data.md reads is here
	rows, err := os.ReadFile(filepath.Join(root, "datasets", "embedded", "penguins.csv"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "penguins.csv"), rows, 0o600))
	out, err = program.CombinedOutput()
	require.NoError(t, err, string(out))
	if !isTest {
		require.NotEmpty(t, out, "it prints nothing")
		require.NotContains(t, string(out), "error")
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// Links between pages lead somewhere.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob("*.md")
	require.NoError(t, err)
	more, err := filepath.Glob("*/*.md")
	require.NoError(t, err)
	for _, page := range append(append(pages, more...), "../README.md", "../CONTRIBUTING.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(page), m[1]))
			require.NoError(t, err, "%s links to %s", page, m[1])
		}
	}
}
