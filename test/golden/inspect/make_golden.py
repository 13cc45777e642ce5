"""Statistics of tensors by NumPy and PyTorch, for test/inspect-statistics.test.ts, and the names, dtypes and shapes that
the Python safetensors library reads, in a file of our own writer too (ours/). Writes values.safetensors (every
dtype, with NaN, infinities, dead rows and a loud channel) and golden.json.

    npx tsx write_ours.ts && python make_golden.py
"""

import json
import platform
from pathlib import Path

import numpy
import safetensors
import safetensors.torch
import torch

HERE = Path(__file__).parent
CLIP = HERE.parent / "clip/gelu/model.safetensors"
SHARES = [0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999]


def make_values() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    normal = torch.randn(48, 160, generator=generator) * 0.02
    loud = normal.clone()
    loud[:, 33] *= 30
    loud[:, 100] *= 7
    broken = normal.clone()
    broken[3, 5] = float("nan")
    broken[4, 6] = float("inf")
    broken[4, 7] = -float("inf")
    dead = normal.clone()
    dead[10:13] = 0
    dead[20, :80] = 0
    tensors = {"normal": normal, "loud": loud, "broken": broken, "dead": dead, "vector": normal[0].clone()}
    values = {}
    for dtype in [torch.float32, torch.float16, torch.bfloat16]:
        for name, tensor in tensors.items():
            values[f"{name}.{str(dtype).removeprefix('torch.')}"] = tensor.to(dtype).contiguous()
    values["small.float8_e4m3"] = (normal * 20).to(torch.float8_e4m3fn)
    values["small.float8_e5m2"] = (normal * 20).to(torch.float8_e5m2)
    values["small.float64"] = normal.double()
    values["whole.int8"] = torch.randint(-128, 128, (7, 9), generator=generator, dtype=torch.int8)
    values["whole.int64"] = torch.randint(-4, 100, (30,), generator=generator, dtype=torch.int64)
    values["kernel.bfloat16"] = (torch.randn(6, 3, 4, 5, generator=generator)).bfloat16()
    values["scalar.float32"] = torch.tensor(2.5)
    values["empty.float32"] = torch.zeros(0, 4)
    return values


def statistics(tensor: torch.Tensor) -> dict:
    x = tensor.double().numpy()
    flat = x.reshape(-1)
    finite = flat[numpy.isfinite(flat)]
    result = {
        "numElements": int(flat.size),
        "numZeros": int((flat == 0).sum()),
        "numNaN": int(numpy.isnan(flat).sum()),
        "numInfinite": int(numpy.isinf(flat).sum()),
    }
    if finite.size:
        result |= {
            "min": float(finite.min()),
            "max": float(finite.max()),
            "mean": float(finite.mean()),
            "std": float(finite.std()),
            "rms": float(numpy.sqrt((finite**2).mean())),
            "quantiles": [float(q) for q in numpy.quantile(finite, SHARES, method="inverted_cdf")],
        }
    if x.ndim >= 2 and x.size:
        rows = x.reshape(x.shape[0], -1)
        squares = (numpy.where(numpy.isfinite(rows), rows, 0) ** 2).sum(0)
        median = numpy.sort(squares)[squares.size // 2]
        ratios = numpy.sqrt(squares / median)
        loud = [int(i) for i in numpy.argsort(-ratios) if ratios[i] > 4]
        result["numDead"] = int((rows == 0).all(1).sum())
        result["outliers"] = [{"channel": i, "ratio": float(ratios[i])} for i in loud]
    return result


def listing(path: Path) -> list:
    with safetensors.safe_open(path, framework="pt") as file:
        slices = [(name, file.get_slice(name)) for name in sorted(file.keys())]
        return [[name, piece.get_dtype(), list(piece.get_shape())] for name, piece in slices]


def main() -> None:
    values = make_values()
    safetensors.torch.save_file(values, HERE / "values.safetensors")
    golden = {
        "made_by": {
            "command": "python make_golden.py",
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": numpy.__version__,
            "safetensors": safetensors.__version__,
        },
        "values": {name: statistics(tensor) for name, tensor in values.items()},
        "listing": {
            "inspect/values": listing(HERE / "values.safetensors"),
            "inspect/ours/model": listing(HERE / "ours/model.safetensors"),
            "clip/gelu/model": listing(CLIP),
        },
    }
    (HERE / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
