"""Which frames of a video are shown: `python make_sampling.py` writes sampling.json: what `sample_frames` of transformers'
Qwen3VLVideoProcessor and Qwen2VLVideoProcessor chooses of 300 videos, under the fields of 10 configs.
"""
import json
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import Qwen2VLVideoProcessor, Qwen3VLVideoProcessor
from transformers.video_utils import VideoMetadata

HERE = Path(__file__).parent
CONFIGS = [{}, {"fps": 2}, {"fps": 1, "max_frames": 32}, {"fps": 4, "min_frames": 8}, {"num_frames": 16, "fps": None}]
CLASSES = {"Qwen3VLVideoProcessor": Qwen3VLVideoProcessor, "Qwen2VLVideoProcessor": Qwen2VLVideoProcessor}
RATES = [24, 25, 30, 50, 60, 24000 / 1001, 30000 / 1001, 12.5, 0.5]

random = np.random.default_rng(7)
cases = []
for i in range(300):
    name, config = list(CLASSES)[i % 2], CONFIGS[(i // 2) % len(CONFIGS)]
    total, fps = int(2 ** random.uniform(1, 15)), RATES[int(random.integers(len(RATES)))]
    if "num_frames" in config:
        total = max(total, 16)
    given = {"num_frames": None, "fps": 2, **config}   # qwen-vl-utils' rate, where neither config nor class has one
    processor = CLASSES[name](**given)
    metadata = VideoMetadata(total_num_frames=total, fps=fps)
    indices = processor.sample_frames(metadata, num_frames=given["num_frames"], fps=given["fps"]).tolist()
    metadata.frames_indices = indices
    cases.append({"class": name, "config": config, "frames": total, "fps": fps, "indices": indices, "sampledFps": metadata.sampled_fps})

# Indices rise: their differences, in runs, are short.
for case in cases:
    steps, runs = np.diff(case.pop("indices"), prepend=0).tolist(), []
    for step in steps:
        if runs and runs[-1][0] == step:
            runs[-1][1] += 1
        else:
            runs.append([step, 1])
    case["runs"] = runs
versions = {"transformers": transformers.__version__, "torch": torch.__version__, "numpy": np.__version__}
(HERE / "sampling.json").write_text(json.dumps({"madeBy": versions, "cases": cases}, separators=(",", ":")) + "\n")
print(len(cases), max(sum(n for _, n in c["runs"]) for c in cases))
