"""Writes golden.safetensors with Python's safetensors: python golden.py"""

import numpy as np
from safetensors.numpy import save_file

save_file(
    {
        "dense/kernel": np.arange(6, dtype=np.float32).reshape(2, 3) / 4,
        "dense/bias": np.array([-1.5, 2.5, 1e300], dtype=np.float64),
        "global_step": np.array(1234567890123, dtype=np.int64),
        "ids": np.array([[-2], [7]], dtype=np.int32),
        "pixels": np.array([0, 255, 3], dtype=np.uint8),
        "mask": np.array([True, False, True, True, False]),
        "empty": np.zeros((0, 3), dtype=np.float32),
        "Gewichte/größe \"q\"": np.array([0.5], dtype=np.float32),
    },
    "golden.safetensors",
    metadata={"format": "np", "note": "zwei\nZeilen: ü"},
)
