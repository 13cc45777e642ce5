"""Sizes, grids, pixels and texts of images in slices: `python make_images.py` writes images.json beside itself.

Reference: transformers' MiniCPMV4_6ImageProcessor (torchvision), whose law is that of MiniCPM-V 2.6 to 4.5 on coarser
sides: with patches of 7 pixels and "4x" sides are multiples of 14. The grid of 2.6 to 4.5, which those versions' own code
finds in another order, is written down here from its description, and must be the same at every size.
"""
import base64
import json
import math
from pathlib import Path

import numpy as np
import torch
import torchvision
import transformers
from PIL import Image
from transformers.models.minicpmv4_6.processing_minicpmv4_6 import MiniCPMV4_6Processor
from transformers.vision_utils import get_vision_nearest_position_ids
from transformers.models.minicpmv4_6.image_processing_minicpmv4_6 import MiniCPMV4_6ImageProcessor

HERE = Path(__file__).parent
MODES = {14: (7, "4x"), 28: (14, "4x"), 56: (14, "16x")}


def processor(multiple, **options):
    patch, mode = MODES[multiple]
    return MiniCPMV4_6ImageProcessor(patch_size=patch, downsample_mode=mode, **options)


def described_grid(width, height, most, scale):
    """Columns ascending, numbers of slices ascending, the first of the nearest."""
    wanted = min(math.ceil(width * height / (scale * scale)), most)
    if wanted <= 1:
        return [0, 0]
    grids = [(m, n // m) for n in (wanted - 1, wanted, wanted + 1) if 1 < n <= most for m in range(1, n + 1) if n % m == 0]
    columns, rows = min(grids, key=lambda grid: abs(math.log(width / height) - math.log(grid[0] / grid[1])))
    return [rows, columns]


def sizes_of(width, height, most, multiple, scale=448):
    own = processor(multiple)
    patch, mode = MODES[multiple]
    grid = own.get_sliced_grid((height, width), most, scale)
    assert (grid or [0, 0]) == described_grid(width, height, most, scale), (width, height, most)
    views = [list(own.find_best_resize((height, width), scale, patch, mode, allow_upscale=grid is None))]
    if grid:
        whole = own.get_refine_size((height, width), grid, scale, patch, mode, allow_upscale=True)
        views.append([whole[0] // grid[0], whole[1] // grid[1]])
    return {"size": [width, height], "maxSlices": most, "sideMultiple": multiple, "grid": grid or [0, 0], "views": views}


def make_sizes():
    random = np.random.default_rng(20)
    special = [(1, 1), (1, 200), (199, 1), (2, 2), (448, 448), (449, 448), (448, 449), (1920, 1080), (12000, 60), (7, 1400),
               (3000, 4000), (896, 896), (13, 13), (6000, 6000), (1, 2), (640, 480), (632, 1264), (5, 999), (8000, 40), (1344, 448)]
    sizes = []
    for i in range(200):
        base = int(2 ** random.uniform(0, 12.5))
        width, height = special[i // 10] if i % 10 == 3 else (max(1, int(base * 2 ** random.uniform(-3, 3))), base)
        sizes.append(sizes_of(width, height, [9, 9, 4, 9, 2, 9, 1, 12][i % 8], [14, 28, 56][i % 3]))
    return sizes


def make_ties():
    """Images exactly between two grids of n slices: w : h = m1 · m2 : n."""
    ties = {}
    for n in range(2, 17):
        factors = [m for m in range(1, n + 1) if n % m == 0]
        for first, second in zip(factors, factors[1:]):
            side = math.isqrt(448 * 448 * n // (first * second * n)) - 1
            width, height = first * second * side, n * side
            if max(width, height) <= 200 * min(width, height):
                ties[n, first] = sizes_of(width, height, n, 14)
    return list(ties.values())


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x * 5 + y) % 256, (y * 7) % 256, (x * y) % 256], -1).astype(np.uint8)


def make_pictures():
    pictures = []
    for width, height, most, multiple, scale in [(60, 40, 9, 14, 28), (20, 90, 4, 14, 28), (9, 13, 9, 14, 28), (1, 1, 9, 14, 28), (90, 60, 2, 28, 56), (300, 120, 3, 56, 56)]:
        patch, mode = MODES[multiple]
        out = processor(multiple, max_slice_nums=most, scale_resolution=scale)([Image.fromarray(picture(width, height))], return_tensors="np")
        entry = sizes_of(width, height, most, multiple, scale)
        rows = out["pixel_values"][0].reshape(3, patch, -1, patch)
        values, at = [], 0
        for r, c in out["target_sizes"]:
            view = rows[:, :, at:at + r * c].reshape(3, patch, r, c, patch).transpose(2, 1, 3, 4, 0)   # rows, y, columns, x, channel
            values.append(np.rint((view.reshape(r * patch, c * patch, 3) + 1) * 127.5).astype(np.uint8))
            at += r * c
        assert len(values) == 1 + entry["grid"][0] * entry["grid"][1] and [list(v.shape[:2]) for v in values[:2]] == entry["views"]
        pictures.append(dict(entry, scaleResolution=scale, values=[base64.b64encode(v.tobytes()).decode() for v in values]))
    return pictures


def make_texts():
    """What stands for the third image of a prompt; four tokens a view."""
    joint = MiniCPMV4_6Processor.__new__(MiniCPMV4_6Processor)
    joint.slice_mode, joint.image_token = True, "<unk>"
    joint.image_start_token, joint.image_end_token, joint.slice_start_token, joint.slice_end_token = "<image>", "</image>", "<slice>", "</slice>"
    joint.image_id_start_token, joint.image_id_end_token = "<image_id>", "</image_id>"
    texts = []
    for grid in [(0, 0), (1, 2), (3, 2), (2, 1)]:
        count = 1 + grid[0] * grid[1]
        inputs = dict(grids=[grid], num_patches_per_image=[count], target_sizes=torch.full((count, 2), 8))
        text = joint.replace_image_token(inputs, 0, image_token_divisor=16)
        texts.append({"grid": grid, "text": joint._prepend_local_ids(["<unk> <unk> <unk>"], [text] * 3, "<unk>")[2]})
    return texts


def check_places():
    """Places along one side are the whole part of side · i / length, as minicpmv.test.ts expects; at 27 float32 moves some."""
    for side in (5, 16, 32, 70):
        for length in range(1, 201):
            found = get_vision_nearest_position_ids(torch.tensor([[1, length]]), side).tolist()
            assert found == [side * i // length for i in range(length)], (side, length)


check_places()
versions = {"transformers": transformers.__version__, "torchvision": torchvision.__version__}
golden = {"madeBy": versions, "sizes": make_sizes(), "ties": make_ties(), "pictures": make_pictures(), "texts": make_texts()}
(HERE / "images.json").write_text(json.dumps(golden) + "\n")
