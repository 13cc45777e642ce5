"""Picture fitting of qwen3_vl: `python make_images.py` writes images.json: sizes and grids of 200 pictures by transformers'
smart_resize, and the pixels that its image processor makes of three small pictures (rows as uint8 of 0..255, base64)."""
import base64
import json
from pathlib import Path

import numpy as np
import torchvision
import transformers
from PIL import Image
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor, smart_resize

random = np.random.default_rng(5)
budgets = [(256 * 256, 4096 * 4096), (32 * 32, 512 * 512)]
grids = []
for i in range(200):
    low, high = budgets[i % 2]
    base = int(2 ** random.uniform(3.5, 12))
    height, width = base, max(1, int(base * 2 ** random.uniform(-4, 4)))
    if i % 5 == 0:
        height, width = 16 * (1 + i // 5), 16 * (81 - i // 5)   # halves of a block: the ties of rounding
    h, w = smart_resize(height, width, 32, low, high)
    grids.append({"size": [width, height], "minPixels": low, "maxPixels": high, "fitted": [w, h]})

processor = Qwen2VLImageProcessor(patch_size=16, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 32 * 32, "longest_edge": 96 * 96},
                                  image_mean=[.5] * 3, image_std=[.5] * 3)
pictures = []
for width, height in [(75, 50), (200, 120), (50, 33)]:   # the last: Pillow 13 would resize its rows first
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([(x * 5 + y) % 256, (y * 7) % 256, (x * y) % 256], -1).astype(np.uint8)
    out = processor(images=[Image.fromarray(rgb)], return_tensors="np")
    rows = np.rint((out["pixel_values"] + 1) * 127.5).astype(np.uint8)
    pictures.append({"size": [width, height], "grid": out["image_grid_thw"][0].tolist(), "rows": base64.b64encode(rows.tobytes()).decode()})
versions = {"transformers": transformers.__version__, "torchvision": torchvision.__version__, "processor": type(processor).__name__}
Path(__file__).with_name("images.json").write_text(json.dumps({"madeBy": versions, "grids": grids, "pictures": pictures}) + "\n")
