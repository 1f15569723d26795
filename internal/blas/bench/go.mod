module github.com/stheno-ml/stheno/internal/blas/bench

go 1.26

require github.com/stheno-ml/stheno v0.0.0

require (
	golang.org/x/sys v0.37.0 // indirect
	gonum.org/v1/gonum v0.11.0 // indirect
)

replace github.com/stheno-ml/stheno => ../../..
