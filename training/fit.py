"""Any picture to the model's input: over white, longer side to 112 (bicubic, antialiased), centred, padding 0 after normalisation."""
import numpy as np
import torch
from PIL import Image

SIZE = 112


def to_rgb(image):
    """RGB; what is transparent shows white."""
    if image.mode in ("RGBA", "LA", "P"):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def fit_box(width, height):
    """left, top, width, height of the content in the square; halves round up, the odd pixel of padding goes right or below."""
    scale = SIZE / max(width, height)
    w, h = (max(1, int(side * scale + .5)) for side in (width, height))
    return (SIZE - w) // 2, (SIZE - h) // 2, w, h


def fit_picture(image):
    """(uint8 [112, 112, 3] with grey 128 as stand-in for the padding, content box)."""
    image = to_rgb(image)
    left, top, w, h = fit_box(*image.size)
    canvas = np.full((SIZE, SIZE, 3), 128, np.uint8)
    canvas[top:top + h, left:left + w] = np.asarray(image.resize((w, h), Image.Resampling.BICUBIC))
    return canvas, (left, top, w, h)


def pixel_values(image):
    """float32 [64, 588]: rows are patches in raster order, columns channel, y, x."""
    canvas, (left, top, w, h) = fit_picture(image)
    x = torch.zeros(SIZE, SIZE, 3)
    inside = torch.from_numpy(canvas[top:top + h, left:left + w].copy()).float()
    x[top:top + h, left:left + w] = (inside / 255 - .5) / .5
    return x.view(8, 14, 8, 14, 3).permute(0, 2, 4, 1, 3).reshape(64, 588)
