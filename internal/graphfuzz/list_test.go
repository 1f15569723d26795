package graphfuzz

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

// op adds one op to a graph.
type op struct {
	name string // the function of package ops, or gorgonia.Name
	add  func(b *builder)
}

// opList is every op that a graph may hold.
var opList = func() (all []op) {
	for _, part := range [][]op{pointwiseOps, reduceOps, shapeOps, matrixOps, windowOps, normOps, recurrentOps, stateOps, stockOps} {
		all = append(all, part...)
	}
	return all
}()

// Every exported function of package ops that makes a node is in the list.
func TestListIsComplete(t *testing.T) {
	listed := map[string]bool{}
	for _, o := range opList {
		require.False(t, listed[o.name], "%s is listed twice", o.name)
		listed[o.name] = true
	}
	files, err := filepath.Glob("../../ops/*.go")
	require.NoError(t, err)
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, 0)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !f.Name.IsExported() || !makesNode(f) {
				continue
			}
			found++
			require.True(t, listed[f.Name.Name], "ops.%s is not in opList: add it, with an interpreter", f.Name.Name)
			delete(listed, f.Name.Name)
		}
	}
	require.Greater(t, found, 50)
	for name := range listed {
		require.True(t, strings.HasPrefix(name, "gorgonia."), "package ops has no %s", name)
	}
}

// makesNode reports whether a function returns a *gorgonia.Node.
func makesNode(f *ast.FuncDecl) bool {
	if f.Type.Results == nil {
		return false
	}
	for _, r := range f.Type.Results.List {
		if p, ok := r.Type.(*ast.StarExpr); ok {
			if s, ok := p.X.(*ast.SelectorExpr); ok && s.Sel.Name == "Node" {
				return true
			}
		}
	}
	return false
}
