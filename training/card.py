"""Writes the figures into the card of a checkpoint, between its marks, with those of the recipe before it for comparison.

    npm run -s ocellus -- eval eval --limit 100 --weights int4 --json > exam.json
    npm run -s ocellus -- eval eval/wild --weights int4 --json --failures wrong.jsonl > wild.json
    python training/card.py exam.json wild.json wrong.jsonl
"""
import json
import os
import sys
import export
import wild_figures

CARD = os.path.join(export.CHECKPOINT, "README.md")
MARKS = "<!-- figures: training/card.py -->\n", "<!-- end of figures -->\n"
GOALS = os.path.join(export.ROOT, "eval", "goals.json")
# What the first recipe's checkpoint had on the same questions, int4 (2026-11-30).
FIRST = {"class/one": 83.5, "class/crowded": 75.0, "colour": 98.0, "pattern": 98.0, "count": 100.0, "match": 93.5, "presence": 93.2, "where": 98.7, "describe": 72.8,
         "price": 95.5, "dialog/dialog": 99.0, "code/dialog": 92.0, "advice/dialog": 99.5}
FIRST_WILD = {("own-words", "en"): 39.0, ("own-words", "zh"): 16.7, ("handwritten", "en"): 35.0, ("handwritten", "zh"): 9.8, ("square", "en"): 95.0, ("square", "zh"): 95.6,
              ("2:3", "en"): 90.0, ("2:3", "zh"): 90.6, ("3:2", "en"): 88.9, ("3:2", "zh"): 89.4, ("pair", "en"): 17.3, ("pair", "zh"): 2.0, ("pair-own-words", "en"): 2.7,
              ("pair-own-words", "zh"): 0.0, ("photograph", "en"): 0.0, ("photograph", "zh"): 0.0, ("unreadable", "en"): 0.0, ("unreadable", "zh"): 0.0}
NAMES = {"class/one": "product class, one item", "class/crowded": "product class, crowded scenes", "match": "text matches picture", "presence": "is it there", "where": "where is it",
         "describe": "description", "price": "price, exact", "dialog/dialog": "dialog kind", "code/dialog": "dialog code, exact", "advice/dialog": "advice"}
SETS = {"own-words": "own words, forms never trained on", "handwritten": "own words, typed freely", "square": "square pictures, plain words", "2:3": "2:3 pictures, plain words",
        "3:2": "3:2 pictures, plain words", "pair": "pairs, plain words", "pair-own-words": "pairs, forms never trained on", "photograph": "foreign photographs refused", "unreadable": "unreadable price or code"}


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def exam_rows(scores):
    goals = load(GOALS)
    yield "| question | asked | first recipe % | now % [95 %] | goal |\n|---|---|---|---|---|\n"
    for group, before in FIRST.items():
        s = scores[group, "all"]
        yield f"| {NAMES.get(group, group)} | {s['questions']} | {before:.1f} | {100 * s['accuracy']:.1f} [{100 * s['low']:.1f}–{100 * s['high']:.1f}] | {goals.get(group, '–')} |\n"


def wild_rows(run, wrong):
    total, right, foreign = wild_figures.counts(run, wrong)
    yield "| set | asked | first recipe, en / zh % | now, en / zh % |\n|---|---|---|---|\n"
    share = lambda key: 100 * right[key] / total[key]
    for scene, name in SETS.items():
        en, zh = (scene, "en"), (scene, "zh")
        yield f"| {name} | {total[en] + total[zh]} | {FIRST_WILD[en]:.1f} / {FIRST_WILD[zh]:.1f} | {share(en):.1f} / {share(zh):.1f} |\n"
    n = sum(total.values())
    yield f"\nAll {n:,} of them: 36.2 % before, {100 * sum(right.values()) / n:.1f} % now; answered in the question's language 80.8 % before, {100 - 100 * sum(foreign.values()) / n:.1f} % now.\n"


def main(exam, wild, failures):
    scores = {(s["group"], s["language"]): s for s in load(exam)["runs"][0]["scores"]}
    with open(failures, encoding="utf-8") as file:
        wrong = [json.loads(line) for line in file]
    figures = "".join([*exam_rows(scores), "\n", *wild_rows(load(wild)["runs"][0], wrong)])
    with open(CARD, encoding="utf-8") as file:
        before, rest = file.read().split(MARKS[0])
    with open(CARD, "w", encoding="utf-8") as file:
        file.write(before + MARKS[0] + figures + MARKS[1] + rest.split(MARKS[1])[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
