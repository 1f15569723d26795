package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rowsOf returns the rows of a page's tables whose first cell is an id such as A1.
func rowsOf(t *testing.T, page string) (ids []string, cells map[string][]string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	cells = map[string][]string{}
	for _, line := range strings.Split(string(text), "\n") {
		parts := strings.Split(strings.Trim(line, "|"), "|")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		if !strings.HasPrefix(line, "|") || !regexp.MustCompile(`^[A-Z]\d+$`).MatchString(parts[0]) {
			continue
		}
		id := parts[0]
		require.NotContains(t, cells, id, "%s has two rows for %s", page, id)
		ids, cells[id] = append(ids, id), parts[1:]
	}
	return ids, cells
}

// capabilities is how many capabilities each group has.
var capabilities = []struct {
	group string
	count int
}{{"A", 28}, {"B", 27}, {"C", 28}, {"F", 13}, {"K", 18}, {"L", 18}, {"M", 26}, {"N", 8}, {"O", 20}, {"P", 10}}

// Every capability is done, by Go names that exist, or different, or not applicable, and
// then it says why.
func TestCoverage(t *testing.T) {
	ids, cells := rowsOf(t, "coverage.md")
	var want []string
	for _, g := range capabilities {
		for i := range g.count {
			want = append(want, fmt.Sprint(g.group, i+1))
		}
	}
	exported := exportedNames(t)
	name := regexp.MustCompile(`\b([a-z]+)\.([A-Z]\w*)(?:\.([A-Z]\w*))?`)
	for _, id := range ids {
		row := cells[id]
		require.GreaterOrEqual(t, len(row), 2, id)
		status, text := row[0], row[1]
		require.Contains(t, []string{"done", "different", "not applicable"}, status, id)
		require.NotEmpty(t, text, id)
		found := name.FindAllStringSubmatch(text, -1)
		if status == "done" {
			assert.NotEmpty(t, found, "%s is done: by what? %q", id, text)
		}
		for _, m := range found {
			if exported[m[1]] == nil {
				assert.NotEqual(t, "done", status, "%s names %s: there is no package %s", id, m[0], m[1])
				continue // TensorFlow's
			}
			assert.True(t, exported[m[1]][m[2]], "%s names %s, which does not exist", id, m[0])
			if m[3] != "" {
				assert.True(t, exported[m[1]][m[2]+"."+m[3]], "%s names %s, which does not exist", id, m[0])
			}
		}
	}
	require.Equal(t, want, ids)
}

// exportedNames returns, for each package, its exported names, and Type.Name of methods
// and fields.
func exportedNames(t *testing.T) map[string]map[string]bool {
	t.Helper()
	names := map[string]map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "internal" || d.Name() == "bench" || d.Name() == "examples" || strings.HasPrefix(d.Name(), ".") && d.Name() != ".."):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		of := names[file.Name.Name]
		if of == nil {
			of = map[string]bool{}
			names[file.Name.Name] = of
		}
		for _, decl := range file.Decls {
			addNames(of, decl)
		}
		return nil
	})
	require.NoError(t, err)
	return names
}

func addNames(names map[string]bool, decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			names[d.Name.Name] = true
			return
		}
		receiver := d.Recv.List[0].Type
		if star, ok := receiver.(*ast.StarExpr); ok {
			receiver = star.X
		}
		if id, ok := receiver.(*ast.Ident); ok {
			names[id.Name+"."+d.Name.Name] = true
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for _, n := range s.Names {
					names[n.Name] = true
				}
			case *ast.TypeSpec:
				names[s.Name.Name] = true
				var fields *ast.FieldList
				switch u := s.Type.(type) {
				case *ast.StructType:
					fields = u.Fields
				case *ast.InterfaceType:
					fields = u.Methods
				default:
					continue
				}
				for _, f := range fields.List {
					for _, n := range f.Names {
						names[s.Name.Name+"."+n.Name] = true
					}
				}
			}
		}
	}
}

// cases are the cases of TensorFlow's own tests of the loop and what is around it, by
// section.
var cases = map[string][]int{
	"A": {1, 4, 6, 10, 11, 12, 13, 16, 17, 18, 19, 20, 22},
	"B": {1, 2, 3, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23, 24, 25, 26, 28, 29, 30, 31},
	"C": {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 17, 18, 20},
	"D": {1, 2, 3, 4, 5, 6, 8, 9, 11, 13, 14, 15, 17, 21, 22, 24, 25, 26},
	"G": {3, 4, 6, 9, 10, 12, 14, 15, 17, 19, 20, 21},
	"H": {3, 4, 7, 8, 9, 10, 11, 14, 16, 17, 19, 20},
	"I": {1, 2, 3, 4, 5, 7, 9, 10, 13, 14, 20, 21, 22, 25, 27, 28, 29, 30, 31, 32, 33, 35, 37},
	"J": {2, 3, 5, 6, 8, 9, 10, 11, 14, 15, 16, 18, 21, 22, 23, 24, 25, 26, 27, 28, 31, 35, 36, 38, 39, 40, 41, 43, 44, 47, 49, 50},
	"K": {2, 3, 5, 6, 7, 8},
	"L": {4, 5, 6, 8, 9, 10, 11, 14, 15, 18, 20},
	"M": {2, 4, 5, 6, 7, 11, 12, 13, 15, 17, 18, 20, 21},
	"N": {1, 2, 3, 4, 7, 9, 10, 11, 13, 14, 15, 16, 17},
}

// Every case of TensorFlow's tests is a subtest TestConformance<section>/<id>, or a row of
// differences-from-tensorflow.md. That the subtests pass is for their packages to say.
func TestConformanceCases(t *testing.T) {
	_, different := rowsOf(t, "differences-from-tensorflow.md")
	tested := map[string]bool{}
	id := regexp.MustCompile(`"([A-N]\d+)[" ]`)
	for _, pattern := range []string{"../*/*_test.go", "../*/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, m := range id.FindAllStringSubmatch(string(text), -1) {
				// Part of another section's test, A1 is something else.
				tested[m[1]] = tested[m[1]] || strings.Contains(string(text), "func TestConformance"+m[1][:1])
			}
		}
	}
	for section, numbers := range cases {
		for _, n := range numbers {
			id := fmt.Sprint(section, n)
			require.True(t, tested[id] || different[id] != nil, "case %s is neither tested nor explained", id)
		}
	}
	for id, row := range different {
		require.GreaterOrEqual(t, len(row), 2, id)
		require.NotEmpty(t, row[0], id)
		require.NotEmpty(t, row[1], id)
	}
}
