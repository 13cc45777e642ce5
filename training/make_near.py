"""Hard negatives for `npm run bench -- near -- --box FILE`: scenes, and the same scene with one thing changed.

`python training/make_near.py FILE [COUNT]` writes one scene a line (336x336 WebP in data URIs): its picture, questions with their
answers, and the changed pictures by what was changed: a digit, a colour, a pattern, an item moved or removed, the next dialog of the same form.
"""
import base64
import copy
import io
import json
import sys
import numpy as np
import torch
import make_examples
import photos
import scenes
import dialogs
import talk

SIDE = 336


def encode(image):
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=92)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def draw(plan, base, bank, seed):
    """The scene on the ground of its base: the ground is chosen to stand out from the items' colours."""
    rng, usual = np.random.default_rng(seed), scenes.grounds
    scenes.grounds = lambda _, generator: usual([base], generator)
    torch.manual_seed(seed)
    try:
        return make_examples.draw_large(plan, bank, rng, SIDE) if plan["type"] == "shop" else make_examples.photographed(plan, seed, (SIDE, SIDE))
    finally:
        scenes.grounds = usual


def other(rng, value, count):
    return int((value + 1 + rng.integers(count - 1)) % count)


def other_digit(rng, text):
    at = int(rng.integers(len(text)))
    digit = (int(text[at]) + int(rng.integers(1, 10))) % 10
    digit = digit or 1 if at == 0 else digit
    return None if str(digit) == text[at] else text[:at] + str(digit) + text[at + 1:]


def changed(plan, rng):
    """(what, plan) for everything that can be changed in it."""
    if plan["type"] == "dialog":
        for what, code in (("digit", other_digit(rng, plan["code"])), ("next page", f"{rng.integers(100, 1000)}")):
            if code and code != plan["code"]:
                yield what, {**plan, "code": code}
        return
    item = int(rng.integers(len(plan["items"])))
    def alter(**fields):
        out = copy.deepcopy(plan)
        out["items"][item].update(fields)
        return out
    old = plan["items"][item]
    yield "colour", alter(colour=other(rng, old["colour"], 12))
    yield "pattern", alter(pattern=other(rng, old["pattern"], 4))
    yield "moved", alter(x=old["x"] + float(rng.choice([-1, 1]) * rng.uniform(5, 12)))
    if len(plan["items"]) > 1:
        yield "removed", {**plan, "items": [i for n, i in enumerate(plan["items"]) if n != item]}
    if plan["tag"]:
        text = other_digit(rng, str(plan["tag"]["value"]))
        if text:
            yield "digit", {**plan, "tag": {**plan["tag"], "value": int(text)}}


def questions(plan, rng):
    asks = [talk.ask_dialog, talk.ask_code] if plan["type"] == "dialog" else [talk.ask_class, talk.ask_colour, talk.ask_pattern, talk.ask_count]
    asked = [ask(plan, rng, language) for ask in asks + ([talk.ask_price] if plan["tag"] else []) for language in ("en", "zh")]
    return [{"question": q["question"], "answer": q["answer"]} for q in asked if q]


def main(path, count=400):
    torch.set_num_threads(1)
    bank, rng = scenes.PhotoBank(*photos.load("test")), np.random.default_rng(907)
    with open(path, "w", encoding="utf-8") as file:
        for seed in range(int(count)):
            plan = dialogs.plan_dialog(rng) if rng.random() < .3 else {**scenes.plan_scene(rng, bank), "band": 0, "ground": int(rng.integers(2))}
            line = {"image": encode(draw(plan, plan, bank, seed)), "questions": questions(plan, rng),
                    "changed": {what: encode(draw(new, plan, bank, seed)) for what, new in changed(plan, rng)}}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
