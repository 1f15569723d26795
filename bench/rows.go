//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// row is a line of the tables: a worker program and how it is called there.
type row struct {
	name string
	// argv starts the worker; relative names are below bench.
	argv []string
	// env is the Python environment it needs, "" for a Go program.
	env string
	// trains is false for a worker that only predicts.
	trains bool
	// predicts is what it is called in the table of predictions, "" when not measured.
	predicts string
	// once starts a process that makes one step and ends, nil when not measured.
	once []string
}

// The rows that the targets are about.
const (
	ours         = "Stheno session"
	oursLoop     = "Stheno Train"
	predictInto  = "Stheno PredictInto"
	onnx         = "ONNX Runtime"
	torchEager   = "PyTorch eager"
	torchCompile = "PyTorch compile"
	tfFit        = "Keras fit"
	tfFunction   = "TensorFlow function"
	tfEstimator  = "tf.estimator"
	jaxJit       = "JAX jit"
	stock        = "Gorgonia"
	goMLX        = "GoMLX"
	sklearn      = "scikit-learn"
)

// allRows returns the rows in the order of the tables.
func (c config) allRows() []row {
	exe := func(name string) string { return filepath.Join(c.bin, name) }
	python := func(env string, args ...string) []string {
		script := filepath.Join(c.root, "python", args[0])
		return append([]string{filepath.Join(c.envs, env, "bin", "python"), script}, args[1:]...)
	}
	once := func(argv []string) []string { return append(append([]string{}, argv...), "once", "W1") }
	withOnce := func(r row) row { r.once = once(r.argv); return r }
	return []row{
		{name: ours, argv: []string{exe("stheno")}, trains: true, predicts: predictInto, once: []string{exe("first")}},
		{name: oursLoop, argv: []string{exe("stheno"), "-loop"}, trains: true, predicts: "Stheno Predict"},
		withOnce(row{name: stock, argv: []string{exe("gorgonia")}, trains: true, predicts: stock}),
		withOnce(row{name: goMLX, argv: []string{exe("gomlx")}, trains: true, predicts: goMLX}),
		withOnce(row{name: torchEager, argv: python("torch", "worker_torch.py", "eager"), env: "torch", trains: true, predicts: torchEager}),
		{name: torchCompile, argv: python("torch", "worker_torch.py", "compile"), env: "torch", trains: true, predicts: torchCompile},
		withOnce(row{name: tfFit, argv: python("tensorflow", "worker_tensorflow.py", "fit"), env: "tensorflow", trains: true, predicts: "Keras call"}),
		{name: tfFunction, argv: python("tensorflow", "worker_tensorflow.py", "function"), env: "tensorflow", trains: true, predicts: tfFunction},
		{name: tfEstimator, argv: python("tensorflow", "worker_tensorflow.py", "estimator"), env: "tensorflow", trains: true},
		withOnce(row{name: jaxJit, argv: python("jax", "worker_jax.py"), env: "jax", trains: true, predicts: jaxJit}),
		withOnce(row{name: sklearn, argv: python("sklearn", "worker_sklearn.py"), env: "sklearn", trains: true, predicts: sklearn}),
		{name: onnx, argv: python("onnx", "worker_onnx.py"), env: "onnx", predicts: onnx},
	}
}

// slowing are variables that make numerical libraries use an older instruction set or
// other kernels than the processor has. Workers do not get them.
var slowing = []string{
	"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA",
	"MKL_ENABLE_INSTRUCTIONS", "MKL_DEBUG_CPU_TYPE", "NPY_DISABLE_CPU_FEATURES", "XLA_FLAGS", "TF_XLA_FLAGS", "GODEBUG", "GOGC", "GOMEMLIMIT",
	"KMP_BLOCKTIME", "KMP_AFFINITY", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT",
}

// unset returns the variables of slowing that are set here.
func unset() []string {
	var names []string
	for _, name := range slowing {
		if value, ok := os.LookupEnv(name); ok {
			names = append(names, name+"="+value)
		}
	}
	return names
}

// environment returns a worker's environment: the driver's, without the slowing
// variables, and with the number of threads.
func (c config) environment(row) []string {
	var env []string
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		keep := true
		for _, s := range slowing {
			keep = keep && s != name
		}
		if keep {
			env = append(env, e)
		}
	}
	for _, name := range []string{"GOMAXPROCS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "BENCH_THREADS"} {
		env = append(env, fmt.Sprintf("%s=%d", name, c.threads))
	}
	return append(env, "TORCHINDUCTOR_CACHE_DIR="+filepath.Join(c.bin, "inductor"))
}

// build compiles a Go program into the folder of programs.
func (c config) build(dir string) error {
	cmd := exec.Command("go", "build", "-o", filepath.Join(c.bin, dir), "./"+dir)
	cmd.Dir = c.root
	if dir == "gorgonia" || dir == "gomlx" { // modules of their own
		cmd.Dir = filepath.Join(c.root, dir)
		cmd.Args[len(cmd.Args)-1] = "."
	}
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if dir == "gomlx" {
		cmd.Env = append(cmd.Env, "GOEXPERIMENT=simd")
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return errors.New(strings.Join(strings.Fields(string(out)+" "+err.Error()), " "))
	}
	return nil
}

// prepare builds the Go programs that rows need. It returns why a program could not be
// built, by name.
func (c config) prepare(rows []row) map[string]error {
	needed := map[string]bool{}
	for _, r := range rows {
		if r.env == "" {
			needed[filepath.Base(r.argv[0])] = true
		}
		if r.once != nil && r.env == "" {
			needed[filepath.Base(r.once[0])] = true
		}
	}
	failed := map[string]error{}
	for _, name := range []string{"stheno", "first", "gorgonia", "gomlx"} {
		if !needed[name] {
			continue
		}
		if err := c.build(name); err != nil {
			failed[name] = err
		}
	}
	return failed
}

// usable reports why a row cannot be run, nil if it can.
func (c config) usable(r row, failed map[string]error) error {
	if r.env == "" {
		return failed[filepath.Base(r.argv[0])]
	}
	if _, err := os.Stat(filepath.Join(c.envs, r.env, "requirements.installed")); err != nil {
		return fmt.Errorf("there is no Python environment %s: run bench/python/setup.sh", r.env)
	}
	return nil
}
