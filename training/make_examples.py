"""The example pictures: scenes of test photos drawn large, as a shop or a help desk would send them, and a few that are neither.

`python training/make_examples.py` writes examples/pictures/: the pictures, labels.json (what `ocellus demo` asks) and LICENCES.md.
The photos are chosen by how they look, before any model has seen them, never by how a model does on them; the questions are drawn by
seed, half of them in forms of the grammar that training never uses. Photos have 28 pixels: their outlines are drawn sharp here.
"""
import json
import os
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter
import asking
import camera
import dialogs
import photos
import scenes
import tags
import talk

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
FOLDER = os.path.join(ROOT, "examples", "pictures")
CLASS = {name: n for n, name in enumerate(scenes.CLASSES)}
ONE = (56, 56, 78, "middle")
FINE = 16                              # a photo's pixel becomes so many squared
FOREIGN = [("astronaut.jpg", "astronaut.png", "A photo of an astronaut, which the model does not know", "NASA, public domain"),
           ("cat.jpg", "chelsea.png", "A photo of a cat, which the model does not know", "Stéfan van der Walt, CC0"),
           ("coffee.jpg", "coffee.png", "A photo of a cup of coffee, which the model does not know", "Rachel Michetti, CC0")]


class SharpBank:
    """Photos by number, as scenes.PhotoBank has them, but enlarged: smooth outlines, and a shade that does not darken towards them."""

    def __init__(self, bank):
        self.labels, self.bank = bank.labels, bank

    def __len__(self):
        return len(self.bank)

    @property
    def planes(self):
        return self

    def __getitem__(self, numbers):
        alpha, shade = (self.bank.planes[numbers].float() / 255).split(1, 1)
        core = -F.max_pool2d(-F.pad(alpha, (1, 1, 1, 1)), 3, 1)             # without the outermost pixels, which are half shadow
        near = F.avg_pool2d(core, 5, 1, 2)
        shade = torch.where((core > .5) | (near == 0), shade, F.avg_pool2d(shade * core, 5, 1, 2) / near.clamp(min=1e-3))
        large = lambda x: F.interpolate(x, scale_factor=FINE, mode="bicubic", align_corners=False)
        outline = large(alpha)
        for _ in range(2):
            outline = F.avg_pool2d(outline, FINE + 5, 1, (FINE + 4) // 2)
        sharp = ((outline - .5) * FINE * .7 + .5).clamp(0, 1)
        return torch.cat([sharp, large(shade).clamp(0, 1)], 1) * 255


def placed(bank, name, colour, pattern, spot, photo, turn=0., flip=False, lean=0.):
    """An item of a wanted class, colour and pattern; `photo` counts the test photos of the class."""
    x, y, size, place = spot
    ids = np.flatnonzero(bank.labels.numpy() == CLASS[name])
    return {"photo": int(ids[photo]), "class": CLASS[name], "colour": scenes.COLOURS.index(colour), "pattern": scenes.PATTERNS.index(pattern), "x": float(x), "y": float(y),
            "size": float(size), "place": place, "turn": turn, "flip": flip, "period": 9.5 if size < 60 else 12., "lean": lean}


def shop(items, tag=None, ground=0):
    return {"type": "shop", "items": items, "tag": tag, "band": 0, "ground": ground}


def draw_large(plan, bank, rng, width, height):
    """The scene on a square of the longer side, cut to size: the same code as for training, on a larger canvas."""
    side = max(width, height)
    factor, usual = side / 112, scenes.SIZE
    scenes.SIZE = side
    large = {**plan, "items": [{**i, **{k: i[k] * factor for k in ("x", "y", "size", "period")}} for i in plan["items"]]}
    picture, _ = scenes.compose([large], bank, rng)
    picture = camera.light(picture, rng)[0]
    scenes.SIZE = usual
    image = Image.fromarray((picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())
    if plan["tag"]:
        tag = plan["tag"]
        drawn, _ = tags.drawn(tag, factor)
        image.paste(drawn, (round(tag["x"] * factor - drawn.width / 2), round(tag["y"] * factor - drawn.height / 2)))
    return image.crop(((side - width) // 2, (side - height) // 2, (side + width) // 2, (side + height) // 2))


def screen(plan, size, photographed):
    """A dialog on a screen: as it is, or as a phone would photograph it: a slight turn, uneven light, noise."""
    width, height = size
    scale, tall = width / 112, round(112 * height / width)
    rng = np.random.default_rng(plan["seed"])
    layer, _, _ = dialogs.draw_dialog(plan, scale=round(scale), height=tall)
    layer = layer.resize(size, Image.Resampling.LANCZOS)
    ramp = np.linspace(0, 1, width)[None, :, None] * np.array([40, 30, 20]) + np.array([70, 100, 140])
    ground = Image.fromarray(np.broadcast_to(ramp, (height, width, 3)).astype(np.uint8))
    ground.paste(layer, (0, 0), layer)
    if not photographed:
        return ground
    turned = ground.rotate(float(rng.uniform(-1.5, 1.5)), Image.Resampling.BICUBIC, fillcolor=(80, 100, 130)).filter(ImageFilter.GaussianBlur(.8))
    shade = np.linspace(.92, 1.03, height)[:, None, None]
    return Image.fromarray((np.asarray(turned) * shade + rng.normal(0, 3, (height, width, 3))).clip(0, 255).astype(np.uint8))


def tag_of(value, currency, x, y, style=1, font=1, height=15.0):
    return {"currency": currency, "value": value, "font": font, "style": style, "height": height, "x": x, "y": y}


def dialog_of(kind, code, seed):
    return {"type": "dialog", "kind": kind, "code": code, "items": [], "tag": None, "band": 0, "ground": 0, "seed": seed}


def gallery(bank):
    """(file, title, plan, image) of every example; a plan of two pictures has a file for each."""
    rng = np.random.default_rng(99)
    put = lambda *a, **k: placed(bank, *a, **k)
    draw = lambda plan, *size: draw_large(plan, SharpBank(bank), rng, *size)
    left, right = (29, 56, 52, "left"), (83, 56, 52, "right")
    a, b, c, d = ((29, 29, 52, "top left"), (83, 29, 52, "top right"), (29, 83, 52, "bottom left"), (83, 83, 52, "bottom right"))
    shops = [
        ("dress.jpg", "A red dotted dress", shop([put("dress", "red", "dotted", ONE, 18, turn=-4.)]), 448, 336),
        ("shirt.png", "A blue striped shirt", shop([put("shirt", "blue", "striped", (56, 56, 90, "middle"), 42, turn=3.)], ground=1), 336, 336),
        ("boots.jpg", "An ankle boot with a price tag", shop([put("ankle boot", "brown", "plain", (56, 42, 72, None), 17, turn=-5.)], tag_of(239, "$", 58, 98)), 480, 480),
        ("pair.jpg", "A sneaker and a bag", shop([put("sneaker", "green", "plain", left, 3, turn=4.), put("bag", "purple", "checked", right, 8)], ground=1), 448, 336),
        ("window.png", "Four things in a shop window", shop([put("coat", "black", "plain", a, 0), put("trousers", "orange", "plain", b, 11),
                                                             put("sandal", "pink", "plain", c, 16), put("t-shirt", "white", "striped", d, 6)]), 448, 448),
        ("sale.jpg", "A pullover with a price in yuan", shop([put("pullover", "yellow", "plain", (56, 68, 76, None), 7, turn=4.)], tag_of(85, "¥", 50, 13, 2, 6)), 560, 560),
        ("coat.jpg", "A tall picture of a purple coat", shop([put("coat", "purple", "plain", (56, 56, 80, "middle"), 14)], ground=1), 400, 600)]
    for file, title, plan, width, height in shops:
        yield file, title, plan, draw(plan, width, height)
    for file, title, kind, code, seed, size, photographed in (
            ("screen-error.jpg", "A photographed error dialog", "error", "404", 12, (640, 480), True), ("screen-done.jpg", "A photographed success dialog", "success", "218", 31, (640, 480), True),
            ("screen-warning.png", "A screenshot of a warning", "warning", "507", 5, (672, 448), False)):
        plan = dialog_of(kind, code, seed)
        yield file, title, plan, screen(plan, size, photographed)
    bags = [shop([put("bag", colour, "plain", (56, 42, 72, None), photo)], tag_of(value, "$", 56, 98, style)) for colour, photo, value, style in (("cyan", 9, 49, 0), ("red", 10, 49, 3))]
    yield ("bag-cyan.jpg", "bag-red.jpg"), "Two pictures of bags", bags, [draw(plan, 420, 420) for plan in bags]


def foreign_pictures():
    import skimage
    for file, source, title, _ in FOREIGN:
        image = Image.open(os.path.join(os.path.dirname(skimage.__file__), "data", source)).convert("RGB")
        image.thumbnail((480, 480), Image.Resampling.LANCZOS)
        yield file, title, {"type": "foreign"}, image


SHOP = {"describe": talk.ask_describe, "class": talk.ask_class, "colour": talk.ask_colour, "count": talk.ask_count, "match": talk.ask_match, "price": talk.ask_price, "where": talk.ask_where}
DESK = {"describe": talk.ask_screenshot, "dialog": talk.ask_dialog, "code": talk.ask_code, "advice": talk.ask_advice}
ONE_KINDS, MANY_KINDS = ["describe", "class", "colour", "match"], ["describe", "class", "colour", "count", "where"]
FOREIGN_KINDS, PAIR_KINDS = ["class", "describe", "price"], ["same-class", "same-colour", "same-price"]
FIRST = {"shop": {"en": "Describe this product.", "zh": "描述这件商品。"}, "dialog": {"en": "Describe this screenshot.", "zh": "描述这张截图。"}}


def kinds_of(plan):
    if isinstance(plan, list):
        return PAIR_KINDS
    if plan["type"] == "foreign":
        return FOREIGN_KINDS
    return list(DESK) if plan["type"] == "dialog" else [*(ONE_KINDS if len(plan["items"]) == 1 else MANY_KINDS), *(["price"] if plan["tag"] else [])]


def asked(plan, kind, rng, language):
    if isinstance(plan, list):
        return asking.ask_pair(plan, rng, language, kind)
    if plan["type"] == "foreign":
        return asking.ask_foreign(rng, language, "plain", [kind])
    return (DESK if plan["type"] == "dialog" else SHOP)[kind](plan, rng, language)


def questions(plan, rng):
    """Each kind in both languages: in one of them plainly put, in the other in a form that training never uses. A description is asked for in fixed words."""
    for n, kind in enumerate(kinds_of(plan)):
        for language in ("en", "zh"):
            question = asked(plan, kind, rng, language)                 # of kind "foreign" where the picture is
            held = (n % 2 == 0) == (language == "en") and kind != "describe"
            question = asking.reworded(question, rng, "held" if held else "plain")
            fixed = kind == "describe" and FIRST.get(plan["type"])
            yield {**talk.written(question), **({"question": fixed[language]} if fixed else {})}


LICENCES = """# Where these pictures come from

Written by `python training/make_examples.py`.

- Products: photos of the Fashion-MNIST test set (Zalando SE, MIT), tinted and composed by script. MIT, as is the script's drawing.
- Dialog boxes: drawn by script, MIT.
- Photos that the bundled demo model does not know, from scikit-image's data folder, made smaller:
"""


def save(image, file):
    image.save(os.path.join(FOLDER, file), **({"quality": 90} if file.endswith("jpg") else {"optimize": True}))


def main():
    torch.manual_seed(5)
    bank, labels = scenes.PhotoBank(*photos.load("test")), []
    os.makedirs(FOLDER, exist_ok=True)
    for n, (file, title, plan, image) in enumerate([*gallery(bank), *foreign_pictures()]):
        files, images = (file, image) if isinstance(file, tuple) else ((file,), (image,))
        for each, drawn in zip(files, images):
            save(drawn, each)
        chosen = sorted(questions(plan, np.random.default_rng(700 + n)), key=lambda q: q["language"])
        chosen = [{k: q[k] for k in ("kind", "language", "question", "answer", "accept") if k in q} for q in chosen]
        labels.append({"picture": files[0], **({"more": list(files[1:])} if files[1:] else {}), "title": title, "size": list(images[0].size), "questions": chosen})
    with open(os.path.join(FOLDER, "labels.json"), "w", encoding="utf-8") as out:
        json.dump(labels, out, ensure_ascii=False, indent=1)
        out.write("\n")
    with open(os.path.join(FOLDER, "LICENCES.md"), "w", encoding="utf-8") as out:
        out.write(LICENCES + "".join(f"  - `{file}`: {source}, {licence}.\n" for file, source, _, licence in FOREIGN))


if __name__ == "__main__":
    main()
