"""Two pictures of one item each that are alike in some ways: plans for questions about a pair."""
import functools
import numpy as np
import scenes

ALIKE = .5                             # how often each of class, colour and price is the same
NEAR = .4                              # share of unlike prices that differ in one digit only


@functools.lru_cache(4)
def photos_by_class(bank):
    labels = bank.labels.numpy()
    return [np.flatnonzero(labels == c) for c in range(10)]


def twin(rng, bank, plan):
    """A second plan beside `plan`, which has one item."""
    other = scenes.plan_scene(rng, bank, 1, bool(plan["tag"]))
    old, new = plan["items"][0], other["items"][0]
    if rng.random() < ALIKE:
        new["photo"], new["class"] = int(rng.choice(photos_by_class(bank)[old["class"]])), old["class"]
    if rng.random() < ALIKE:
        new["colour"] = old["colour"]
    if plan["tag"] and rng.random() < ALIKE:
        other["tag"].update(currency=plan["tag"]["currency"], value=plan["tag"]["value"])
    elif plan["tag"] and rng.random() < NEAR:
        other["tag"].update(currency=plan["tag"]["currency"], value=one_digit_off(rng, plan["tag"]["value"]))
    return other


def one_digit_off(rng, value):
    digits = list(str(value))
    at = int(rng.integers(len(digits)))
    digits[at] = str((int(digits[at]) + int(rng.integers(1, 10))) % 10)
    return value if digits[0] == "0" else int("".join(digits))


def plan_pair(rng, bank):
    first = scenes.plan_scene(rng, bank, 1, rng.random() < .6)
    return {"type": "pair", "plans": [first, twin(rng, bank, first)], "items": [], "tag": None}
