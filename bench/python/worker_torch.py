"""PyTorch's worker: worker_torch.py eager|compile; compile also has a fused optimizer.
BENCH_THREADS is the number of threads."""

import sys

import torch
from torch import nn
from torch.nn import functional as F

import common

COMPILE = "compile" in sys.argv
torch.set_num_threads(common.THREADS)
torch.manual_seed(0)


class Characters(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(common.VOCABULARY, common.DIM)
        self.lstm = nn.LSTM(common.DIM, common.UNITS, batch_first=True)
        self.out = nn.Linear(common.UNITS, common.VOCABULARY)

    def forward(self, x):
        return self.out(self.lstm(self.embedding(x))[0]).flatten(0, 1)


def model(w):
    if w == "W4":
        return nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                             nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))
    if w == "W6":
        return Characters()
    sizes, modules = common.LAYERS[w], []
    for i in range(1, len(sizes)):
        modules += [nn.Linear(sizes[i - 1], sizes[i]), nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def train(w):
    x, y = common.rows(w)
    if w == "W4":
        x = x.transpose(0, 3, 1, 2).copy()
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    batch, _ = common.BATCHES[w]
    m = model(w)
    optimizer = (torch.optim.SGD if w == "W3" else torch.optim.Adam)(m.parameters(), lr=.001, **({"fused": True} if COMPILE else {}))

    def loss(x, y):
        p = m(x)
        if p.shape[-1] == 1:
            return F.binary_cross_entropy_with_logits(p[:, 0], y)
        return F.cross_entropy(p, y.flatten())

    if COMPILE:
        loss = torch.compile(loss)

    def feed():
        while True:
            order = torch.randperm(len(x))
            for i in range(0, len(x) - batch + 1, batch):
                index = order[i:i + batch]
                yield x[index], y[index]

    batches = feed()

    def run(n):
        for _ in range(n):
            bx, by = next(batches)
            optimizer.zero_grad()
            loss(bx, by).backward()
            optimizer.step()
    return run


def predict(w):
    x, m = torch.from_numpy(common.row(w)), model(w).eval()
    activation = torch.sigmoid if common.LAYERS[w][-1] == 1 else lambda z: torch.softmax(z, 1)

    def f(x):
        return activation(m(x))

    if COMPILE:
        f = torch.compile(f)

    def call():
        with torch.inference_mode():
            return f(x).numpy()
    return call


if __name__ == "__main__":
    common.main(f"PyTorch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads", train, predict)
