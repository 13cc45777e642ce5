"""Golden numbers of compensating rounding: `python make_golden.py` writes fixture.safetensors and made-by.json beside itself.

GPTQ as its paper writes it (Frantar et al. 2022, algorithm 1, in its lazy-free form): H of the inputs, damped by 1 % of the mean of
its diagonal; the upper Cholesky factor of H⁻¹; columns from left to right, each error spread over those behind it. Scales are
searched when a block begins, by weighted least squares over the same candidates as src/core/quantize/scale-search.ts. Behind it one
sweep of coordinate descent over the codes (Behdin et al. 2023). Plain numpy in float64.

"targeted": the weights are first moved to what gives, of the inputs x, nearest to what they gave of other inputs x' and r more
(Li et al. 2025, in closed form): w + (w·C + D)·(H + ridge)⁻¹ with C = Σ (x' − x)·xᵀ, D = Σ r·xᵀ.
"""
import json
import platform
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

HERE = Path(__file__).parent
ROWS, COLUMNS, INPUTS, BLOCK, DAMPING = 24, 160, 400, 32, 0.01
EXTREMES = [-9, -8.5, -8.25, -8, -7.75, -7.5, -7.25, -7, 7]
RANGES = [15, 15.75, 16.5, 17.5, 18.75, 20]


def scale_of(block, weights, zero_points):
    low, high = min(0, block.min()), max(0, block.max())
    extreme = high if high > -low else low
    zero = int(np.floor(-low / (high - low) * 15 + 0.5)) if zero_points else 8
    inverses = [r / (high - low) for r in RANGES] if zero_points else [e / extreme for e in EXTREMES]
    best, scale = 0, 0
    for inverse in inverses:
        codes = np.clip(np.rint(block * inverse), -zero, 15 - zero)
        dot, squares = (weights * codes * block).sum(), (weights * codes * codes).sum()
        if squares > 0 and dot * dot / squares > best:
            best, scale = dot * dot / squares, dot / squares
    return float(np.float32(scale)), zero


def gptq(weights, gram, zero_points):
    work = weights.astype(np.float64)
    damped = gram + DAMPING * np.mean(np.diag(gram)) * np.eye(COLUMNS)
    factor = np.linalg.cholesky(np.linalg.inv(damped)).T
    codes, scales, zeros = np.zeros_like(work), np.zeros_like(work), np.zeros_like(work)
    for column in range(COLUMNS):
        if column % BLOCK == 0:
            ends = slice(column, column + BLOCK)
            chosen = [scale_of(row[ends], np.diag(gram)[ends], zero_points) for row in work]
        scales[:, column], zeros[:, column] = np.array(chosen).T
        codes[:, column] = nearest(work[:, column], scales[:, column], zeros[:, column])
        error = (work[:, column] - codes[:, column] * scales[:, column]) / factor[column, column]
        work[:, column:] -= np.outer(error, factor[column, column:])
    return refined(weights.astype(np.float64), damped, codes, scales, zeros).astype(np.float32)


def nearest(values, scales, zeros):
    return np.clip(np.floor(values / scales + 0.5), -zeros, 15 - zeros)


def refined(weights, damped, codes, scales, zeros):
    """One sweep of coordinate descent over the codes."""
    for column in range(COLUMNS):
        gradient = (weights - codes * scales) @ damped[:, column]
        best = codes[:, column] * scales[:, column] + gradient / damped[column, column]
        codes[:, column] = nearest(best, scales[:, column], zeros[:, column])
    return codes * scales


random = np.random.default_rng(11)
causes = random.normal(size=(INPUTS, 10)) @ random.normal(size=(10, COLUMNS))
inputs = causes + 0.5 * random.normal(size=(INPUTS, COLUMNS)) * np.exp(random.normal(size=COLUMNS))
gram = inputs.T @ inputs
weights = random.normal(size=(ROWS, COLUMNS)).astype(np.float32)
before = inputs + 0.3 * random.normal(size=inputs.shape) + 0.1 * np.roll(inputs, 1, axis=1)
owed = inputs @ random.normal(size=(COLUMNS, ROWS)) * 0.02 + 0.1 * random.normal(size=(INPUTS, ROWS))
cross, more = (before - inputs).T @ inputs, (owed.T @ inputs).astype(np.float32)
inverse = np.linalg.inv(gram + DAMPING * np.mean(np.diag(gram)) * np.eye(COLUMNS))
moved = weights + (weights.astype(np.float64) @ cross + more) @ inverse
tensors = {"weights": weights, "gram": gram, "symmetric": gptq(weights, gram, False), "zero_points": gptq(weights, gram, True)}
tensors |= {"cross": cross, "more": more, "targeted": gptq(moved, gram, True)}
save_file(tensors, HERE / "fixture.safetensors")
versions = {"command": "python make_golden.py", "python": platform.python_version(), "numpy": np.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=2) + "\n")
for file in HERE.iterdir():
    file.chmod(0o644)
