"""From a composed scene to the picture that a model is given: light, blur, grain, JPEG, and the frame of a picture that is not square.

A frame is (left, top, width, height) of the content in the square, as the product fits a picture (fit.fit_box); outside it is the
grey that is 0 after normalisation. Without a frame a record may have the narrow bands of the first recipe.
"""
import io
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from fit import fit_box
from scenes import SIZE

FRAMED = .4                            # share of pictures that are not square
RATIO = .75                            # natural logarithm of the longest side ratio: 2.1 to 1
COARSE = .25                           # of the JPEG pictures: compressed at twice the size and scaled down


def random_frame(rng):
    """A frame of any side ratio, or None for a square."""
    if rng.random() > FRAMED:
        return None
    ratio = float(np.exp(rng.uniform(-RATIO, RATIO))) if rng.random() < .7 else [2 / 3, 3 / 2, 3 / 4, 4 / 3, 9 / 16, 16 / 9][int(rng.integers(6))]
    return fit_box(ratio, 1)


def squeezed(plan, frame, rng):
    """A shop window's record laid out in a frame: places by its sides, sizes by its shorter one."""
    left, top, w, h = frame
    short = min(w, h) / SIZE
    scale = short ** .5 if len(plan["items"]) == 1 else min(1, short * 1.12)
    place = lambda v, at, side, room: float(np.clip(at + v * side / SIZE, at + min(room, side / 2), at + side - min(room, side / 2)))
    moved = lambda thing, half: {**thing, "x": place(thing["x"], left, w, half), "y": place(thing["y"], top, h, half)}
    items = [moved({**i, "size": i["size"] * scale}, i["size"] * scale * .46) for i in plan["items"]]
    tag = plan["tag"] and moved(plan["tag"], 8)
    if tag and len(items) == 1:                              # as far from the tag as the frame allows
        item, half = items[0], items[0]["size"] * .46
        across = w > h * 1.2
        axis, at, side, edge = ("x", left, w, 30) if across else ("y", top, h, 9)
        near = rng.random() < .5
        tag[axis] = at + edge if near else at + side - edge
        item[axis] = max(at + side - half, at + side / 2) if near else min(at + half, at + side / 2)
    return {**plan, "items": items, "tag": tag, "frame": frame, "band": 0}


def light(picture, rng):
    """Exposure, a slanted light and its direction, per scene."""
    b = len(picture)
    draw = lambda lo, hi: torch.from_numpy(rng.uniform(lo, hi, (b, 1, 1, 1)).astype(np.float32))
    ramp = torch.linspace(-1, 1, picture.shape[-1])
    field = draw(.88, 1.07) * (1 + draw(-.08, .08) * ramp + draw(-.08, .08) * ramp[:, None])
    return (picture * field).clamp_(0, 1)


def degrade(picture, rng, share=.3):
    """Blur, sensor noise, each on a share of the scenes."""
    b = len(picture)
    pick = lambda p: torch.from_numpy(np.flatnonzero(rng.random(b) < p))
    n = pick(share)
    weight = torch.from_numpy(rng.uniform(0, .8, (len(n), 1, 1, 1)).astype(np.float32))
    picture[n] = torch.lerp(picture[n], F.avg_pool2d(F.pad(picture[n], (1, 1, 1, 1), mode="replicate"), 3, 1), weight)
    n = pick(share)
    picture[n] += torch.randn(len(n), 3, SIZE, SIZE) * torch.from_numpy(rng.uniform(0, .03, (len(n), 1, 1, 1)).astype(np.float32))
    return picture.clamp_(0, 1)


def frame_of(plan):
    """(left, top, width, height) of a record's content."""
    if plan.get("frame"):
        return plan["frame"]
    band = abs(plan["band"])
    wide = plan["band"] > 0
    return (0, band, SIZE, SIZE - 2 * band) if wide else (band, 0, SIZE - 2 * band, SIZE)


def jpeg(picture, plans, rng, share=.4):
    """JPEG of quality 20 to 95 on a share of the pictures, inside their frames; some at twice the size, as screenshots are."""
    for n in np.flatnonzero(rng.random(len(plans)) < share):
        left, top, w, h = frame_of(plans[n])
        view = picture[n, :, top:top + h, left:left + w]
        image = Image.fromarray((view * 255).round().byte().permute(1, 2, 0).numpy())
        if rng.random() < COARSE:
            image = image.resize((2 * w, 2 * h), Image.Resampling.BICUBIC)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(rng.integers(20, 96)))
        image = Image.open(buffer).resize((w, h), Image.Resampling.BICUBIC)
        view.copy_(torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).float() / 255)
    return picture


def letterbox(picture, plans):
    """The grey that fitting a picture into the square leaves around it."""
    for n, plan in enumerate(plans):
        left, top, w, h = frame_of(plan)
        if (w, h) != (SIZE, SIZE):
            inside = picture[n, :, top:top + h, left:left + w].clone()
            picture[n] = .5
            picture[n, :, top:top + h, left:left + w] = inside
    return picture


def illegible(drawing, rng):
    """Letters [3, h, w] (uint8) that cannot be read: seen through a coarse grid, or smeared."""
    _, h, w = drawing.shape
    part = int(rng.integers(4, 7))
    small = F.adaptive_avg_pool2d(drawing.float(), (max(2, h // part), max(3, w // (part + 1))))
    return F.interpolate(small[None], (h, w), mode="nearest" if rng.random() < .4 else "bilinear")[0].round().byte()
