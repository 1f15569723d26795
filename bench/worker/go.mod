module github.com/stheno-ml/stheno/bench/worker

go 1.26
