"""What torch.optim.AdamW makes of a matrix, which decays, and a bias, which does not, with clipped gradients: `python make_golden.py`
writes adamw.json beside itself, with the versions.
"""
import json
import platform
from pathlib import Path

import torch

torch.manual_seed(5)
CLIP, DECAY, RATES = 1.0, 0.1, [0.05, 0.1, 0.07, 0.02]
matrix, bias = [torch.nn.Parameter(torch.randn(n)) for n in (6, 3)]
start = [p.tolist() for p in (matrix, bias)]
optimizer = torch.optim.AdamW([{"params": [matrix], "weight_decay": DECAY}, {"params": [bias], "weight_decay": 0.0}], lr=0.0)
gradients, after = [], []
for step, rate in enumerate(RATES):
    for group in optimizer.param_groups:
        group["lr"] = rate
    for p in (matrix, bias):
        p.grad = torch.randn_like(p) * (0.2 if step % 2 else 2)
    gradients.append([p.grad.tolist() for p in (matrix, bias)])
    torch.nn.utils.clip_grad_norm_([matrix, bias], CLIP)
    optimizer.step()
    after.append([p.tolist() for p in (matrix, bias)])
found = {"command": "python make_golden.py", "python": platform.python_version(), "torch": torch.__version__.split("+")[0],
         "weightDecay": DECAY, "clip": CLIP, "learningRates": RATES, "start": start, "gradients": gradients, "after": after}
(Path(__file__).parent / "adamw.json").write_text(json.dumps(found) + "\n")
