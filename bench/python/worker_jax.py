"""JAX's worker: Flax and Optax, one jitted step, batches from numpy."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"

import flax
import flax.linen as nn
import jax
import numpy as np
import optax

import common


class Perceptron(nn.Module):
    sizes: tuple

    @nn.compact
    def __call__(self, x):
        for units in self.sizes[:-1]:
            x = nn.relu(nn.Dense(units)(x))
        return nn.Dense(self.sizes[-1])(x)


class Images(nn.Module):
    @nn.compact
    def __call__(self, x):
        for filters in (32, 64):
            x = nn.max_pool(nn.relu(nn.Conv(filters, (3, 3), padding="VALID")(x)), (2, 2), (2, 2))
        x = nn.relu(nn.Dense(128)(x.reshape((x.shape[0], -1))))
        return nn.Dense(10)(x)


class Characters(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.Embed(common.VOCABULARY, common.DIM)(x)
        x = nn.RNN(nn.OptimizedLSTMCell(common.UNITS))(x)
        return nn.Dense(common.VOCABULARY)(x)


def setup(w, x):
    m = {"W4": Images, "W6": Characters}[w]() if w in ("W4", "W6") else Perceptron(tuple(common.LAYERS[w][1:]))
    return m, m.init(jax.random.PRNGKey(0), x)


def train(w):
    x, y = common.rows(w)
    m, params = setup(w, x[:2])
    optimizer = optax.sgd(.001) if w == "W3" else optax.adam(.001)

    def loss(params, x, y):
        logits = m.apply(params, x)
        if logits.shape[-1] == 1:
            return optax.sigmoid_binary_cross_entropy(logits[:, 0], y).mean()
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    @jax.jit
    def step(params, state, x, y):
        value, gradients = jax.value_and_grad(loss)(params, x, y)
        updates, state = optimizer.update(gradients, state, params)
        return optax.apply_updates(params, updates), state, value

    now = [params, optimizer.init(params)]
    batches = common.batches(w, x, y)

    def run(n):
        for _ in range(n):
            now[0], now[1], value = step(now[0], now[1], *next(batches))
        jax.block_until_ready((now, value))
    return run


def predict(w):
    x = common.row(w)
    m, params = setup(w, x)
    activation = jax.nn.sigmoid if common.LAYERS[w][-1] == 1 else jax.nn.softmax
    f = jax.jit(lambda params, x: activation(m.apply(params, x)))
    return lambda: np.asarray(f(params, x))


if __name__ == "__main__":
    common.main(f"JAX {jax.__version__}, Flax {flax.__version__}, Optax {optax.__version__}", train, predict)
