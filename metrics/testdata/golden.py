"""Writes golden.json: what TensorFlow, Keras and scikit-learn say about small sets of
data. Run it with the packages of requirements.txt beside it, Python 3.11:

    python -m venv env && env/bin/pip install -r requirements.txt
    env/bin/python golden.py
"""
import json
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import sklearn.metrics as sk
import tensorflow as tf
from sklearn.calibration import calibration_curve

v1, m, keras = tf.compat.v1, tf.compat.v1.metrics, tf.keras.metrics
rng = np.random.default_rng(11)


def softmax(x):
    e = np.exp(x)
    return e / e.sum(-1, keepdims=True)


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


n = 48
grid = rng.integers(0, 200, size=n) / 199  # exactly on the thresholds
plain = rng.random(n)
p = np.where(rng.random(n) < 0.4, grid, np.round(plain, 3)).astype(np.float32)
p[:4] = [0, 1, 0.5, 0.25]
y = (rng.random(n) < 0.2 + 0.6 * p).astype(np.int64)
weights = rng.choice([0, 0.5, 1, 2], size=n)
multi = rng.integers(0, 8, size=(24, 3))
multi[3, 1], multi[5] = 9, [8, 10, 11]  # out of range
scores = np.round(rng.normal(size=(24, 8)), 1).astype(np.float32)  # ties
probabilities = softmax(rng.normal(size=(24, 5)))
classes = rng.integers(0, 5, size=24)
data = {
    "binary": {"labels": y, "predictions": p, "weights": weights},
    "likely": {"labels": y, "predictions": 0.001 + 0.99 * plain, "weights": weights},
    "stepped": {"labels": y, "predictions": rng.integers(0, 20, size=n) / 20 + 0.01, "weights": weights},
    "decided": {"labels": y, "predictions": (plain < 0.5).astype(np.int64), "weights": weights},
    "regression": {
        "labels": np.round(rng.gamma(2, 2, size=n), 2), "predictions": np.round(rng.gamma(2, 2, size=n), 2),
        "normalizer": rng.choice([0, 1, 2.5], size=n), "weights": weights,
    },
    "far": {  # a mean that is large beside the spread
        "labels": 1e6 + rng.random(n), "predictions": 1e6 + rng.random(n), "weights": weights,
    },
    "outputs": {
        "labels": np.round(rng.normal(size=(24, 3)), 2), "predictions": np.round(rng.normal(size=(24, 3)), 2),
        "weights": weights[:24],
    },
    "each": {  # a weight for each element
        "labels": np.round(rng.normal(size=(12, 3)), 2), "predictions": np.round(rng.normal(size=(12, 3)), 2),
        "weights": rng.choice([0, 0.5, 2], size=(12, 3)),
    },
    "signs": {"labels": rng.choice([-1, 1], size=n), "predictions": np.round(rng.normal(size=n), 2), "weights": weights},
    "classes": {"labels": rng.integers(0, 4, size=n), "predictions": rng.integers(1, 5, size=n), "weights": weights},
    "multilabel": {
        "labels": rng.integers(0, 2, size=(24, 4)), "predictions": np.round(rng.random((24, 4)), 2), "weights": weights[:24],
    },
    "ranked": {"labels": rng.integers(0, 8, size=24), "predictions": scores, "weights": weights[:24]},
    "several": {"labels": multi, "predictions": scores, "weights": weights[:24]},
    "known": {
        "labels": np.stack([rng.permutation(8)[:3] for _ in range(24)]), "predictions": scores, "weights": weights[:24],
    },
    "top": {"labels": multi, "predictions": np.argsort(-scores, axis=-1, kind="stable")[:, :3], "weights": weights[:24]},
    "sparse": {"labels": classes, "predictions": probabilities, "weights": weights[:24]},
    "onehot": {"labels": np.eye(5)[classes], "predictions": probabilities, "weights": weights[:24]},
    "distributions": {"labels": softmax(rng.normal(size=(24, 5))), "predictions": probabilities, "weights": weights[:24]},
    "vectors": {"labels": unit(rng.normal(size=(24, 6))), "predictions": unit(rng.normal(size=(24, 6))), "weights": weights[:24]},
    "cube": {"labels": rng.normal(size=(6, 4, 3)), "predictions": rng.normal(size=(6, 4, 3)), "weights": rng.choice([0, 1, 2], size=(6, 3))},
}
cases = []


def case(metric, of, weighted, source, want, tolerance, **arguments):
    want = np.asarray(want, dtype=np.float64)
    assert np.isfinite(want).all(), (metric, of, source)
    cases.append({
        "metric": metric, "data": of, "weighted": weighted, "arguments": arguments, "source": source,
        "want": want.ravel().tolist(), "tolerance": tolerance,
    })


def by_tf(metric, of, function, *positional, names=("labels", "predictions"), weights=None, keywords={}, **arguments):
    """A streaming metric of TensorFlow 1, in float32, without and with weights."""
    d = data[of]
    for weighted in (False, True):
        with tf.Graph().as_default(), v1.Session() as session:
            keywords = dict(keywords)
            if weighted:
                keywords["weights"] = tf.constant(d["weights"] if weights is None else weights)
            value, update = function(*[tf.constant(d[k]) for k in names], *positional, **keywords)
            session.run(v1.local_variables_initializer())
            session.run(update)
            case(metric, of, weighted, "tf.metrics." + function.__name__, session.run(value), 2e-6, **arguments)


def by_keras(metric, of, make, tolerance=2e-6, **arguments):
    d = data[of]
    for weighted in (False, True):
        m = make()
        y, p = d["labels"], d["predictions"]
        if p.ndim == 1:  # Keras' functions are means over the last axis
            y, p = y[:, None], p[:, None]
        m.update_state(y, p, sample_weight=d["weights"] if weighted else None)
        case(metric, of, weighted, "tf.keras.metrics." + type(m).__name__, m.result().numpy(), tolerance, **arguments)


def by_sk(metric, of, function, source=None, tolerance=1e-12, **arguments):
    d = data[of]
    for weighted in (False, True):
        want = function(d["labels"], d["predictions"], sample_weight=d["weights"] if weighted else None)
        case(metric, of, weighted, "sklearn.metrics." + (source or function.__name__), want, tolerance, **arguments)


def means_and_errors():
    for of in ("regression", "outputs", "each"):
        d = data[of]
        w = d["weights"] if d["weights"].ndim == d["labels"].ndim else d["weights"][:, None]
        by_tf("Mean", of, m.mean, names=["labels"], weights=w)
        by_tf("MeanSquaredError", of, m.mean_squared_error, weights=w)
        by_tf("RootMeanSquaredError", of, m.root_mean_squared_error, weights=w)
        by_tf("MeanAbsoluteError", of, m.mean_absolute_error, weights=w)
    by_tf("MeanTensor", "each", m.mean_tensor, names=["labels"])
    by_tf("PercentageBelow", "regression", m.percentage_below, 3.0, names=["labels"], threshold=3.0)
    by_tf("MeanRelativeError", "regression", m.mean_relative_error, names=["labels", "predictions", "normalizer"])
    by_sk("MeanSquaredError", "regression", sk.mean_squared_error)
    by_sk("RootMeanSquaredError", "regression", sk.root_mean_squared_error)
    by_sk("MeanAbsoluteError", "regression", sk.mean_absolute_error)
    by_keras("MeanAbsolutePercentageError", "regression", keras.MeanAbsolutePercentageError)
    by_keras("MeanSquaredLogarithmicError", "regression", keras.MeanSquaredLogarithmicError)
    by_sk("MeanSquaredLogarithmicError", "regression", sk.mean_squared_log_error)
    by_keras("LogCoshError", "regression", keras.LogCoshError)
    by_keras("PoissonLoss", "regression", keras.Poisson)
    by_keras("Hinge", "signs", keras.Hinge)
    by_sk("Hinge", "signs", sk.hinge_loss)
    by_keras("Hinge", "decided", keras.Hinge)
    by_keras("SquaredHinge", "signs", keras.SquaredHinge)
    by_keras("CategoricalHinge", "onehot", keras.CategoricalHinge)
    by_keras("CosineSimilarity", "distributions", keras.CosineSimilarity)
    by_tf("MeanCosineDistance", "vectors", m.mean_cosine_distance, 1, weights=data["vectors"]["weights"][:, None], dim=-1)
    by_tf("MeanCosineDistance", "cube", m.mean_cosine_distance, 1, weights=data["cube"]["weights"][:, None, :], dim=1)


def moments():
    by_keras("R2", "outputs", keras.R2Score)
    for of in ("regression", "outputs"):
        by_sk("R2", of, sk.r2_score)
    by_sk("R2", "far", sk.r2_score, tolerance=1e-9)
    for of in ("regression", "far"):
        d = data[of]
        y, p = d["labels"], d["predictions"]
        case("Covariance", of, False, "numpy.cov", np.cov(y, p)[0, 1], 1e-9)
        case("PearsonCorrelation", of, False, "numpy.corrcoef", np.corrcoef(y, p)[0, 1], 1e-9)
        whole = np.round(2 * d["weights"]).astype(int)  # numpy counts in whole numbers
        c = np.cov(y, p, fweights=whole)
        case("PearsonCorrelation", of, True, "numpy.cov", c[0, 1] / np.sqrt(c[0, 0] * c[1, 1]), 1e-9)
        total = whole.sum()
        case("Covariance", of, True, "numpy.cov", c[0, 1] * (total - 1) / (total - 2), 1e-9)


def probability():
    by_keras("LogLoss", "likely", keras.BinaryCrossentropy, tolerance=1e-5)  # it adds 1e-7 to probabilities
    by_sk("LogLoss", "likely", sk.log_loss)
    by_sk("BrierScore", "binary", sk.brier_score_loss)
    by_keras("CategoricalCrossEntropy", "onehot", keras.CategoricalCrossentropy)
    by_sk("CategoricalCrossEntropy", "onehot", sk.log_loss)
    by_keras("CategoricalCrossEntropy", "distributions", keras.CategoricalCrossentropy)
    by_keras("SparseCategoricalCrossEntropy", "sparse", keras.SparseCategoricalCrossentropy)
    by_keras("KLDivergence", "distributions", keras.KLDivergence)
    for bins in (5, 8, 60):
        y, p = data["likely"]["labels"], data["likely"]["predictions"]
        happened, predicted = calibration_curve(y, p, n_bins=bins)
        count = np.histogram(p, np.linspace(0, 1, bins + 1))[0]
        curve = np.zeros((bins, 3))
        curve[count > 0] = np.stack([predicted, happened, count[count > 0]], -1)
        case("CalibrationCurve", "likely", False, "sklearn.calibration.calibration_curve", curve, 1e-12, bins=bins)
        error = np.sum(np.abs(curve[:, 0] - curve[:, 1]) * count) / len(p)
        case("ExpectedCalibrationError", "likely", False, "sklearn.calibration.calibration_curve", error, 1e-12, bins=bins)


def decisions():
    by_tf("Accuracy", "decided", m.accuracy)
    by_tf("Precision", "decided", m.precision)
    by_tf("Recall", "decided", m.recall)
    by_tf("TruePositives", "decided", m.true_positives)
    by_tf("FalsePositives", "decided", m.false_positives)
    by_tf("TrueNegatives", "decided", m.true_negatives)
    by_tf("FalseNegatives", "decided", m.false_negatives)
    by_sk("F1", "decided", sk.f1_score)
    by_sk("FBeta", "decided", lambda y, p, sample_weight: sk.fbeta_score(y, p, beta=2, sample_weight=sample_weight), "fbeta_score", beta=2)
    for t in (0.25, 0.5, 1 / 199):
        by_keras("Accuracy", "binary", lambda: keras.BinaryAccuracy(threshold=t), cut=t)
        by_keras("Precision", "binary", lambda: keras.Precision(thresholds=t), cut=t)
        by_keras("Recall", "binary", lambda: keras.Recall(thresholds=t), cut=t)
    by_keras("Precision", "multilabel", lambda: keras.Precision(thresholds=0.5), cut=0.5)
    by_keras("Precision", "multilabel", lambda: keras.Precision(thresholds=0.5, class_id=2), cut=0.5, class_id=2)
    by_keras("Recall", "multilabel", lambda: keras.Recall(thresholds=0.3, class_id=1), cut=0.3, class_id=1)


def thresholds():
    several = [0.5, 0.05, 0.9, 0.5, 0.25, -1.0, 2.0]
    for of, w in (("binary", weights), ("multilabel", weights[:24, None])):
        for metric, function in (
            ("PrecisionAtThresholds", m.precision_at_thresholds), ("RecallAtThresholds", m.recall_at_thresholds),
            ("TruePositivesAtThresholds", m.true_positives_at_thresholds), ("FalsePositivesAtThresholds", m.false_positives_at_thresholds),
            ("TrueNegativesAtThresholds", m.true_negatives_at_thresholds), ("FalseNegativesAtThresholds", m.false_negatives_at_thresholds),
        ):
            by_tf(metric, of, function, several, weights=w, thresholds=several)
        for method in ("trapezoidal", "minoring", "majoring", "careful_interpolation"):
            for metric, curve in (("AUC", "ROC"), ("PRAUC", "PR")):
                if of == "binary" or method == "trapezoidal":
                    by_tf(metric, of, m.auc, weights=w, keywords={"curve": curve, "summation_method": method}, summation=method)
    by_tf("AUC", "binary", m.auc, keywords={"num_thresholds": 7}, num=7)
    by_tf("AUC", "binary", m.auc, keywords={"thresholds": [0.1, 0.9, 0.3]}, manual=[0.3, 0.1, 0.9])
    for method in ("interpolation", "minoring", "majoring"):
        ours = {"interpolation": "careful_interpolation"}.get(method, method)
        by_keras("AUC", "binary", lambda: keras.AUC(summation_method=method), summation=ours, epsilon=0)
        by_keras("PRAUC", "binary", lambda: keras.AUC(summation_method=method, curve="PR"), summation=ours, epsilon=0)
    by_sk("AUC", "stepped", sk.roc_auc_score, epsilon=0)


def operating_points():
    for rate in (0.1, 0.5, 0.8, 0.95):
        by_tf("SensitivityAtSpecificity", "binary", m.sensitivity_at_specificity, rate, at=rate)
        by_tf("SpecificityAtSensitivity", "binary", m.specificity_at_sensitivity, rate, at=rate)
        by_keras("SensitivityAtSpecificity", "binary", lambda: keras.SensitivityAtSpecificity(rate), at=rate, at_least=True)
        by_keras("SpecificityAtSensitivity", "binary", lambda: keras.SpecificityAtSensitivity(rate), at=rate, at_least=True)
        by_keras("PrecisionAtRecall", "binary", lambda: keras.PrecisionAtRecall(rate), at=rate, at_least=True)
        by_keras("RecallAtPrecision", "binary", lambda: keras.RecallAtPrecision(rate), at=rate, at_least=True)


def rankings():
    for k in (1, 2, 5):
        by_keras("TopKAccuracy", "ranked", lambda: keras.SparseTopKCategoricalAccuracy(k), k=k)
        for of in ("ranked", "several"):
            by_tf("PrecisionAtK", of, m.precision_at_k, k, k=k)
            by_tf("RecallAtK", of, m.recall_at_k, k, k=k)
        by_tf("AveragePrecisionAtK", "ranked", m.average_precision_at_k, k, k=k)
        by_tf("AveragePrecisionAtK", "known", m.average_precision_at_k, k, k=k)
    by_tf("PrecisionAtK", "several", m.precision_at_k, 4, keywords={"class_id": 3}, k=4, class_id=3)
    by_tf("RecallAtK", "several", m.recall_at_k, 4, keywords={"class_id": 3}, k=4, class_id=3)
    by_tf("PrecisionAtTopK", "top", m.precision_at_top_k)
    by_tf("RecallAtTopK", "top", m.recall_at_top_k)
    by_tf("RecallAtTopK", "top", m.recall_at_top_k, keywords={"class_id": 3}, class_id=3)


def confusion():
    everything = range(6)  # class 5 is nowhere
    by_tf("MeanIoU", "classes", m.mean_iou, 6, classes=6)
    by_keras("MeanIoU", "classes", lambda: keras.MeanIoU(num_classes=6), classes=6)
    by_tf("MeanPerClassAccuracy", "classes", m.mean_per_class_accuracy, 6, classes=6)
    by_sk("BalancedAccuracy", "classes", sk.balanced_accuracy_score, classes=6)
    by_sk("ConfusionMatrix", "classes", lambda y, p, sample_weight: sk.confusion_matrix(
        y, p, labels=everything, sample_weight=sample_weight), "confusion_matrix", classes=6)
    for metric, function in (("PrecisionPerClass", sk.precision_score), ("RecallPerClass", sk.recall_score)):
        by_sk(metric, "classes", lambda y, p, sample_weight: function(
            y, p, labels=everything, average=None, zero_division=0, sample_weight=sample_weight), function.__name__, classes=6)
    by_sk("IoUPerClass", "classes", lambda y, p, sample_weight: sk.jaccard_score(
        y, p, labels=everything, average=None, zero_division=0, sample_weight=sample_weight), "jaccard_score", classes=6)
    for beta in (0.5, 1):
        f = lambda y, p, average, sample_weight: sk.fbeta_score(
            y, p, beta=beta, labels=everything, average=average, zero_division=0, sample_weight=sample_weight)
        by_sk("FBetaPerClass", "classes", lambda y, p, sample_weight: f(y, p, None, sample_weight), "fbeta_score", classes=6, beta=beta)
        for average in ("macro", "weighted"):
            by_sk("ClassFBeta", "classes", lambda y, p, sample_weight: f(y, p, average, sample_weight), "fbeta_score",
                  classes=6, beta=beta, average=average)


for group in (means_and_errors, moments, probability, decisions, thresholds, operating_points, rankings, confusion):
    group()


def tensor(x):
    return {"dtype": str(x.dtype), "shape": list(x.shape), "values": x.ravel().tolist()}


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.json"), "w") as f:
    f.write('{"data": {\n')
    f.write(",\n".join(json.dumps(of) + ": " + json.dumps({k: tensor(x) for k, x in d.items()}) for of, d in data.items()))
    f.write('\n}, "cases": [\n')
    f.write(",\n".join(json.dumps(c) for c in cases))
    f.write("\n]}\n")
