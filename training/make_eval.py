"""The evaluation set: scenes of the 10,000 test photos, which training never sees, with questions in both languages.

`python training/make_eval.py` writes eval/*.jsonl: one picture a line (112x112 WebP in a data URI), its questions and its record;
and eval/sample/sample.jsonl, every 25th of them: the part that the npm package holds.
"""
import base64
import io
import json
import os
import numpy as np
import torch
from PIL import Image
import photos
import sampler
import scenes
import talk

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
SEED = 2026
ONE, CROWD, DESK, PART = 1200, 600, 560, 600
QUALITY = 90
SAMPLE = 25


def image_of(pixels):
    """float [3, h, w] as a picture."""
    return Image.fromarray((pixels.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())


def encode(pixels):
    return encoded(image_of(pixels), QUALITY)


def encoded(image, quality):
    """A WebP data URI."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=6)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def label(plan):
    """What is in the picture, in words."""
    items = [{"class": talk.ITEMS["en"][i["class"]], "colour": scenes.COLOURS[i["colour"]], "pattern": scenes.PATTERNS[i["pattern"]],
              **({"place": i["place"]} if i["place"] else {})} for i in plan["items"]]
    if plan["type"] == "dialog":
        return {"type": "dialog", "kind": plan["kind"], "code": plan["code"]}
    return {"type": "shop", "items": items, "price": talk.price_text(plan["tag"]) if plan["tag"] else None}


def questions(plan, rng, n):
    """Each kind once, languages taking turns; price, dialog kind and code in both."""
    scene = "dialog" if plan["type"] == "dialog" else "one" if len(plan["items"]) == 1 else "crowded"
    a, b = ("en", "zh") if n // 2 % 2 else ("zh", "en")
    if scene == "dialog":
        asked = [talk.ask_dialog(plan, rng, l) for l in (a, b)] + [talk.ask_code(plan, rng, l) for l in (a, b)]
        asked += [talk.ask_screenshot(plan, rng, b), talk.ask_advice(plan, rng, a)]
    else:
        asked = [talk.ask_class(plan, rng, a), talk.ask_colour(plan, rng, b), talk.ask_pattern(plan, rng, a), talk.ask_count(plan, rng, b),
                 talk.ask_match(plan, rng, a, n // 4 % 2 == 0), talk.ask_presence(plan, rng, b), talk.ask_where(plan, rng, a), talk.ask_describe(plan, rng, b)]
        asked += [talk.ask_price(plan, rng, l) for l in (a, b)] if plan["tag"] else []
        asked += [talk.ask_class(plan, rng, b)] if scene == "crowded" else []
    return [{**talk.written(q), "scene": scene} for q in asked if q]


def pictures(source, rng):
    """(plan, pixels) of the whole set: one-item, crowded, dialogs."""
    plans = [source.plan(count=1, tagged=n % 2 == 0) for n in range(ONE)]
    plans += [source.plan(count=2 + n % 3, tagged=n % 3 < 2 and n % 2 == 0) for n in range(CROWD)]
    source.dialog_share = 1
    plans += [source.plan() for _ in range(DESK)]
    for at in range(0, len(plans), 64):
        batch = source.batch(0, plans[at:at + 64])
        yield from zip(batch["plans"], batch["pixels"])


def write(name, lines):
    path = os.path.join(ROOT, "eval", name)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)
    assert os.path.getsize(path) < 5 * 2 ** 20, path


def main():
    torch.manual_seed(SEED), torch.set_num_threads(2)
    bank = scenes.PhotoBank(*photos.load("test"))
    source = sampler.SceneSampler(bank, SEED, 0, pool=10 ** 9, plain=True)              # an endless pool: every tag and dialog is new
    rng = np.random.default_rng(SEED + 1)
    lines, tally = {"one": [], "crowded": [], "dialog": []}, {}
    for n, (plan, pixels) in enumerate(pictures(source, rng)):
        asked = questions(plan, rng, n)
        for q in asked:
            key = f"{q['kind']}/{q['scene']}/{q['language']}"
            tally[key] = tally.get(key, 0) + 1
        line = {"image": encode(pixels), "questions": asked, "label": label(plan)}
        lines[asked[0]["scene"]].append(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    for scene, all_lines in lines.items():
        for part, at in enumerate(range(0, len(all_lines), PART), 1):
            write(f"{scene}-{part}.jsonl", all_lines[at:at + PART])
    write(os.path.join("sample", "sample.jsonl"), [line for scene in sorted(lines) for line in lines[scene]][::SAMPLE])
    print(json.dumps(tally, indent=1))


if __name__ == "__main__":
    main()
