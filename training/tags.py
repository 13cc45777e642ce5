"""Letters: the fonts, text with known digit places, and price tags drawn with Pillow."""
import functools
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

ROOT = "/usr/share/fonts"
LATIN = [f"{ROOT}/truetype/{name}.ttf" for name in (
    "dejavu/DejaVuSans", "dejavu/DejaVuSans-Bold", "dejavu/DejaVuSansCondensed-Bold", "dejavu/DejaVuSerif-Bold", "dejavu/DejaVuSansMono-Bold",
    "liberation/LiberationSans-Regular", "liberation/LiberationSans-Bold", "liberation/LiberationSerif-Bold",
    "roboto/unhinted/RobotoTTF/Roboto-Regular", "roboto/unhinted/RobotoTTF/Roboto-Bold", "roboto/unhinted/RobotoTTF/Roboto-Medium")]
CHINESE = f"{ROOT}/opentype/noto/NotoSansCJK-Regular.ttc"


@functools.lru_cache(512)
def font_of(path, size):
    return ImageFont.truetype(path, size)


@functools.lru_cache(512)
def digit_font(index, height):
    """The Latin font `index` at the size whose digits are `height` pixels tall, and its advance widths."""
    path = LATIN[index % len(LATIN)]
    box = font_of(path, 100).getbbox("8")
    font = font_of(path, max(6, round(100 * height / (box[3] - box[1]))))
    return font, {c: font.getlength(c) for c in "0123456789¥$#-E "}


def draw_code(draw, text, x, y, font, widths, fill):
    """Write `text` with its digits' vertical middle at y, from x on; returns [(digit, x, y)] of the digits' centres."""
    _, top, _, bottom = font.getbbox("8")
    draw.text((x, y - (top + bottom) / 2), text, fill=fill, font=font)
    centres = []
    for c in text:
        width = widths.get(c) or font.getlength(c)
        if c.isdigit():
            centres.append((int(c), x + width / 2, y))
        x += width
    return centres


STYLES = [((255, 255, 255), (20, 20, 20)), ((250, 226, 70), (20, 20, 20)), ((212, 30, 40), (255, 255, 255)),
          ((30, 34, 44), (250, 250, 250)), ((255, 255, 255), (200, 20, 30)), ((28, 120, 60), (255, 255, 255))]


def drawn(tag, scale):
    """(picture at `scale` pixels per scene pixel, digit centres in those pixels)."""
    font, widths = digit_font(tag["font"], round(tag["height"] * scale))
    text = f"{tag['currency']}{tag['value']}"
    ground, ink = STYLES[tag["style"]]
    pad = round(4 * scale)
    w = max(1, round((sum(widths[c] for c in text) + 2 * pad) / scale)) * scale
    h = max(1, round(tag["height"] + 6)) * scale
    image = Image.new("RGB", (round(w), round(h)), ground)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, round(w) - 1, round(h) - 1), outline=tuple(c // 2 + 40 for c in ground), width=round(scale))
    return image, draw_code(draw, text, pad, h / 2, font, widths, ink)


def finished(tag, scale=2):
    """(tag, drawing): the tag as uint8 [3, h, w] in scene pixels and its digits' centres, relative to its own corner."""
    image, centres = drawn(tag, scale)
    small = image.resize((image.width // scale, image.height // scale), Image.Resampling.BOX)
    return tag, (torch.from_numpy(np.asarray(small).transpose(2, 0, 1).copy()), [(d, x / scale, y / scale) for d, x, y in centres])


def paste_tag(picture, owner, tag, drawing, frame=(0, 0, 112, 112)):
    """Lay a drawn tag on a scene around its place in the frame (both changed in place); returns its digits' centres."""
    pixels, centres = drawing
    _, h, w = pixels.shape
    left = int(np.clip(round(tag["x"] - w / 2), frame[0] + 1, frame[0] + frame[2] - 1 - w))
    top = int(np.clip(round(tag["y"] - h / 2), frame[1] + 1, frame[1] + frame[3] - 1 - h))
    picture[:, top:top + h, left:left + w] = pixels.float() / 255
    owner[top:top + h, left:left + w] = -1
    return [(d, left + x, top + y) for d, x, y in centres]
