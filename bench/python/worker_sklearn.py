"""scikit-learn's worker: partial_fit of MLPClassifier (W1, W2, W7) and SGDClassifier (W3),
one batch a call."""

import warnings

import numpy as np
import sklearn
import threadpoolctl
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier

import common

warnings.filterwarnings("ignore")


def model(w):
    if w not in common.LAYERS:
        raise common.Skip("scikit-learn has no convolutions and no recurrent layers")
    if w == "W3":
        return SGDClassifier(loss="log_loss", learning_rate="constant", eta0=.001)
    return MLPClassifier(tuple(common.LAYERS[w][1:-1]), solver="adam", batch_size=common.BATCHES[w][0], alpha=0)


def train(w):
    m = model(w)
    x, y = common.rows(w)
    y = y.astype(np.int64)
    classes = np.unique(y)
    batches = common.batches(w, x, y)

    def run(n):
        for _ in range(n):
            m.partial_fit(*next(batches), classes=classes)
    return run


def predict(w):
    x, m = common.row(w), model(w)
    rows, y = common.rows(w)
    y = y.astype(np.int64)
    m.partial_fit(rows[:512], y[:512], classes=np.unique(y))
    return lambda: m.predict_proba(x)


def kernels():
    found = {f"{p['internal_api']} {p['version']} {p['architecture']} {p['num_threads']} threads"
             for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"}
    return "; ".join(sorted(found))


if __name__ == "__main__":
    common.main(f"scikit-learn {sklearn.__version__}, numpy {np.__version__} ({kernels()})", train, predict)
