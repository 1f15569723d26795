"""The worker's side of the protocol, and the workloads; bench/worker has the same in Go."""

import os
import sys
import time
import traceback

import numpy as np

# name: rows of a batch, distinct batches of an epoch
BATCHES = {"W1": (128, 200), "W2": (32, 400), "W3": (32, 400), "W4": (64, 60), "W6": (32, 40), "W7": (512, 20)}
LAYERS = {"W1": [784, 256, 10], "W2": [16, 64, 64, 1], "W3": [30, 1], "W7": [1024, 2048, 2048, 10]}
WARM_UP = 0.07  # seconds of predictions before those that are measured, as in worker.go
VOCABULARY, TIME, DIM, UNITS = 65, 50, 128, 128
THREADS = int(os.environ.get("BENCH_THREADS", "2"))


class Skip(Exception):
    """A workload that a framework cannot do, and why."""


def rows(w):
    """Returns the features and labels of an epoch."""
    batch, batches = BATCHES[w]
    r = np.random.default_rng(7)
    n = batch * batches
    if w == "W4":
        return r.random((n, 28, 28, 1), dtype=np.float32), r.integers(0, 10, n)
    if w == "W6":
        return r.integers(0, VOCABULARY, (n, TIME), dtype=np.int32), r.integers(0, VOCABULARY, (n, TIME))
    layers = LAYERS[w]
    x = r.standard_normal((n, layers[0]), dtype=np.float32)
    if layers[-1] == 1:
        return x, (x[:, :4].sum(1) > 0).astype(np.float32)
    return x, r.integers(0, layers[-1], n)


def batches(w, x, y):
    """Deals out shuffled batches without an end, gathered from memory."""
    batch, _ = BATCHES[w]
    r = np.random.default_rng(1)
    while True:
        order = r.permutation(len(x))
        for i in range(0, len(x) - batch + 1, batch):
            index = order[i:i + batch]
            yield x[index], y[index]


def row(w):
    """Returns one row of features, [1, inputs]."""
    if w not in LAYERS:
        raise Skip("prediction is measured on multi-layer perceptrons")
    return rows(w)[0][:1]


def main(about, train=None, predict=None):
    """Serves until standard input ends, or makes one step for "once W1" in the arguments.

    train(w) returns a function of n that makes n steps; it may return the steps and
    seconds if it counts them itself. predict(w) returns a function that predicts one row.
    """
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not for the driver

    def say(*words):
        print(*words, file=out, flush=True)

    if sys.argv[-2:-1] == ["once"]:
        w = sys.argv[-1]
        BATCHES[w] = (BATCHES[w][0], 1)
        train(w)(1)
        with open("/proc/self/status") as f:
            say("first", next(line.split()[1] for line in f if line.startswith("VmHWM")))
        return
    built = {}

    def answer(what, w, n):
        make = {"run": train, "predict": predict}.get(what)
        if make is None or w not in BATCHES:
            raise Skip(f"{what} {w} is not supported")
        if (what, w) not in built:
            built[what, w] = make(w)
        f = built[what, w]
        if what == "run":
            start = time.perf_counter()
            result = f(n)
            steps, seconds = result or (n, time.perf_counter() - start)
            return f"{steps} {seconds:.6f}"
        start = time.perf_counter()
        while time.perf_counter() - start < WARM_UP:
            f()
        times = []
        for _ in range(n):
            start = time.perf_counter()
            f()
            times.append((time.perf_counter() - start) * 1e6)
        times.sort()
        return f"{n} {times[int(.5 * (n - 1))]:.2f} {times[int(.99 * (n - 1))]:.2f}"

    say("ready", about)
    for line in sys.stdin:
        try:
            what, w, n = line.split()
            say("ok", answer(what, w, int(n)))
        except Skip as e:
            say("skip", *str(e).split())
        except Exception as e:
            traceback.print_exc()
            say("error", " ".join(f"{type(e).__name__}: {e}".split())[:300])
