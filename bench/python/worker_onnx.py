"""ONNX Runtime's worker: predicts with a multi-layer perceptron of random weights, on one
thread."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import common


def weights(w):
    r, sizes = np.random.default_rng(0), common.LAYERS[w]
    return [((r.standard_normal((m, n)) * .05).astype(np.float32), np.zeros(n, np.float32)) for m, n in zip(sizes, sizes[1:])]


def model(w, layers):
    nodes, values, h = [], [], "x"
    for i, (kernel, bias) in enumerate(layers):
        values += [numpy_helper.from_array(kernel, f"w{i}"), numpy_helper.from_array(bias, f"b{i}")]
        nodes.append(helper.make_node("Gemm", [h, f"w{i}", f"b{i}"], [f"z{i}"]))
        h = f"z{i}"
        if i < len(layers) - 1:
            nodes.append(helper.make_node("Relu", [h], [f"a{i}"]))
            h = f"a{i}"
    sizes = common.LAYERS[w]
    nodes.append(helper.make_node("Sigmoid" if sizes[-1] == 1 else "Softmax", [h], ["p"]))
    graph = helper.make_graph(nodes, "mlp", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", sizes[0]])],
                              [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["N", sizes[-1]])], values)
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    m.ir_version = 8
    onnx.checker.check_model(m)
    return m.SerializeToString()


def reference(layers, x):
    for i, (kernel, bias) in enumerate(layers):
        x = x @ kernel + bias
        if i < len(layers) - 1:
            x = np.maximum(x, 0)
    if x.shape[1] == 1:
        return 1 / (1 + np.exp(-x))
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def predict(w):
    x, layers = common.row(w), weights(w)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    s = onnxruntime.InferenceSession(model(w, layers), options, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(s.run(None, {"x": x})[0], reference(layers, x), atol=1e-5)
    return lambda: s.run(None, {"x": x})


if __name__ == "__main__":
    common.main(f"ONNX Runtime {onnxruntime.__version__}, ONNX {onnx.__version__}, 1 thread", predict=predict)
