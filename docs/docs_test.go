// Package docs compiles the programs in the documentation.
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

// Every Go block of the documentation is a whole file and compiles. go vet takes the
// files through an overlay, so nothing is written into the repository.
func TestProgramsCompile(t *testing.T) {
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	more, err := filepath.Glob(filepath.Join(root, "docs", "*", "*.md"))
	require.NoError(t, err)
	pages = append(append(pages, more...), filepath.Join(root, "README.md"))
	overlay := map[string]string{}
	var packages []string
	dir := t.TempDir()
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for i, m := range block.FindAllStringSubmatch(string(text), -1) {
			require.True(t, strings.HasPrefix(m[1], "package "), "%s: Go block %d is not a whole file", page, i)
			name := "snippet.go"
			if strings.Contains(m[1], "testing.T") {
				name = "snippet_test.go"
			}
			file := filepath.Join(dir, fmt.Sprintf("%s-%d-%s", filepath.Base(page), i, name))
			require.NoError(t, os.WriteFile(file, []byte(m[1]), 0o600))
			pkg := fmt.Sprintf("snippet_%s_%d", strings.TrimSuffix(filepath.Base(page), ".md"), i)
			overlay[filepath.Join(root, "docs", pkg, name)] = file
			packages = append(packages, "./docs/"+pkg)
		}
	}
	require.GreaterOrEqual(t, len(packages), 5)
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	require.NoError(t, err)
	overlayFile := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(overlayFile, text, 0o600))
	cmd := exec.Command("go", append([]string{"vet", "-overlay", overlayFile}, packages...)...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
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
