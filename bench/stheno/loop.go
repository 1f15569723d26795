package main

import (
	"github.com/stheno-ml/stheno/bench/worker"
	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"

	"gorgonia.org/gorgonia"
)

// gate is a monitor that lets a run of Train make some steps and then holds it, so that
// what is timed is the loop in its steady state.
type gate struct {
	hooks.Base
	left  int
	start chan int
	done  chan error
}

func (g *gate) StepBegin(int64) ([]*gorgonia.Node, error) {
	for g.left == 0 {
		g.done <- nil
		g.left = <-g.start
	}
	g.left--
	return nil, nil
}

// trainByLoop starts one run of graphactions.Train that never ends.
func trainByLoop(w worker.Workload, dir string) (worker.Train, error) {
	m, err := build(w)
	if err != nil {
		return nil, err
	}
	g := &gate{start: make(chan int), done: make(chan error)}
	bind := graphactions.Bind(graph.Nodes{datasets.DefaultFeature: m.x}, graph.Nodes{datasets.DefaultLabel: m.y})
	go func() {
		_, err := graphactions.Train(ctx, m.g, dir, m.trainOp, m.loss, graphactions.Input(m.input, bind), graphactions.Monitors(g))
		g.done <- err
	}()
	if err := <-g.done; err != nil { // it waits at its first step
		return nil, err
	}
	return func(n int) error {
		g.start <- n
		return <-g.done
	}, nil
}
