"""Fitting of images and videos in qwen2_vl and qwen2_5_vl: `python make_images.py` writes images.json beside itself.

grids: sizes of 200 images by transformers' smart_resize, strips and single pixels among them. pictures: what its image
processor makes of three small ones (rows as uint8 of 0..255 before normalisation, base64). frames: sizes of 100 videos,
with and without a cap. steps: sums of T in long videos. videos: ids, grids, seconds a pair and every 5th value of three small ones, by Qwen2_5_VLProcessor.
"""
import base64
import json
from pathlib import Path

import numpy as np
import tokenizers
import torch
import torchvision
import transformers
from PIL import Image
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLModel, Qwen2_5_VLProcessor, Qwen2VLVideoProcessor
from transformers.image_utils import SizeDict
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor, smart_resize
from transformers.video_processing_utils import BaseVideoProcessor

HERE = Path(__file__).parent
STRIDE = 5
random = np.random.default_rng(7)
budgets = [(56 * 56, 12845056), (4 * 28 * 28, 64 * 28 * 28), (3136, 28 * 28 * 1280)]
grids = []
for i in range(200):
    low, high = budgets[i % 3]
    base = int(2 ** random.uniform(0, 12))
    height, width = base, max(1, int(base * 2 ** random.uniform(-4, 4)))
    if i % 5 == 0:
        height, width = 14 * (1 + i // 5), 14 * (81 - i // 5)   # ties of rounding
    if i % 25 == 1:
        height, width = (1 + i // 25, 200 * (1 + i // 25)) if i % 2 else (199 * (1 + i // 50), 1 + i // 50)   # strips
    if i == 0:
        height, width = 1, 1
    h, w = smart_resize(height, width, 28, low, high)
    grids.append({"size": [width, height], "minPixels": low, "maxPixels": high, "fitted": [w, h]})


def frame(width, height, n=0):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x * 5 + y + 40 * n) % 256, (y * 7 + 11 * n) % 256, (x * y + 90 * n) % 256], -1).astype(np.uint8)


def plain(values, processor):
    """0..255 before normalisation."""
    mean, std = (np.array(v).reshape(1, 3, 1) for v in (processor.image_mean, processor.image_std))
    rows = np.asarray(values).reshape(len(values), 3, -1)
    return np.rint((rows * std + mean) * 255).clip(0, 255).astype(np.uint8).reshape(-1)


processor = Qwen2VLImageProcessor(min_pixels=28 * 28, max_pixels=84 * 84)
pictures = []
for width, height in [(75, 50), (200, 120), (1, 1)]:
    out = processor(images=[Image.fromarray(frame(width, height))], return_tensors="np")
    pictures.append({"size": [width, height], "grid": out["image_grid_thw"][0].tolist(), "rows": base64.b64encode(plain(out["pixel_values"], processor).tobytes()).decode()})

class Sized(Exception):
    """Thrown where a video would be resized, with the size."""


def resize_to(self, image, size, resample):
    raise Sized(size.width, size.height)


frames, resize = [], BaseVideoProcessor.resize
BaseVideoProcessor.resize = resize_to
for i in range(100):
    least, most = budgets[i % 3]
    count, base = int(random.integers(2, 60)), int(2 ** random.uniform(3, 10))
    height, width = base, max(1, int(base * 2 ** random.uniform(-3, 3)))
    cap = [None, 128000, 512][i % 3] if i % 2 else None
    video = Qwen2VLVideoProcessor(size={"shortest_edge": least, "longest_edge": most}, **({"max_video_tokens": cap} if cap else {}))
    try:
        video.resize(torch.empty(1, count, 3, height, width), SizeDict(shortest_edge=least, longest_edge=most), None, 28, 2, cap_pixels_per_frame=cap is not None)
    except Sized as sized:
        frames.append({"frames": count, "size": [width, height], "minPixels": least, "maxPixels": most, "maxTokens": cap, "fitted": list(sized.args)})
BaseVideoProcessor.resize = resize

data = json.loads((HERE / "../../../src/core/tokenizer/fixtures/byte-level.json").read_text())["tokenizer"]
data["added_tokens"].append({**data["added_tokens"][0], "id": 428, "content": "<|video_pad|>"})
tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizers.Tokenizer.from_str(json.dumps(data)))


def make_video(count, fps, size, budget):
    joint = Qwen2_5_VLProcessor(processor, tokenizer, Qwen2VLVideoProcessor(size={"shortest_edge": budget[0], "longest_edge": budget[1]}))
    clip = torch.from_numpy(np.stack([frame(*size, n) for n in range(count)])).permute(0, 3, 1, 2)
    metadata = {"fps": fps, "frames_indices": list(range(count)), "total_num_frames": count}
    out = joint(text=["<|im_start|>user\nSee: <|vision_start|><|video_pad|><|vision_end|>What?<|im_end|>\n"], videos=[clip], return_tensors="np",
                videos_kwargs=dict(video_metadata=[metadata], do_sample_frames=False, return_metadata=True))
    return {"frames": count, "fps": fps, "size": size, "minPixels": budget[0], "maxPixels": budget[1], "grid": out["video_grid_thw"][0].tolist(),
            "seconds": float(out["second_per_grid_ts"][0]), "ids": out["input_ids"][0].tolist(),
            "values": base64.b64encode(plain(out["pixel_values_videos"], processor)[::STRIDE].tobytes()).decode()}


videos = [make_video(4, 2, (75, 50), (3136, 12845056)), make_video(3, 24, (64, 80), (784, 784 * 4)), make_video(2, 0.5, (20, 12), (3136, 12845056))]
# T of each pair of long videos at rates whose steps come close to whole numbers: their sums
steps = []
for fps in [0.3, 0.7, 1, 1.7, 2, 3, 5, 7.5, 11, 12.5, 23.976, 24, 25, 29.97, 30, 50, 59.94, 60, 120]:
    for per_second in [2, 3, 4, 25]:
        interval = per_second * torch.tensor([2 / fps])[0]
        times = Qwen2_5_VLModel.get_vision_position_ids(None, 0, torch.tensor([384, 2, 2]), 1, 2, interval)[0]
        steps.append({"fps": fps, "perSecond": per_second, "sum": int(times.sum()), "last": int(times[-1])})

versions = {"transformers": transformers.__version__, "torchvision": torchvision.__version__, "tokenizers": tokenizers.__version__}
(HERE / "images.json").write_text(json.dumps({"madeBy": versions, "stride": STRIDE, "grids": grids, "pictures": pictures, "frames": frames, "videos": videos, "steps": steps}) + "\n")
