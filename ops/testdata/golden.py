"""Writes recurrent.json and attention.json: what Keras' formulas give, written out in
NumPy one sequence and one step at a time. Run it with NumPy: python golden.py"""
import json

import numpy as np

rng = np.random.default_rng(7)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, w, u, b, h, c):
    units = len(h)
    z = x @ w + h @ u + b
    i, f, a, o = (z[k * units:(k + 1) * units] for k in range(4))  # Keras: i, f, c, o
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(a)
    return sigmoid(o) * np.tanh(c), c


def gru(x, w, u, b, h, c):
    units = len(h)
    by_x, by_h = x @ w + b[0], h @ u + b[1]  # Keras, reset_after=True: z, r, h
    z = sigmoid(by_x[:units] + by_h[:units])
    r = sigmoid(by_x[units:2 * units] + by_h[units:2 * units])
    a = np.tanh(by_x[2 * units:] + r * by_h[2 * units:])
    return z * h + (1 - z) * a, c


def simple(x, w, u, b, h, c):
    return np.tanh(x @ w + h @ u + b), c


def recurrent(step, gates, bias):
    batch, time, inputs, units = 3, 5, 4, 3
    lengths = [5, 0, 3]
    case = {
        "x": rng.normal(size=(batch, time, inputs)), "kernel": rng.normal(size=(inputs, gates * units)),
        "recurrent": rng.normal(size=(units, gates * units)), "bias": rng.normal(size=bias(gates * units)),
        "h0": rng.normal(size=(batch, units)), "c0": rng.normal(size=(batch, units)),
    }
    sequence, h, c = np.zeros((batch, time, units)), case["h0"].copy(), case["c0"].copy()
    for row in range(batch):
        for t in range(lengths[row]):
            h[row], c[row] = step(case["x"][row, t], case["kernel"], case["recurrent"], case["bias"], h[row], c[row])
            sequence[row, t] = h[row]
    case.update(sequence=sequence, h=h, c=c)
    case = {k: v.ravel().tolist() for k, v in case.items()}
    case.update(lengths=lengths)
    return case


def attention():
    batch, heads, queries, keys, size, values = 2, 2, 3, 4, 5, 2
    q = rng.normal(size=(batch, heads, queries, size))
    k = rng.normal(size=(batch, heads, keys, size))
    v = rng.normal(size=(batch, heads, keys, values))
    mask = rng.integers(0, 2, size=(batch, queries, keys))
    mask[0, 0] = 0  # nothing to attend to
    out = np.zeros((batch, heads, queries, values))
    for b, h, i in np.ndindex(batch, heads, queries):
        seen = mask[b, i] == 1
        if seen.any():
            e = np.exp(q[b, h, i] @ k[b, h][seen].T / np.sqrt(size))
            out[b, h, i] = e / e.sum() @ v[b, h][seen]
    return {n: a.ravel().tolist() for n, a in dict(q=q, k=k, v=v, mask=mask, out=out).items()}


def write(name, data):
    with open(name, "w") as f:
        json.dump(data, f, separators=(",", ":"))


write("recurrent.json", {
    "LSTM": recurrent(lstm, 4, lambda n: (n,)),
    "GRU": recurrent(gru, 3, lambda n: (2, n)),
    "SimpleRNN": recurrent(simple, 1, lambda n: (n,)),
})
write("attention.json", attention())
