"""The second evaluation set, eval/wild/*.jsonl: what people do that the first recipe did not think of.

own-words: held-out forms of phrases.py, every kind in both languages, and questions outside the trade; framed: pictures of 2:3 and 3:2 beside
square ones of the same kind, plain phrasing; foreign: the test pictures of foreign.py in every crop; pairs: two pictures; unreadable: prices
and codes that cannot be read; handwritten: questions typed freely. Products are the 10,000 test photos. Small on purpose: WebP of quality 70, about 2 MB in all.
"""
import json
import os
import numpy as np
import torch
from PIL import Image
import asking
import camera
import dialogs
import fit
import foreign
import handwritten
import make_eval
import photos
import sampler
import scenes
import tags
import talk

SEED, QUALITY = 3026, 70
OWN, FRAMED, CROPS, PAIRS, UNREADABLE, HAND = 100, 60, 4, 60, 30, 24
SHOP = [talk.ask_class, talk.ask_colour, talk.ask_pattern, talk.ask_count, talk.ask_match, talk.ask_presence, talk.ask_where, talk.ask_describe, talk.ask_price]
DESK = [talk.ask_dialog, talk.ask_code, talk.ask_screenshot, talk.ask_advice]
FORMS = ["class", "price", "code", "describe", "colour", "dialog", "presence", "count"]


class Maker:
    def __init__(self, split="test"):
        self.bank, self.rng = scenes.PhotoBank(*photos.load(split)), np.random.default_rng(SEED)
        self.source = sampler.SceneSampler(self.bank, SEED + 1, 0, pool=10 ** 9, plain=True)

    def pixels(self, plans):
        return self.source.batch(0, plans)["pixels"]

    def dialog(self, frame=None, unclear=False):
        plan = dialogs.plan_dialog(self.rng)
        plan, drawn = dialogs.finished(dialogs.wilder(plan, self.rng, frame, True) if unclear else {**plan, "frame": frame, "band": 0})
        return {**plan, "drawn": drawn, "ground": int(self.rng.integers(3))}

    def shop(self, frame=None, **forced):
        plan = {**self.source.plan(**forced), "band": 0}
        return camera.squeezed(plan, frame, self.rng) if frame else plan

    def asked(self, asks, plan, phrasing, scene, both=True):
        """Each of `asks` in both languages, or in one by turns."""
        out = []
        for n, ask in enumerate(asks):
            for language in ("en", "zh") if both else (("en", "zh")[(n + int(self.rng.integers(2))) % 2],):
                if question := ask(plan, self.rng, language):
                    out.append({**talk.written(asking.reworded(question, self.rng, phrasing)), "scene": scene})
        return out

    def own_words(self):
        plans = [self.shop(count=1, tagged=n % 2 == 0) for n in range(OWN // 2)] + [self.shop(count=2 + n % 3) for n in range(OWN // 4)]
        plans += [self.dialog() for _ in range(OWN // 4)]
        for n, (plan, pixels) in enumerate(zip(plans, self.pixels(plans))):
            asks = DESK if plan["type"] == "dialog" else SHOP[:-1] + ([talk.ask_price] if plan["tag"] else []) + ([talk.ask_title] if n % 4 == 0 else [])
            outside = [{**asking.outside(self.rng, language, "held"), "scene": "own-words"} for language in ("en", "zh")] if n % 4 == 0 else []
            yield {"image": encode(pixels, plan), "questions": self.asked(asks, plan, "held", "own-words") + outside, "label": make_eval.label(plan)}

    def handwritten(self):
        """Each question of handwritten.py about two pictures of its own."""
        forms = {"class": talk.ask_class, "colour": talk.ask_colour, "pattern": talk.ask_pattern, "count": talk.ask_count, "price": talk.ask_price, "describe": talk.ask_describe,
                 "dialog": talk.ask_dialog, "code": talk.ask_code, "advice": talk.ask_advice}
        for n in range(HAND):
            for desk in (False, True):
                plan = self.dialog() if desk else self.shop(count=1, tagged=n % 4 != 0)
                asked = []
                for form in ("dialog", "code", "advice") if desk else ("class", "colour", "pattern", "count", "price", "describe"):
                    if form != "price" or plan["tag"]:
                        asked += [{**talk.written(forms[form](plan, self.rng, l)), "question": handwritten.ASKED[form][l][(n + k) % 8]} for l in ("en", "zh") for k in (0, 1)]
                asked += [{"kind": "outside", "language": l, "question": handwritten.ASKED["outside"][l][n % 6], "answer": talk.REFUSAL[l]} for l in ("en", "zh")]
                yield {"image": encode(self.pixels([plan])[0], plan), "questions": [{**q, "scene": "handwritten"} for q in asked], "label": make_eval.label(plan)}

    def framed(self):
        for name, size in (("square", None), ("2:3", (2, 3)), ("3:2", (3, 2))):
            frame = size and fit.fit_box(*size)
            plans = [self.shop(frame, count=1, tagged=True) for _ in range(FRAMED // 2)] + [self.dialog(frame) for _ in range(FRAMED // 2)]
            for plan, pixels in zip(plans, self.pixels(plans)):
                asks = [talk.ask_dialog, talk.ask_code] if plan["type"] == "dialog" else [talk.ask_class, talk.ask_colour, talk.ask_pattern, talk.ask_price]
                yield {"image": encode(pixels, plan), "questions": self.asked(asks, plan, "plain", name), "label": make_eval.label(plan)}

    def foreign(self):
        for _, picture in foreign.test_pictures():
            for n in range(CROPS):
                crop = foreign.cropped(picture, self.rng) if n else picture
                asked = [asking.ask_foreign(self.rng, language, ("plain", "held")[m], [FORMS[int(self.rng.integers(len(FORMS)))]]) for m in (0, 1) for language in ("en", "zh")]
                yield {"image": packed(crop), "questions": [{**talk.written(q), "scene": "photograph"} for q in asked], "label": {"type": "foreign"}}

    def pairs(self):
        for n in range(PAIRS):
            first = {**self.source.plan(count=1, tagged=n % 2 == 0), "band": 0}
            second = {**sampler.pairs.twin(self.rng, self.bank, first), "band": 0}
            if second["tag"]:
                second["tag"], second["drawn"] = tags.finished(second["tag"])
            plans = [first, second]
            names = [n for n in asking.PAIR_WEIGHTS if n.startswith("same") and (first["tag"] or "price" not in n)]
            asks = [lambda p, rng, language, name=name: asking.ask_pair(p, rng, language, name) for name in names]
            a, b = (encode(pixels, plan) for pixels, plan in zip(self.pixels(plans), plans))
            questions = self.asked(asks, plans, "plain", "pair") + self.asked(asks, plans, "held", "pair-own-words")
            yield {"image": a, "more": [b], "questions": questions, "label": {"first": make_eval.label(first), "second": make_eval.label(second)}}

    def unreadable(self):
        for n in range(UNREADABLE):
            if n % 2:
                plan, asks = self.dialog(unclear=True), [talk.ask_code]
            else:
                plan = {**self.shop(count=1, tagged=True), "unclear": True}
                plan["drawn"], asks = (camera.illegible(plan["drawn"][0], self.rng), []), [talk.ask_price]
            pixels = self.pixels([plan])[0]
            yield {"image": encode(pixels, plan), "questions": self.asked(asks, plan, "plain", "unreadable") + self.asked(asks, plan, "held", "unreadable"), "label": {**make_eval.label(plan), "unreadable": True}}


def packed(image):
    side = max(image.size)
    scale = scenes.SIZE / side
    return make_eval.encoded(image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BICUBIC), QUALITY)


def encode(pixels, plan):
    """The content of the frame alone, as a picture of its own."""
    left, top, w, h = camera.frame_of(plan)
    return make_eval.encoded(make_eval.image_of(pixels[:, top:top + h, left:left + w]), QUALITY)


def main():
    torch.manual_seed(SEED), torch.set_num_threads(1)
    maker, total = Maker(), 0
    os.makedirs(os.path.join(make_eval.ROOT, "eval", "wild"), exist_ok=True)
    for name in ("own_words", "framed", "foreign", "pairs", "unreadable", "handwritten"):
        lines = [json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in getattr(maker, name)()]
        make_eval.write(os.path.join("wild", name.replace("_", "-") + ".jsonl"), lines)
        total += sum(len(line.encode()) for line in lines)
        print(name, len(lines), "pictures", sum(line.count('"question":') for line in lines), "questions", total // 1024, "KiB so far")
    assert total < 2 * 2 ** 20, total


if __name__ == "__main__":
    main()
