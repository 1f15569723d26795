# make test    everything, with the real TensorBoard and Python's safetensors
# make check   test, plus formatting, vet, staticcheck, the race detector and a build without cgo
# make soak    the long forms of the crash and memory tests, MNIST from its Go module, random graphs
# make bench   Stheno, other frameworks in Go and Python, side by side: docs/performance.md
# make bench-go   the benchmarks in Go against bench/baseline.txt; UPDATE=1 writes that file
# make fresh   the README's two commands in a fresh clone with empty caches

export CGO_ENABLED ?= 0
GO ?= go
PYTHON ?= $(CURDIR)/.venv/bin/python
STATICCHECK = $(GO) tool -modfile=tools/lint/go.mod staticcheck
# The race detector needs cgo and a C compiler; nothing else here does.
RACE_PACKAGES = ./...

.PHONY: test check fmt vet lint race build generated modules bench bench-go soak fresh python

test: python
	STHENO_PYTHON=$(PYTHON) STHENO_TENSORBOARD_PYTHON=$(PYTHON) $(GO) test ./...

check: fmt vet lint build generated modules test race

fmt:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt is needed on:"; echo "$$unformatted"; exit 1; fi

vet:
	$(GO) vet ./...

lint:
	$(STATICCHECK) ./...

build:
	CGO_ENABLED=0 $(GO) build ./...

# The assembly is what its generators, a module of their own, make today.
generated:
	cd internal/blas/gen && $(GO) test ./...

# Modules of their own, for what is opted into.
modules:
	cd tune/goptuna && $(GO) vet ./... && $(GO) test ./...

race:
	CGO_ENABLED=1 $(GO) test -race -short $(RACE_PACKAGES)

bench:
	$(GO) -C bench run . -setup -out ../docs/performance.md $(BENCHFLAGS)

bench-go:
	@GO="$(GO)" UPDATE="$(UPDATE)" bench/go.sh

soak: python
	STHENO_SOAK=1 STHENO_PYTHON=$(PYTHON) STHENO_TENSORBOARD_PYTHON=$(PYTHON) $(GO) test -count=1 -timeout 80m ./...
	$(GO) test -run '^$$' -fuzz FuzzGraph -fuzztime 10m ./internal/graphfuzz

fresh:
	tools/fresh.sh

python:
	@tools/python/setup.sh >/dev/null
