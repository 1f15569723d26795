package metrics_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The table of docs/metrics.md has every metric, and every metric is among the subjects
// of the tests.
func TestEveryMetricIsInTheTable(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "metrics.md"))
	require.NoError(t, err)
	var table []string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| ") {
			table = append(table, strings.Split(line, "|")[2])
		}
	}
	tested := subjects()
	for _, name := range constructors(t) {
		if name == "Window" {
			continue
		}
		require.True(t, strings.Contains(strings.Join(table, ""), "`"+name+"`"), "docs/metrics.md lacks %s", name)
		_, ok := tested[name]
		require.True(t, ok || name == "MeanTensor", "subjects_test.go lacks %s", name) // it wants batches of one size
	}
}

// constructors are the exported functions that return a Metric or a Tensor.
func constructors(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !f.Name.IsExported() || f.Type.Results == nil {
				continue
			}
			if result, ok := f.Type.Results.List[0].Type.(*ast.Ident); ok && (result.Name == "Metric" || result.Name == "Tensor") {
				names = append(names, f.Name.Name)
			}
		}
	}
	require.Greater(t, len(names), 50)
	return names
}
