"""Writes golden.tfevents, the file that TestGolden compares with ours byte by byte.

Run it with the Python that tools/python/setup.sh makes, in this directory:

    python golden.py

The messages and the framing are TensorBoard's own. The histogram is counted as
TensorFlow counts (tensorflow/core/lib/histogram/histogram.cc), in plain Python; but the
empty buckets at both ends, which TensorFlow writes, are left out: TensorBoard's data
server does not remove them.
"""

import bisect
import sys

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.summary_pb2 import HistogramProto
from tensorboard.summary.writer.record_writer import RecordWriter

WALL_TIME = 946684800.0  # 2000-01-01, where the clock of testing/synctest starts

VALUES = [-3.0, -1e-13, 0.0, 1e-12, 0.5, 0.5, 0.51, 2.0, -1e30, 1e15]


def default_limits():
    positive, v = [], 1e-12
    while v < 1e20:
        positive.append(v)
        v *= 1.1
    positive.append(sys.float_info.max)
    return [-x for x in reversed(positive)] + [0.0] + positive


def histogram(values):
    limits = default_limits()
    counts = [0.0] * len(limits)
    for x in values:
        counts[bisect.bisect_right(limits, x)] += 1
    h = HistogramProto(min=min(values), max=max(values), num=len(values), sum=0, sum_squares=0)
    for x in values:
        h.sum += x
        h.sum_squares += x * x
    i = 0
    while i < len(limits):
        end, count = limits[i], counts[i]
        i += 1
        if count <= 0:
            while i < len(limits) and counts[i] <= 0:
                end, count = limits[i], counts[i]
                i += 1
        h.bucket_limit.append(end)
        h.bucket.append(count)
    while h.bucket and h.bucket[0] == 0:
        del h.bucket[0], h.bucket_limit[0]
    while h.bucket and h.bucket[-1] == 0:
        del h.bucket[-1], h.bucket_limit[-1]
    return h


def graph():
    g = GraphDef()
    x = g.node.add(name="x", op="Placeholder")
    x.attr["dtype"].type = 1
    shape = x.attr["_output_shapes"].list.shape.add()
    shape.dim.add(size=-1)
    shape.dim.add(size=4)
    w = g.node.add(name="dense/kernel", op="VariableV2")
    w.attr["dtype"].type = 1
    shape = w.attr["_output_shapes"].list.shape.add()
    shape.dim.add(size=4)
    shape.dim.add(size=2)
    y = g.node.add(name="dense/MatMul", op="MatMul", input=["x", "dense/kernel"])
    y.attr["dtype"].type = 1
    shape = y.attr["_output_shapes"].list.shape.add()
    shape.dim.add(size=-1)
    shape.dim.add(size=2)
    return g.SerializeToString(deterministic=True)


def events():
    yield Event(file_version="brain.Event:2")
    yield Event(graph_def=graph())
    yield Event(step=1, session_log=SessionLog(status=SessionLog.START))
    e = Event(step=2)
    e.summary.value.add(tag="loss", simple_value=0.25)
    yield e
    e = Event(step=3)
    e.summary.value.add(tag="accuracy", simple_value=0.0)
    e.summary.value.add(tag="loss", simple_value=0.125)
    yield e
    e = Event(step=300)
    e.summary.value.add(tag="dense/kernel", histo=histogram(VALUES))
    yield e
    yield Event(
        step=301,
        session_log=SessionLog(status=SessionLog.CHECKPOINT, checkpoint_path="model.ckpt-301", msg="saved"),
    )


if __name__ == "__main__":
    with open("golden.tfevents", "wb") as f:
        writer = RecordWriter(f)
        for event in events():
            event.wall_time = WALL_TIME
            writer.write(event.SerializeToString(deterministic=True))
        writer.flush()
