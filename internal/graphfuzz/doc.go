// Package graphfuzz holds no code but tests: FuzzGraph builds random graphs from every op
// of package ops and the usual ones of Gorgonia, runs them with a session, and compares
// every value and gradient with a slow interpreter in float64, written from the ops'
// documentation. Whatever is wrong with a graph or with what is fed must be an error that
// names it, never a panic.
//
//   - source_test.go decodes bytes into choices, shapes and values;
//   - num_test.go is the interpreter's number: a value, how far floating-point arithmetic
//     may be from it, and a derivative;
//   - array_test.go and ref_*_test.go are the interpreter;
//   - builder_test.go and ops_*_test.go build graphs, list_test.go holds the list of ops
//     and fails when package ops exports another one;
//   - fuzz_test.go runs and compares.
//
// go test runs the seeds; make soak fuzzes for ten minutes.
package graphfuzz
