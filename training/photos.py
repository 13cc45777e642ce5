"""The product photos: Fashion-MNIST (Zalando, MIT) as Debian's package `dataset-fashion-mnist` installs it.

Three splits that never share a photo: `train` and `val` are cut from the 60,000 training photos by a fixed
seed; `test` is the 10,000 test photos and is read by make_eval.py only, never by train.py.
"""
import gzip
import os
import numpy as np

FOLDER = os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist")
NUM_VAL = 3000
SPLIT_SEED = 20


def read_idx(path):
    """One IDX file (magic, sizes, bytes) as a numpy array."""
    with gzip.open(path, "rb") as file:
        data = file.read()
    rank = data[3]
    shape = np.frombuffer(data, ">u4", rank, 4).astype(int)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load(split):
    """(photos uint8 [n, 28, 28], labels int64 [n]) of `train`, `val` or `test`."""
    name = "t10k" if split == "test" else "train"
    photos = read_idx(f"{FOLDER}/{name}-images-idx3-ubyte.gz")
    labels = read_idx(f"{FOLDER}/{name}-labels-idx1-ubyte.gz").astype(np.int64)
    if split == "test":
        return photos, labels
    order = np.random.default_rng(SPLIT_SEED).permutation(len(photos))
    chosen = order[:NUM_VAL] if split == "val" else order[NUM_VAL:]
    return photos[chosen], labels[chosen]
