"""Video fitting of qwen3_vl: `python make_video.py` writes video.json: sizes of 100 videos by transformers' video smart_resize,
and what its processor makes of five small ones: ids with times, grids, and every 5th pixel value (as 0..255, base64).

The prompt is given with a bare <|video_pad|>: the processor of transformers 4.57, with which the models were published,
replaces <|vision_start|><|video_pad|><|vision_end|> as one; the one of transformers 5 would leave the outer pair standing.
"""
import base64
import json
from pathlib import Path

import numpy as np
import tokenizers
import torch
import torchvision
import transformers
from transformers import PreTrainedTokenizerFast, Qwen3VLProcessor, Qwen3VLVideoProcessor
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor
from transformers.models.qwen3_vl.video_processing_qwen3_vl import smart_resize

HERE = Path(__file__).parent
STRIDE = 5   # prime to the 1536 values of a row, so that every column is seen

random = np.random.default_rng(6)
budgets = [(128 * 32 * 32, 768 * 32 * 32), (4096, 25165824)]
grids = []
for i in range(100):
    low, high = budgets[i % 2]
    frames, base = int(random.integers(2, 40)), int(2 ** random.uniform(3, 11))
    height, width = base, max(1, int(base * 2 ** random.uniform(-3, 3)))
    if i % 5 == 0:
        height, width, frames = 16 * (1 + i // 5), 16 * (41 - i // 5), 2 + i // 5   # ties of rounding, in space and time
    h, w = smart_resize(frames, height, width, 2, 32, low, high)
    grids.append({"frames": frames, "size": [width, height], "minPixels": low, "maxPixels": high, "fitted": [w, h]})

data = json.loads((HERE / "../../../src/core/tokenizer/fixtures/byte-level.json").read_text())["tokenizer"]
data["added_tokens"].append({**data["added_tokens"][0], "id": 428, "content": "<|video_pad|>"})
tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizers.Tokenizer.from_str(json.dumps(data)))


def frame(width, height, n):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x * 5 + y + 40 * n) % 256, (y * 7 + 11 * n) % 256, (x * y + 90 * n) % 256], -1).astype(np.uint8)


CASES = [
    # frame indices, their rate, size, budget, cap
    ([0, 1, 2, 3], 2, (75, 50), (4096, 25165824), False),
    ([0, 1, 2], 1, (64, 80), (4096, 25165824), False),          # odd: the last frame stands twice
    ([0, 7, 19, 30, 31], 24, (33, 40), (4096, 25165824), False),
    ([0, 1], 0.5, (20, 12), (8192, 786432), False),             # smaller than a block, and under the budget
    ([0, 1, 2, 3, 4, 5], 30, (200, 120), (1024, 6 * 4096), True),
]


def make_case(indices, fps, size, budget, cap):
    processor = Qwen3VLProcessor(Qwen2VLImageProcessor(patch_size=16), tokenizer, Qwen3VLVideoProcessor(
        size={"shortest_edge": budget[0], "longest_edge": budget[1]}, cap_pixels_per_frame=cap, return_metadata=True))
    frames = torch.from_numpy(np.stack([frame(*size, n) for n in range(len(indices))])).permute(0, 3, 1, 2)
    metadata = {"fps": fps, "frames_indices": list(indices), "total_num_frames": indices[-1] + 1}
    out = processor(text=["<|im_start|>user\nSee: <|video_pad|>What?<|im_end|>\n"], videos=[frames], return_tensors="np",
                    videos_kwargs=dict(video_metadata=[metadata], do_sample_frames=False, return_metadata=True))
    values = np.rint((out["pixel_values_videos"] + 1) * 127.5).clip(0, 255).astype(np.uint8)
    return {"timestamps": [i / fps for i in indices], "fps": fps, "isEven": indices == list(range(len(indices))), "size": size,
            "minPixels": budget[0], "maxPixels": budget[1], "capped": cap, "grid": out["video_grid_thw"][0].tolist(),
            "ids": out["input_ids"][0].tolist(), "values": base64.b64encode(values.reshape(-1)[::STRIDE].tobytes()).decode()}


versions = {"transformers": transformers.__version__, "torchvision": torchvision.__version__, "tokenizers": tokenizers.__version__}
videos = [make_case(*case) for case in CASES]
(HERE / "video.json").write_text(json.dumps({"madeBy": versions, "stride": STRIDE, "grids": grids, "videos": videos}) + "\n")
for v in videos:
    print(v["grid"], tokenizer.decode(v["ids"])[:300].replace("<|video_pad|>", "."))
