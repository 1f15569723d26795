// Command bench times the engines of package blas against OpenBLAS, interleaved, and
// prints a table of GFLOP/s. It is a module of its own, because it needs cgo and
// OpenBLAS (Debian: libopenblas-dev), which nothing else here does.
//
//	OPENBLAS_CORETYPE=SKYLAKEX CGO_ENABLED=1 go run . [-engine name] [-workers 1,2] [-only substring]
//
// Set OPENBLAS_CORETYPE to what the engine uses (SKYLAKEX or HASWELL): Debian's 0.3.21
// takes new processors for old ones. With more than one worker each library has a process
// of its own, because idle threads of OpenBLAS poll for tens of milliseconds and would
// take the processor of ours.
package main

// #cgo LDFLAGS: -lopenblas
// void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
// char *openblas_get_corename(void);
// static void repeat(int r, int ta, int tb, int m, int n, int k, const float *a, int lda, const float *b, int ldb, float *c, int ldc) {
//   for (int i = 0; i < r; i++) cblas_sgemm(101, ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, ldc);
// }
import "C"

import (
	"flag"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/stheno-ml/stheno/internal/blas"
	"github.com/stheno-ml/stheno/internal/parallel"
)

type shape struct {
	name    string
	m, n, k int
	op      string // N or T of a and b
}

var shapes = []shape{
	{"W1 fwd", 128, 256, 784, "NN"},
	{"W1 dW", 784, 256, 128, "TN"},
	{"W1 out", 128, 10, 256, "NN"},
	{"W1 out dW", 256, 10, 128, "TN"},
	{"W1 out dX", 128, 256, 10, "NT"},
	{"W7 a", 512, 2048, 1024, "NN"},
	{"W7 b", 512, 2048, 2048, "NN"},
	{"W7 dW", 1024, 2048, 512, "TN"},
	{"W7 dX", 512, 2048, 2048, "NT"},
	{"W2 a", 32, 64, 16, "NN"},
	{"W2 b", 32, 64, 64, "NN"},
	{"W2 dW", 16, 64, 32, "TN"},
	{"conv", 7744, 64, 288, "NN"},
	{"conv dW", 288, 64, 7744, "TN"},
	{"conv dX", 7744, 288, 64, "NT"},
	{"LSTM", 32, 512, 128, "NN"},
	{"LSTM dX", 32, 128, 512, "NT"},
	{"LSTM dW", 128, 512, 32, "TN"},
	{"sq64", 64, 64, 64, "NN"},
	{"sq256", 256, 256, 256, "NN"},
	{"sq1024", 1024, 1024, 1024, "NN"},
	{"gemv", 1, 256, 784, "NN"},
	{"gemv T", 1, 256, 784, "NT"},
	{"gemv n=1", 256, 1, 784, "NN"},
}

var (
	engineName = flag.String("engine", blas.Default().Name(), "engine to compare")
	only       = flag.String("only", "", "substring of a shape")
	rounds     = flag.Int("rounds", 9, "measurements, of which the median counts")
	best       = flag.Bool("best", false, "let the best measurement of each count: for two workers on a busy machine")
	batch      = flag.Duration("batch", 12*time.Millisecond, "length of a measurement")
	one        = flag.String("one", "", "what a child process measures: ours, openblas or both")
	workerList = flag.String("workers", "1,2", "numbers of workers")
)

func main() {
	flag.Parse()
	if *one != "" {
		measure()
		return
	}
	fmt.Printf("OpenBLAS core %s, engine %s\n\n", C.GoString(C.openblas_get_corename()), *engineName)
	fmt.Println("| shape | m,n,k | workers | ours, GFLOP/s | OpenBLAS, GFLOP/s | ratio |\n|---|---|---|---|---|---|")
	for workers := range strings.SplitSeq(*workerList, ",") {
		table(workers)
	}
}

func table(workers string) {
	ours, theirs, ratios := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for range *rounds {
		var x, y map[string]float64
		if workers == "1" {
			x, y = child("both", workers)
		} else {
			x, _ = child("ours", workers)
			_, y = child("openblas", workers)
		}
		for name := range x {
			ours[name] = append(ours[name], x[name])
			theirs[name] = append(theirs[name], y[name])
			ratios[name] = append(ratios[name], x[name]/y[name])
		}
	}
	sum, count := 0.0, 0
	for _, s := range shapes {
		if len(ratios[s.name]) == 0 {
			continue
		}
		x, y, ratio := median(ours[s.name]), median(theirs[s.name]), median(ratios[s.name])
		if *best {
			x, y = slices.Max(ours[s.name]), slices.Max(theirs[s.name])
			ratio = x / y
		}
		fmt.Printf("| %s %s | %d,%d,%d | %s | %.1f | %.1f | %.2f |\n", s.name, s.op, s.m, s.n, s.k, workers, x, y, ratio)
		sum += math.Log(ratio)
		count++
	}
	fmt.Printf("| geometric mean | | %s | | | %.3f |\n", workers, math.Exp(sum/float64(count)))
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

// child measures in a process of its own.
func child(what, workers string) (ours, theirs map[string]float64) {
	cmd := exec.Command(os.Args[0], "-one", what, "-workers", workers, "-only", *only, "-engine", *engineName, "-batch", batch.String())
	threads := workers
	if what == "ours" {
		threads = "1"
	}
	cmd.Env = append(os.Environ(), "OPENBLAS_NUM_THREADS="+threads)
	out, err := cmd.Output()
	if err != nil {
		log.Fatal(err)
	}
	ours, theirs = map[string]float64{}, map[string]float64{}
	for line := range strings.Lines(string(out)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), "|")
		who, rate, _ := strings.Cut(rest, "|")
		var x float64
		if _, err := fmt.Sscan(rate, &x); err != nil {
			log.Fatal(err)
		}
		if who == "ours" {
			ours[name] = x
		} else {
			theirs[name] = x
		}
	}
	return ours, theirs
}

func measure() {
	var workers int
	if _, err := fmt.Sscan(*workerList, &workers); err != nil {
		log.Fatal(err)
	}
	engine, err := blas.ByName(*engineName)
	if err != nil {
		log.Fatal(err)
	}
	debug.SetGCPercent(-1)
	parallel.SetWorkers(workers)
	for _, s := range shapes {
		if !strings.Contains(s.name, *only) {
			continue
		}
		a, b, c := random(s.m*s.k), random(s.k*s.n), random(s.m*s.n)
		runtime.GC()
		ta, tb := s.op[0] == 'T', s.op[1] == 'T'
		lda, ldb := s.k, s.n
		cta, ctb := C.int(111), C.int(111)
		if ta {
			lda, cta = s.m, 112
		}
		if tb {
			ldb, ctb = s.k, 112
		}
		p := func(x []float32) *C.float { return (*C.float)(unsafe.Pointer(&x[0])) }
		operations := 2 * float64(s.m) * float64(s.n) * float64(s.k)
		n := max(1, int(batch.Seconds()*60e9*float64(workers)/operations))
		for _, library := range []struct {
			name string
			run  func(n int)
		}{
			{"ours", func(n int) {
				for range n {
					engine.Sgemm(ta, tb, s.m, s.n, s.k, 1, a, lda, b, ldb, 0, c, s.n)
				}
			}},
			{"openblas", func(n int) {
				C.repeat(C.int(n), cta, ctb, C.int(s.m), C.int(s.n), C.int(s.k), p(a), C.int(lda), p(b), C.int(ldb), p(c), C.int(s.n))
			}},
		} {
			if *one != library.name && *one != "both" {
				continue
			}
			library.run(max(1, n/3))
			start := time.Now()
			library.run(n)
			fmt.Printf("%s|%s|%.2f\n", s.name, library.name, operations*float64(n)/float64(time.Since(start).Nanoseconds()))
		}
	}
}

func random(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = r.Float32() - 0.5
	}
	return x
}
