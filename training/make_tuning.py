"""A colour that the demo model was never shown, magenta, for `ocellus tune vision`: `python training/make_tuning.py FOLDER` writes
learn.jsonl (200 pictures of training photos, three questions each), rehearse.jsonl (1200 of the old kind, four each), near.jsonl (300
of what lies nearest to it: red, purple and pink, asked as magenta is) and exam.jsonl (100 with magenta and 100 with its neighbours:
validation photos, questions in other words than those learnt).
"""
import json
import os
import sys
import numpy as np
import torch
import photos
import sampler
import scenes
import talk
from make_eval import encode

SEED = 2027
LEARN, REHEARSE, NEAR, EXAM = 200, 1200, 300, 200
NEW = len(scenes.COLOURS)
NEIGHBOURS = [scenes.COLOURS.index(c) for c in ("red", "purple", "pink")]

OTHER_WORDS = {"en": ["Tell me the colour of this item.", "Name the colour of the {item}, please.", "Which colour would you say this is?", "The {item} here: what colour?"],
               "zh": ["请说出它的颜色。", "这个{item}是哪种颜色？", "告诉我颜色。", "你看它是什么颜色的？"]}


def add_magenta():
    scenes.COLOURS.append("magenta")                                                    # talk.TINT["en"] is the same list
    talk.TINT["zh"].append("品红色")
    for name, row in (("TINTS", [214, 20, 140]), ("SECOND", [255, 205, 235])):
        setattr(scenes, name, torch.cat([getattr(scenes, name), torch.tensor([row]) / 255]))
    scenes.FLOORS = torch.cat([scenes.FLOORS, torch.tensor([.5])])


def one_item(source, colour, n):
    plan = source.plan(count=1, tagged=n % 4 == 0)
    plan["items"][0]["colour"] = colour
    return plan


def colour_questions(plan, rng, n):
    """Its colour in both languages, and a description."""
    a, b = ("en", "zh") if n % 2 else ("zh", "en")
    return [talk.ask_colour(plan, rng, a), talk.ask_colour(plan, rng, b), talk.ask_describe(plan, rng, a)]


def exam_questions(plan, rng, n):
    item = plan["items"][0]
    kind = "new-colour" if item["colour"] == NEW else "neighbour"
    return [{"kind": kind, "language": l, "question": OTHER_WORDS[l][n % 4].format(item=talk.ITEMS[l][item["class"]]),
             "answer": talk.word_answer(talk.TINT[l][item["colour"]], l)} for l in ("en", "zh")]


def rehearsed(plan, rng, n):
    asked = [talk.ask(plan, rng, ("en", "zh")[i % 2]) for i in range(4)]
    return list({q["question"]: q for q in asked}.values())


def write(path, source, plans, questions):
    rng = np.random.default_rng(SEED + 1)
    with open(path, "w", encoding="utf-8") as file:
        for at in range(0, len(plans), 50):
            batch = source.batch(0, plans[at:at + 50])
            for n, (plan, pixels) in enumerate(zip(batch["plans"], batch["pixels"]), at):
                asked = [talk.written(q) for q in questions(plan, rng, n)]
                file.write(json.dumps({"image": encode(pixels), "questions": asked}, ensure_ascii=False) + "\n")


def main(folder):
    torch.manual_seed(SEED), torch.set_num_threads(1)
    os.makedirs(folder, exist_ok=True)
    train, val = [scenes.PhotoBank(*photos.load(split)) for split in ("train", "val")]
    old = sampler.SceneSampler(train, SEED, .2, plain=True)
    write(os.path.join(folder, "rehearse.jsonl"), old, [old.plan() for _ in range(REHEARSE)], rehearsed)
    shop = sampler.SceneSampler(train, SEED + 4, 0, plain=True)
    near = [one_item(shop, NEIGHBOURS[n % 3], n) for n in range(NEAR)]
    write(os.path.join(folder, "near.jsonl"), shop, near, colour_questions)
    add_magenta()
    new = sampler.SceneSampler(train, SEED + 2, 0, plain=True)
    write(os.path.join(folder, "learn.jsonl"), new, [one_item(new, NEW, n) for n in range(LEARN)], colour_questions)
    held = sampler.SceneSampler(val, SEED + 3, 0, plain=True)
    colours = [NEW if n % 2 else NEIGHBOURS[n // 2 % 3] for n in range(EXAM)]
    write(os.path.join(folder, "exam.jsonl"), held, [one_item(held, c, n) for n, c in enumerate(colours)], exam_questions)


if __name__ == "__main__":
    main(sys.argv[1])
