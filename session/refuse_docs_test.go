package session_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/session"
)

// rows returns the cells of the table of docs/from-gorgonia.md with this header.
func rows(t *testing.T, header string) (table [][]string) {
	t.Helper()
	text, err := os.ReadFile("../docs/from-gorgonia.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), header+"\n|---")
	require.True(t, found, "the page has no table with the header %q", header)
	for _, line := range strings.Split(rest, "\n")[1:] {
		if !strings.HasPrefix(line, "| ") {
			break
		}
		var cells []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.ReplaceAll(strings.TrimSpace(cell), "`", ""))
		}
		table = append(table, cells)
	}
	return table
}

// The page lists every rule of the code, with its verdict and what to use, and no other.
func TestPageListsEveryRule(t *testing.T) {
	listed := map[string]bool{}
	for _, row := range rows(t, "| op | verdict | what Gorgonia computes | instead |") {
		require.Len(t, row, 4, row[0])
		rule := ruleOf(t, row[0])
		listed[row[0]] = true
		if rule.Replaced {
			require.Equal(t, "replaced", row[1], row[0])
			continue
		}
		require.Equal(t, "refused", row[1], row[0])
		require.Equal(t, rule.Use, row[3], row[0])
	}
	for _, r := range session.StockRules() {
		require.True(t, listed[r.Op], "docs/from-gorgonia.md does not list %s", r.Op)
	}
}

// The page lists what is merged while building, and what has no gradient.
func TestPageListsWhatNothingSees(t *testing.T) {
	names := []string{"Log of SoftMax"} // TestLogOfSoftMaxIsSoftMax
	for _, c := range merged {
		names = append(names, c.name)
	}
	var listed []string
	for _, row := range rows(t, "| what | instead |") {
		listed = append(listed, row[0])
	}
	require.ElementsMatch(t, names, listed)
	text, err := os.ReadFile("../docs/from-gorgonia.md")
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(text), "### What has no gradient")
	for _, c := range noGradient {
		require.Contains(t, section, "`"+c.name+"`")
	}
}

// What the errors and the page tell people to use exists.
func TestNamedReplacementsExist(t *testing.T) {
	exists := map[string]bool{}
	for _, pkg := range []string{"ops", "nn"} {
		files, err := filepath.Glob("../" + pkg + "/*.go")
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, d := range parsed.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.IsExported() && !strings.HasSuffix(file, "_test.go") {
					exists[pkg+"."+f.Name.Name] = true
				}
			}
		}
	}
	text, err := os.ReadFile("../docs/from-gorgonia.md")
	require.NoError(t, err)
	for _, r := range session.StockRules() {
		text = append(text, r.Use...)
		text = append(text, '\n')
	}
	found := regexp.MustCompile(`\b(ops|nn)\.[A-Z]\w+`).FindAllString(string(text), -1)
	require.NotEmpty(t, found)
	for _, name := range found {
		require.True(t, exists[name], "%s does not exist", name)
	}
}
