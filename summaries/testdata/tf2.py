"""Writes tf2.tfevents: values as TensorFlow 2 writes them, for TestReadTensorFlow2.

Run it with the Python that tools/python/setup.sh makes, in this directory:

    python tf2.py
"""

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.plugins.scalar.metadata import create_summary_metadata as scalar
from tensorboard.plugins.text.metadata import create_summary_metadata as text
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_tensor_proto


def events():
    yield Event(file_version="brain.Event:2")
    e = Event(step=1)
    e.summary.value.add(tag="loss", tensor=make_tensor_proto(0.5, dtype="float32"), metadata=scalar("loss", ""))
    yield e
    e = Event(step=2)  # without the metadata, and packed in another way
    e.summary.value.add(tag="loss", tensor=TensorProto(dtype=1, float_val=[0.25]))
    e.summary.value.add(tag="wide", tensor=make_tensor_proto(0.1, dtype="float64"))
    yield e
    e = Event(step=3)
    e.summary.value.add(tag="vector", tensor=make_tensor_proto([1.0, 2.0], dtype="float32"))
    e.summary.value.add(tag="note", tensor=make_tensor_proto("hello"), metadata=text("note", ""))
    e.summary.value.add(tag="picture").image.width = 1
    yield e


if __name__ == "__main__":
    with open("tf2.tfevents", "wb") as f:
        writer = RecordWriter(f)
        for event in events():
            event.wall_time = 946684800.0
            writer.write(event.SerializeToString(deterministic=True))
        writer.flush()
