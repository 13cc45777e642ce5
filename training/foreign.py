"""Pictures that are neither shop windows nor dialog boxes: photographs, drawings, pages of text; also grounds for the scenes.

For training: Debian's `gnome-backgrounds`, `mate-backgrounds`, `plasma-workspace-wallpapers` (CC BY-SA, GPL-2+), `gcompris-qt-data` (CC BY-SA,
CC BY, CC0, GPL-3+), `tuxpaint-stamps-default` (GPL-2+) and `fonts-noto-color-emoji` (OFL). For evaluation only: the sample pictures of
scikit-image and scikit-learn that may be passed on (public domain, CC0, BSD; china.jpg by danielbuechele and flower.jpg by vultilion
CC BY 2.0). Garments and shoes are left out of both: whether those are foreign is a matter of opinion.
PICTURES names another root than / to look under (packages unpacked with dpkg -x).
"""
import functools
import glob
import io
import os
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tags import CHINESE, LATIN, font_of

ROOT = os.environ.get("PICTURES", "/")
SIDE = 200                             # kept pictures: longer side, pixels
EMOJI = "usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
EMOJI_RANGES = [(0x1F300, 0x1F321), (0x1F330, 0x1F37F), (0x1F400, 0x1F440), (0x1F4B0, 0x1F4F8), (0x1F600, 0x1F645), (0x1F680, 0x1F6A0), (0x1F950, 0x1F970), (0x1F980, 0x1F9C0)]
UNLICENSED = ("chessboard", "motorcycle", "page", "moon", "color")    # test pictures that name no licence, or show nothing
EVERY = 3                              # one emoji in so many: drawings shall not outnumber photographs


def find(pattern):
    return sorted(glob.glob(os.path.join(ROOT, pattern), recursive=True))


def kept(image):
    """RGB or RGBA, longer side SIDE at most."""
    image = image.convert("RGBA" if image.mode in ("RGBA", "LA", "P") else "RGB")
    image.thumbnail((SIDE, SIDE))
    return image


def files():
    """Paths of photographs and drawings: of a wallpaper kept in many sizes, one."""
    wallpapers = [glob.glob(folder + "/*.*")[0] for folder in find("usr/share/wallpapers/*/contents/images")]
    found = [f for f in find("usr/share/backgrounds/**/*.*") + wallpapers if f.endswith((".jpg", ".png", ".webp", ".jpeg"))]
    return found + [f for f in find("usr/share/tuxpaint/stamps/**/*.png") if "clothes" not in f]


def inside_archives():
    """The WebP pictures of GCompris's resource files, which hold them as they are."""
    for path in find("usr/share/gcompris-qt/rcc/*.rcc"):
        with open(path, "rb") as file:
            data = file.read()
        at = data.find(b"RIFF")
        while at >= 0:
            if data[at + 8:at + 12] == b"WEBP":
                image = Image.open(io.BytesIO(data[at:at + 8 + int.from_bytes(data[at + 4:at + 8], "little")]))
                if min(image.size) >= 120:
                    yield image
            at = data.find(b"RIFF", at + 4)


def emoji():
    path = os.path.join(ROOT, EMOJI)
    font = ImageFont.truetype(path, 109) if os.path.exists(path) else None
    for code in (c for a, b in EMOJI_RANGES for c in range(a, b, EVERY)) if font else ():
        image = Image.new("RGBA", (136, 128), (0, 0, 0, 0))
        ImageDraw.Draw(image).text((0, 0), chr(code), font=font, embedded_color=True)
        yield image


def load(path="work/pictures.npz"):
    """All training pictures, shrunk; made once and kept beside the other work."""
    if not os.path.exists(path):
        images = [kept(Image.open(f)) for f in files()] + [kept(i) for i in inside_archives()] + list(emoji())
        np.savez(path, **{f"{n}": np.asarray(i) for n, i in enumerate(images)})
    with np.load(path) as data:
        return [Image.fromarray(data[name]) for name in data.files]


def test_pictures():
    """[(name, picture)] of scikit-image and scikit-learn, in colour or grey; never shown in training."""
    import skimage
    import sklearn
    folders = [os.path.join(os.path.dirname(skimage.__file__), "data"), os.path.join(os.path.dirname(sklearn.__file__), "datasets", "images")]
    names = [f for folder in folders for f in sorted(glob.glob(folder + "/*.*")) if f.endswith((".png", ".jpg")) and not any(n in f for n in UNLICENSED)]
    return [(os.path.basename(f), kept(Image.open(f).convert("RGB"))) for f in names]


def ground_colour(rng):
    return tuple(int(v) for v in (rng.integers(150, 256, 3) if rng.random() < .7 else rng.integers(0, 256, 3)))


def over(image, rng):
    """A cut-out on some ground, with some room around it."""
    if image.mode == "RGB":
        return image
    room = rng.uniform(1, 1.6)
    w, h = (max(8, int(side * room)) for side in image.size)
    ground = Image.new("RGB", (w, h), ground_colour(rng))
    ground.paste(image, (int((w - image.width) * rng.random()), int((h - image.height) * rng.random())), image)
    return ground


def cropped(image, rng, ratio=None):
    """A part of any size and side ratio."""
    w, h = image.size
    part = rng.uniform(.45, 1)
    ratio = ratio or (w / h if rng.random() < .4 else float(np.exp(rng.uniform(-.7, .7))))
    width, height = min(w, h * ratio) * part, min(h, w / ratio) * part
    x, y = rng.uniform(0, w - width), rng.uniform(0, h - height)
    return image.crop((int(x), int(y), max(int(x) + 8, int(x + width)), max(int(y) + 8, int(y + height))))


def page(rng, side=160):
    """Text, bars or boxes on paper: a document, a chart, a web page."""
    w, h = (int(v) for v in rng.integers(90, side + 1, 2))
    image = Image.new("RGB", (w, h), ground_colour(rng))
    draw, ink = ImageDraw.Draw(image), tuple(int(v) for v in rng.integers(0, 130, 3))
    style, y, size = rng.integers(3), 4, int(rng.integers(6, 15))
    font = font_of(CHINESE if rng.random() < .3 else LATIN[int(rng.integers(len(LATIN)))], size)
    letters = "的一是在不了有和人这中大" if font.path == CHINESE else "etaoinshrdlu  cmfw"
    if style == 1:
        for x in range(8, w - 8, int(rng.integers(8, 22))):
            draw.rectangle((x, int(rng.uniform(10, h - 12)), x + 6, h - 8), fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
    while y < h - size and style != 1:
        if style == 2 and rng.random() < .3:
            draw.rectangle((4, y, int(rng.uniform(20, w - 4)), y + 3 * size), fill=tuple(int(v) for v in rng.integers(60, 256, 3)))
            y += 3 * size
        draw.text((5, y), "".join(letters[int(n)] for n in rng.integers(len(letters), size=int(rng.uniform(.3, 1) * w / size * 1.6))), fill=ink, font=font)
        y += int(size * rng.uniform(1.2, 1.9))
    return image


class Foreign:
    """Draws foreign pictures and photographic grounds from the kept ones."""

    def __init__(self, pictures):
        self.pictures = pictures
        self.photographs = [p for p in pictures if p.mode == "RGB"]

    def picture(self, rng):
        draw = rng.random()
        if draw < .15:
            return page(rng)
        several = self.photographs if draw < .65 else self.pictures
        image = over(several[int(rng.integers(len(several)))], rng)
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < .5 else image
        return cropped(image, rng) if rng.random() < .8 else image

    def ground(self, rng, side):
        return cropped(self.photographs[int(rng.integers(len(self.photographs)))], rng, 1.).resize((side, side), Image.Resampling.BILINEAR)


@functools.lru_cache(1)
def training_pictures(path):
    return Foreign(load(path))


if __name__ == "__main__":
    print(len(load()), "pictures")
