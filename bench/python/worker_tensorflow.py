"""TensorFlow 2.15's worker: worker_tensorflow.py fit|function|estimator: Keras' fit, a
training step under tf.function in a loop by hand, or tf.estimator with its default
RunConfig and numpy_input_fn."""

import atexit
import importlib.metadata
import os
import shutil
import sys
import tempfile
import time
import warnings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
warnings.filterwarnings("ignore")

import tensorflow as tf

import common

VARIANT = next((v for v in ("function", "estimator") if v in sys.argv), "fit")
tf.config.threading.set_intra_op_parallelism_threads(common.THREADS)
tf.config.threading.set_inter_op_parallelism_threads(common.THREADS)
keras, layers, estimator = tf.keras, tf.keras.layers, tf.estimator


def body(w):
    if w == "W4":
        return [layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(64, 3, activation="relu"),
                layers.MaxPooling2D(), layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(10)]
    if w == "W6":
        return [layers.Embedding(common.VOCABULARY, common.DIM), layers.LSTM(common.UNITS, return_sequences=True), layers.Dense(common.VOCABULARY)]
    sizes = common.LAYERS[w]
    return [layers.Dense(units, activation="relu") for units in sizes[1:-1]] + [layers.Dense(sizes[-1])]


def model(w):
    shape = {"W4": (28, 28, 1), "W6": (common.TIME,)}.get(w) or (common.LAYERS[w][0],)
    return keras.Sequential([keras.Input(shape, dtype="int32" if w == "W6" else "float32"), *body(w)])


def loss_of(w):
    if w in ("W2", "W3"):
        return keras.losses.BinaryCrossentropy(from_logits=True)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def optimizer_of(w):
    return keras.optimizers.SGD(.001) if w == "W3" else keras.optimizers.Adam(.001)


def train_fit(w):
    x, y = common.rows(w)
    batch, batches = common.BATCHES[w]
    m = model(w)
    m.compile(optimizer=optimizer_of(w), loss=loss_of(w))

    def run(n):  # whole epochs, in one call of fit
        epochs = max(1, round(n / batches))
        start = time.perf_counter()
        m.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)
        return epochs * batches, time.perf_counter() - start
    return run


def train_function(w):
    m, loss, optimizer = model(w), loss_of(w), optimizer_of(w)
    optimizer.build(m.trainable_variables)
    binary = w in ("W2", "W3")

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            p = m(x, training=True)
            value = loss(y[:, None] if binary else y, p)
        optimizer.apply_gradients(zip(tape.gradient(value, m.trainable_variables), m.trainable_variables))
        return value

    batches = common.batches(w, *common.rows(w))

    def run(n):
        for _ in range(n):
            x, y = next(batches)
            value = step(tf.constant(x), tf.constant(y))
        value.numpy()
    return run


class Clock(estimator.SessionRunHook):
    """Times the steps after the first ones: opening and the last checkpoint are left out."""

    def __init__(self, skip):
        self.skip, self.steps, self.first, self.last = skip, 0, 0, 0

    def after_run(self, context, values):
        self.steps += 1
        self.last = time.perf_counter()
        if self.steps == self.skip:
            self.first = self.last


def train_estimator(w):
    x, y = common.rows(w)
    batch, _ = common.BATCHES[w]
    folder = tempfile.mkdtemp(prefix="stheno-bench-")
    atexit.register(shutil.rmtree, folder, True)

    def model_fn(features, labels, mode):
        logits = keras.Sequential(body(w))(features["x"], training=True)
        if w in ("W2", "W3"):
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits[:, 0]))
        else:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
        v1 = tf.compat.v1.train
        optimizer = v1.GradientDescentOptimizer(.001) if w == "W3" else v1.AdamOptimizer(.001)
        return estimator.EstimatorSpec(mode, loss=loss, train_op=optimizer.minimize(loss, global_step=v1.get_global_step()))

    session = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=common.THREADS, inter_op_parallelism_threads=common.THREADS)
    est = estimator.Estimator(model_fn, model_dir=folder, config=estimator.RunConfig(session_config=session))
    input_fn = tf.compat.v1.estimator.inputs.numpy_input_fn({"x": x}, y, batch_size=batch, num_epochs=None, shuffle=True)

    def run(n):
        clock = Clock(max(2, min(10, n)))
        est.train(input_fn, steps=n + clock.skip, hooks=[clock])
        return clock.steps - clock.skip, clock.last - clock.first
    return run


def predict(w):
    x, m = common.row(w), model(w)
    activation = tf.sigmoid if common.LAYERS[w][-1] == 1 else tf.nn.softmax
    if VARIANT == "function":
        f = tf.function(lambda x: activation(m(x, training=False)))
        return lambda: f(tf.constant(x)).numpy()
    return lambda: activation(m(x, training=False)).numpy()


if __name__ == "__main__":
    if VARIANT == "estimator":
        tf.compat.v1.logging.set_verbosity("WARN")
    train = {"fit": train_fit, "function": train_function, "estimator": train_estimator}[VARIANT]
    common.main(f"TensorFlow {tf.__version__}, Keras {importlib.metadata.version('keras')}, oneDNN", train, None if VARIANT == "estimator" else predict)
