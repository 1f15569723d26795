// Package archtest holds tests of the whole repository: which package may import
// which, and that everything exported is documented.
package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/stheno-ml/stheno"

// layers lists the packages from the bottom up. A package may import packages of
// lower layers, and its own sub-packages' parents.
var layers = [][]string{
	{"internal"},
	{"datasets"},
	{"graph"},
	{"ops"},
	{"nn", "optim", "metrics", "feature"},
	{"saver", "summaries", "session"},
	{"hooks"},
	{"graphactions"},
	{"estimator", "export", "serve"},
	{"tune"},
	{"cmd", "examples", "notebooks", "docs"},
}

// alone lists packages that can be used by someone who wants nothing else: they know
// tensors only.
var alone = []string{"datasets", "saver", "summaries"}

type source struct {
	pkg  string // directory below the root, slashes
	file string
	test bool
	ast  *ast.File
}

func sources(t *testing.T, mode parser.Mode) (*token.FileSet, []source) {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	files := token.NewFileSet()
	var all []source
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != root && (strings.HasPrefix(name, ".") || name == "testdata") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(p, "go.mod")); p != root && err == nil {
				return filepath.SkipDir // a module of its own
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(files, p, nil, mode)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(p))
		if err != nil {
			return err
		}
		all = append(all, source{pkg: filepath.ToSlash(rel), file: filepath.ToSlash(filepath.Join(rel, name)), test: strings.HasSuffix(name, "_test.go"), ast: parsed})
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return files, all
}

func layerOf(pkg string) int {
	top, _, _ := strings.Cut(pkg, "/")
	for i, layer := range layers {
		for _, name := range layer {
			if name == top {
				return i
			}
		}
	}
	return -1
}

// violation explains why a package must not import another, "" when it may.
func violation(from, to string) string {
	if from == "." || from == to {
		return ""
	}
	if strings.HasSuffix(from, "test") {
		return "" // a kit for tests runs what it tests
	}
	fromTop, _, _ := strings.Cut(from, "/")
	toTop, _, _ := strings.Cut(to, "/")
	if fromTop == toTop {
		// Inside one tree: a sub-package may import its parent, internal/* one another.
		if fromTop == "internal" || strings.HasPrefix(from, to+"/") || strings.HasSuffix(to, "test") || fromTop == "examples" {
			return ""
		}
		return "a package must not import its own sub-package"
	}
	a, b := layerOf(from), layerOf(to)
	switch {
	case a < 0:
		return fmt.Sprintf("%q is in no layer: add it to the list", fromTop)
	case b < 0:
		return fmt.Sprintf("%q is in no layer: add it to the list", toTop)
	case b >= a:
		return fmt.Sprintf("%q is not below %q", toTop, fromTop)
	}
	for _, name := range alone {
		if fromTop == name && toTop != "internal" {
			return fmt.Sprintf("%q must be usable alone", name)
		}
	}
	return ""
}

func TestDependenciesPointDown(t *testing.T) {
	_, all := sources(t, parser.ImportsOnly)
	for _, s := range all {
		if s.test || s.pkg == "." {
			continue
		}
		for _, spec := range s.ast.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			if imported == "gorgonia.org/gorgonia" {
				top, _, _ := strings.Cut(s.pkg, "/")
				for _, name := range alone {
					if top == name {
						t.Errorf("%s imports Gorgonia, but package %s knows tensors only", s.file, name)
					}
				}
			}
			if !strings.HasPrefix(imported, module) {
				continue
			}
			to := strings.TrimPrefix(strings.TrimPrefix(imported, module), "/")
			if why := violation(s.pkg, to); why != "" {
				t.Errorf("%s imports %s: %s", s.file, imported, why)
			}
		}
	}
}

// The rule itself must be able to say no.
func TestViolations(t *testing.T) {
	for _, c := range []struct {
		from, to string
		bad      bool
	}{
		{"graphactions", "hooks", false},
		{"hooks", "graphactions", true},
		{"saver", "graph", true},
		{"saver", "internal/atomicfile", false},
		{"datasets", "graph", true},
		{"session", "saver", true},
		{"hooks/hookstest", "hooks", false},
		{"hooks", "hooks/hookstest", false}, // only tests do
		{"estimator/canned", "estimator", false},
		{"estimator", "estimator/canned", true},
		{"examples/quickstart", "estimator", false},
		{"estimator", "tune", true},
		{"tune", "estimator", false},
		{"ops/opstest", "session", false},
		{"ops", "ops/opstest", false}, // only tests do
		{"unheard", "graph", true},
	} {
		require.Equal(t, c.bad, violation(c.from, c.to) != "", "%s -> %s: %s", c.from, c.to, violation(c.from, c.to))
	}
}

func TestEverythingExportedIsDocumented(t *testing.T) {
	files, all := sources(t, parser.ParseComments)
	documented := map[string]bool{}
	for _, s := range all {
		if s.test || s.ast.Name.Name == "main" {
			continue
		}
		documented[s.pkg] = documented[s.pkg] || s.ast.Doc != nil
		for _, decl := range s.ast.Decls {
			for _, name := range undocumented(decl) {
				t.Errorf("%v: %s has no doc comment", files.Position(decl.Pos()), name)
			}
		}
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", path.Join(module, pkg))
		}
	}
}

func undocumented(decl ast.Decl) (names []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if name.IsExported() && s.Doc == nil && d.Doc == nil && s.Comment == nil {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return names
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if index, ok := typ.(*ast.IndexExpr); ok {
		typ = index.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

// exportedErrors returns the errors that a caller can tell by name: variables Err..., and
// types with a method Error, as they are written in docs/errors.md.
func exportedErrors(t *testing.T) (names []string) {
	t.Helper()
	_, all := sources(t, parser.SkipObjectResolution)
	for _, s := range all {
		top, _, _ := strings.Cut(s.pkg, "/")
		if s.test || top == "internal" || top == "examples" || top == "docs" || top == "tools" || s.ast.Name.Name == "main" {
			continue
		}
		for _, d := range s.ast.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					v, ok := spec.(*ast.ValueSpec)
					for i := 0; ok && d.Tok == token.VAR && i < len(v.Names); i++ {
						if strings.HasPrefix(v.Names[i].Name, "Err") {
							names = append(names, s.ast.Name.Name+"."+v.Names[i].Name)
						}
					}
				}
			case *ast.FuncDecl:
				if d.Name.Name != "Error" || d.Recv == nil || len(d.Type.Params.List) > 0 {
					continue
				}
				receiver, star := d.Recv.List[0].Type, ""
				if pointer, ok := receiver.(*ast.StarExpr); ok {
					receiver, star = pointer.X, "*"
				}
				if id, ok := receiver.(*ast.Ident); ok && id.IsExported() {
					names = append(names, star+s.ast.Name.Name+"."+id.Name)
				}
			}
		}
	}
	return names
}

// docs/errors.md has a row for each exported error, and none for an error that is gone.
func TestErrorsAreListed(t *testing.T) {
	page, err := os.ReadFile("../../docs/errors.md")
	require.NoError(t, err)
	exported, listed := map[string]bool{}, map[string]bool{}
	for _, name := range exportedErrors(t) {
		exported[name] = true
	}
	require.Greater(t, len(exported), 20)
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| .+ \\| .+ \\|$").FindAllStringSubmatch(string(page), -1) {
		listed[m[1]] = true
		require.True(t, exported[m[1]], "docs/errors.md lists %s, which does not exist", m[1])
	}
	for name := range exported {
		require.True(t, listed[name], "docs/errors.md has no row for %s: say when it comes and what to do", name)
	}
}
