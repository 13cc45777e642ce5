"""Fitting of images in paddleocr_vl: `python make_images.py` writes images.json beside itself.

grids: sizes of 200 images by transformers' smart_resize of this class, strips and single pixels among them. pictures: what its
image processor makes of four small ones (rows as uint8 of 0..255 before normalisation, base64, in merge order).
"""
import base64
import json
from pathlib import Path

import numpy as np
import torchvision
import transformers
from PIL import Image
from transformers.models.paddleocr_vl.image_processing_paddleocr_vl import PaddleOCRVLImageProcessor, smart_resize

HERE = Path(__file__).parent
random = np.random.default_rng(7)
budgets = [(384 * 384, 1536 * 1536), (4 * 28 * 28, 64 * 28 * 28), (147384, 2822400)]
grids = []
for i in range(200):
    low, high = budgets[i % 3]
    base = int(2 ** random.uniform(0, 12))
    height, width = base, max(1, int(base * 2 ** random.uniform(-4, 4)))
    if i % 5 == 0:
        height, width = 14 * (1 + i // 5), 14 * (81 - i // 5)   # ties of rounding
    if i % 7 == 2:
        height, width = 1 + i % 27, 1 + (i * 13) % 61   # a side shorter than a block, or both
    if i == 0:
        height, width = 1, 1
    try:
        h, w = smart_resize(height, width, 28, low, high)
    except ValueError:
        continue
    grids.append({"size": [width, height], "minPixels": low, "maxPixels": high, "fitted": [w, h]})


def frame(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x * 5 + y) % 256, (y * 7) % 256, (x * y) % 256], -1).astype(np.uint8)


processor = PaddleOCRVLImageProcessor(min_pixels=28 * 28, max_pixels=84 * 84)
pictures = []
for width, height in [(75, 50), (200, 120), (1, 1), (60, 10)]:
    out = processor(images=[Image.fromarray(frame(width, height))], return_tensors="np")
    _, h, w = grid = out["image_grid_thw"][0].tolist()
    rows = np.asarray(out["pixel_values"]).reshape(h // 2, 2, w // 2, 2, 3, -1).transpose(0, 2, 1, 3, 4, 5).reshape(h * w, 3, -1)
    mean, std = (np.array(v).reshape(1, 3, 1) for v in (processor.image_mean, processor.image_std))
    codes = np.rint((rows * std + mean) * 255).clip(0, 255).astype(np.uint8)
    pictures.append({"size": [width, height], "grid": grid, "rows": base64.b64encode(codes.tobytes()).decode()})
versions = {"transformers": transformers.__version__, "torchvision": torchvision.__version__}
(HERE / "images.json").write_text(json.dumps({"madeBy": versions, "grids": grids, "pictures": pictures}) + "\n")
