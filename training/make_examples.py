"""The example pictures: scenes of test photos drawn large, as a shop or a help desk would send them.

`python training/make_examples.py` writes examples/pictures/. Photos are drawn by seed before training ended and were not
chosen by how the model does on them.
"""
import json
import os
import numpy as np
import torch
from PIL import Image, ImageFilter
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


def placed(rng, bank, name, colour, pattern, spot):
    """An item of a wanted class, colour and pattern; the photo is the seed's choice."""
    x, y, size, place = spot
    item = scenes.item(rng, bank, x, y, size, place)
    ids = np.flatnonzero(bank.labels.numpy() == CLASS[name])
    return {**item, "photo": int(rng.choice(ids)), "class": CLASS[name], "colour": scenes.COLOURS.index(colour),
            "pattern": scenes.PATTERNS.index(pattern), "turn": float(rng.uniform(-8, 8)), "lean": 0.0}


def shop(rng, items, tag=None, ground=0):
    return {"type": "shop", "items": items, "tag": tag, "band": 0, "ground": ground}


def draw_large(plan, bank, rng, side):
    """The scene at side x side pixels: the same code as for training, on a larger canvas."""
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
    return image


def photographed(plan, seed, size=(640, 480)):
    """A dialog on a screen, as a phone would photograph it: a slight turn, uneven light, noise."""
    width, height = size
    scale, tall = width / 112, round(112 * height / width)
    rng = np.random.default_rng(seed)
    layer, _, _ = dialogs.draw_dialog(plan, scale=round(scale), height=tall)
    layer = layer.resize(size, Image.Resampling.LANCZOS)
    ramp = np.linspace(0, 1, width)[None, :, None] * np.array([40, 30, 20]) + np.array([70, 100, 140])
    ground = Image.fromarray(np.broadcast_to(ramp, (height, width, 3)).astype(np.uint8))
    ground.paste(layer, (0, 0), layer)
    turned = ground.rotate(float(rng.uniform(-1.5, 1.5)), Image.Resampling.BICUBIC, fillcolor=(80, 100, 130)).filter(ImageFilter.GaussianBlur(.8))
    shade = np.linspace(.92, 1.03, height)[:, None, None]
    return Image.fromarray((np.asarray(turned) * shade + rng.normal(0, 3, (height, width, 3))).clip(0, 255).astype(np.uint8))


def tag_of(value, currency, x, y, style=1, font=1, height=15.0):
    return {"currency": currency, "value": value, "font": font, "style": style, "height": height, "x": x, "y": y}


def dialog_of(kind, code, seed):
    return {"type": "dialog", "kind": kind, "code": code, "items": [], "tag": None, "band": 0, "ground": 0, "seed": seed}


def gallery(bank):
    """(file, title, plan, image) of every example."""
    rng = np.random.default_rng(99)
    put = lambda *a: placed(rng, bank, *a)
    left, right = (28, 56, 58, "left"), (84, 56, 58, "right")
    corners = [(29, 29, 52, "top left"), (83, 29, 52, "top right"), (29, 83, 52, "bottom left"), (83, 83, 52, "bottom right")]
    shops = [
        ("dress.jpg", "A red dotted dress", shop(rng, [put("dress", "red", "dotted", ONE)]), 448, 336),
        ("shirt.png", "A blue striped shirt", shop(rng, [put("shirt", "blue", "striped", (56, 56, 90, "middle"))], ground=1), 112, 112),
        ("boots.jpg", "An ankle boot with a price tag", shop(rng, [put("ankle boot", "brown", "plain", (56, 42, 72, None))], tag_of(239, "$", 58, 98)), 480, 480),
        ("pair.jpg", "A sneaker and a bag", shop(rng, [put("sneaker", "green", "plain", left), put("bag", "purple", "checked", right)], ground=1), 448, 336),
        ("window.png", "Four things in a shop window", shop(rng, [put(*a) for a in (("coat", "black", "plain", corners[0]), ("trousers", "orange", "plain", corners[1]),
                                                                                    ("sandal", "pink", "plain", corners[2]), ("t-shirt", "white", "striped", corners[3]))]), 336, 336),
        ("sale.jpg", "A pullover with a price in yuan", shop(rng, [put("pullover", "yellow", "plain", (56, 68, 76, None))], tag_of(85, "¥", 50, 13, 2, 6)), 560, 560)]
    for file, title, plan, width, height in shops:
        image = draw_large(plan, bank, rng, width)
        yield file, title, plan, image.crop((0, (width - height) // 2, width, (width + height) // 2))
    for file, title, kind, code, seed in (("screen-error.jpg", "A photographed error dialog", "error", "404", 12), ("screen-done.jpg", "A photographed success dialog", "success", "218", 31)):
        plan = dialog_of(kind, code, seed)
        yield file, title, plan, photographed(plan, seed)


def questions(plan, rng):
    """A handful in each language."""
    kinds = [talk.ask_screenshot, talk.ask_dialog, talk.ask_code, talk.ask_advice] if plan["type"] == "dialog" else \
        [talk.ask_describe, talk.ask_class, talk.ask_colour, talk.ask_count, talk.ask_match] + ([talk.ask_price] if plan["tag"] else [])
    fixed = {"en": "Describe this screenshot.", "zh": "描述这张截图。"} if plan["type"] == "dialog" else {"en": "Describe this product.", "zh": "描述这件商品。"}
    asked = [ask(plan, rng, language) for language in ("en", "zh") for ask in kinds]
    return [{**q, "question": fixed[q["language"]]} if q["kind"] == "describe" else q for q in asked if q]


def main():
    torch.manual_seed(5)
    bank, rng, labels = scenes.PhotoBank(*photos.load("test")), np.random.default_rng(7), []
    os.makedirs(FOLDER, exist_ok=True)
    for file, title, plan, image in gallery(bank):
        image.save(os.path.join(FOLDER, file), **({"quality": 88} if file.endswith("jpg") else {"optimize": True}))
        asked = [{k: q[k] for k in ("kind", "language", "question", "answer", "accept") if k in q} for q in questions(plan, rng)]
        labels.append({"picture": file, "title": title, "questions": asked})
    with open(os.path.join(FOLDER, "labels.json"), "w", encoding="utf-8") as out:
        json.dump(labels, out, ensure_ascii=False, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
