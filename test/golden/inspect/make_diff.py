"""Two versions of a small checkpoint and how far NumPy says that every tensor moved, for test/inspect-diff.test.ts. Writes
diff-a.safetensors, diff-b.safetensors and diff.json.

    python make_diff.py
"""

import json
import platform
from pathlib import Path

import numpy
import safetensors.torch
import torch

HERE = Path(__file__).parent
LORA_RANK = 5


def versions() -> tuple[dict, dict]:
    generator = torch.Generator().manual_seed(11)
    normal = lambda *shape: torch.randn(*shape, generator=generator) * 0.02  # noqa: E731
    base, other = normal(96, 128), normal(96, 128)
    lora = normal(96, LORA_RANK) @ normal(LORA_RANK, 128) * 10
    vector, broken = normal(128), normal(64, 64)
    broken[3, 5] = float("nan")
    mended = broken.clone()
    mended[3, 5] = 0.5
    rows = base.clone()
    rows[7] += 0.1
    a = {
        "equal.bfloat16": base.bfloat16(),
        "lora.float32": base,
        "lora.bfloat16": base.bfloat16(),
        "full.float32": base,
        "full.float16": base.half(),
        "one_row.float32": base,
        "retyped": base,
        "vector.float32": vector,
        "mended.float32": broken,
        "from_zero.float32": torch.zeros(16, 16),
    }
    b = {
        "equal.bfloat16": base.bfloat16(),
        "lora.float32": base + lora,
        "lora.bfloat16": (base + lora).bfloat16(),
        "full.float32": base + other * 0.1,
        "full.float16": (base + other * 0.1).half(),
        "one_row.float32": rows,
        "retyped": base.bfloat16(),
        "vector.float32": vector * 1.01,
        "mended.float32": mended,
        "from_zero.float32": normal(16, 16),
    }
    return a, b


def change(a: torch.Tensor, b: torch.Tensor) -> dict:
    x, y = a.double().numpy(), b.double().numpy()
    finite = numpy.isfinite(x) & numpy.isfinite(y)
    d = numpy.where(finite, y - x, 0)
    norms = [numpy.linalg.norm(numpy.where(finite, v, 0)) for v in (x, y)]
    return {
        "relative": float(numpy.linalg.norm(d) / max(norms)),
        "maxAbs": float(numpy.abs(d).max()),
        "numChanged": int((d != 0).sum() + (~finite & ~(numpy.isnan(x) & numpy.isnan(y))).sum()),
        "rank": int(numpy.linalg.matrix_rank(d, tol=1e-6)) if d.ndim == 2 else None,
    }


def main() -> None:
    a, b = versions()
    safetensors.torch.save_file({k: v.contiguous().clone() for k, v in a.items()}, HERE / "diff-a.safetensors")
    safetensors.torch.save_file({k: v.contiguous().clone() for k, v in b.items()}, HERE / "diff-b.safetensors")
    golden = {
        "made_by": {
            "command": "python make_diff.py",
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": numpy.__version__,
        },
        "lora_rank": LORA_RANK,
        "changes": {name: change(a[name], b[name]) for name in a},
    }
    (HERE / "diff.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
