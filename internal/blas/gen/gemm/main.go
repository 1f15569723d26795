// Command gemm writes the assembly of package blas and the switch that calls it. Run it
// with go generate in internal/blas.
package main

import (
	"flag"
	"fmt"
	"log"
	"strings"

	"github.com/stheno-ml/stheno/internal/blas/gen/emit"
)

// kernel is one micro-kernel: a tile of rows x vectors of C.
type kernel struct {
	name          string
	rows, vectors int
	masked        bool
}

func main() {
	dispatch := flag.String("dispatch", "", "file of Go source to write")
	flag.Parse()
	var wide, narrow []kernel
	for rows := 1; rows <= 14; rows++ {
		for _, vectors := range []int{1, 2, 4} {
			if vectors == 4 && rows > 6 {
				continue // 32 registers hold no more
			}
			if vectors > 1 {
				wide = append(wide, kernel512(rows, vectors, false))
			}
			wide = append(wide, kernel512(rows, vectors, true))
		}
	}
	for rows := 1; rows <= 6; rows++ {
		narrow = append(narrow, kernel256(rows, 1, true), kernel256(rows, 2, false), kernel256(rows, 2, true))
	}
	for _, set := range emit.Sets {
		oneRow(set)
		dot(set)
		transpose(set)
	}
	copyRows512()
	copyRows256()
	if err := emit.Assembly(); err != nil {
		log.Fatal(err)
	}

	var s strings.Builder
	s.WriteString("package blas\n\n")
	for _, k := range append(append([]kernel{{name: "row512"}, {name: "row256"}}, wide...), narrow...) {
		fmt.Fprintf(&s, "//go:noescape\nfunc %s(p *arguments)\n\n", k.name)
	}
	write(&s, "call512", wide)
	write(&s, "call256", narrow)
	if err := emit.Go(*dispatch, []byte(s.String())); err != nil {
		log.Fatal(err)
	}
}

// write appends a switch over kernels. A table of functions would do the same, but
// arguments given to a function value must live on the heap.
func write(s *strings.Builder, name string, kernels []kernel) {
	fmt.Fprintf(s, "// %s runs kernel id = rows<<4 | vectors<<1 | masked.\nfunc %s(id int, p *arguments) {\n\tswitch id {\n", name, name)
	for _, k := range kernels {
		id := k.rows<<4 | k.vectors<<1
		if k.masked {
			id |= 1
		}
		fmt.Fprintf(s, "\tcase %d:\n\t\t%s(p)\n", id, k.name)
	}
	s.WriteString("\tdefault:\n\t\tpanic(\"blas: no such kernel\")\n\t}\n}\n\n")
}
