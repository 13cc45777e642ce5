"""Questions in people's own words: a grammar of cores and frames (forms_en.py, forms_zh.py), synonyms, and slips of the finger.

A surface form is a core in a frame. One core in eight and one frame in eight, chosen by the CRC-32 of (language, form, core), are
held out: no training question is made with them, and every held-out question is made of a held-out core, in any frame.
"""
import functools
import re
import zlib
import forms_en
import forms_zh

GRAMMAR = {"en": forms_en, "zh": forms_zh}
HELD = 8                               # one in so many
PLAIN = .22                            # share of training questions in the short phrasings of talk.ASK
SYNONYM, TYPO, BARE = .15, .03, .12     # shares of questions with a synonym, a slip, no punctuation


def expand(pattern):
    """All strings of a pattern: (a|b) is one of them, [a|b] one of them or nothing; nesting allowed."""
    def sequence(at):
        parts = [""]
        while at < len(pattern) and pattern[at] not in "|)]":
            if pattern[at] in "([":
                options, after = choices(at + 1)
                options += [""] if pattern[at] == "[" else []
                parts, at = [p + o for p in parts for o in options], after
            else:
                parts, at = [p + pattern[at] for p in parts], at + 1
        return parts, at

    def choices(at):
        options, at = sequence(at)
        while pattern[at] == "|":
            more, at = sequence(at + 1)
            options += more
        return options, at + 1

    return sequence(0)[0]


def is_held(*parts):
    return zlib.crc32("/".join(parts).encode()) % HELD == 0


@functools.cache
def cores(language, form, held):
    """[(place in the sentence, [strings of one pattern])]: the patterns weigh alike, not the strings."""
    out = []
    for place, patterns in GRAMMAR[language].FORMS[form].items():
        for pattern in patterns:
            found = [re.sub(" +", " ", core).strip() for core in expand(pattern)]
            found = [c for c in dict.fromkeys(found) if c and is_held(language, form, c) == held]
            out += [(place, found)] if found else []
    return out


@functools.cache
def frames(language, place, held):
    """Those never held out, or all of them."""
    every = GRAMMAR[language].FRAMES[place]
    return [f for f in every if held or f in every[:3] or not is_held(language, place, f)]


@functools.cache
def outside(language, held):
    """Questions outside the trade."""
    every = [q for pattern in GRAMMAR[language].OUTSIDE for q in expand(pattern)]
    return [q for q in every if is_held(language, "outside", q) == held]


def any_of(things, rng):
    return things[int(rng.integers(len(things)))]


def outside_question(language, rng, held=False):
    return punctuated(any_of(outside(language, held), rng) + "?", language)


def question(form, language, slots, rng, held=False):
    """A question of the grammar, its slots filled."""
    place, strings = any_of(cores(language, form, held), rng)
    filled = any_of(strings, rng).format(**{n: other_word(v, language, rng) for n, v in slots.items()})
    return punctuated(any_of(frames(language, place, held), rng).format(x=filled), language)


def other_word(word, language, rng):
    """A slot's word, or now and then a synonym. A whole description stays as it is."""
    known = GRAMMAR[language].SYNONYMS
    article = re.match("(an?) ", word) if language == "en" else None
    bare = word[article.end():] if article else word
    if bare not in known or rng.random() > SYNONYM:
        return word
    other = any_of(known[bare], rng)
    if not article or other.endswith("s"):
        return other
    return f"an {other}" if other[0] in "aeiou" else f"a {other}"


def punctuated(text, language):
    if language == "zh":
        return text.translate(str.maketrans("?,:", "\uff1f\uff0c\uff1a"))
    text = text.replace(" 's ", "'s ").replace(" i ", " I ")
    return text[0].upper() + text[1:]


def hurried(text, language, rng):
    """As people type in a hurry (training only): no end mark, lower case, narrow marks, a slip of the finger."""
    if rng.random() < BARE:
        text = text.rstrip("?.\uff1f\u3002")
    if rng.random() < .2:
        text = text.lower() if language == "en" else text.translate(str.maketrans("\uff1f\uff0c\uff1a\u3002", "?,:."))
    return slip(text, rng) if language == "en" and rng.random() < TYPO * 2 else text


def slip(text, rng):
    """One letter dropped, doubled or exchanged with the next."""
    at = int(rng.integers(1, max(2, len(text) - 2)))
    if not text[at:at + 2].isalpha() or not text[at:at + 1].isascii():
        return text
    draw = rng.random()
    middle = text[at + 1] if draw < .4 else text[at] * 2 + text[at + 1] if draw < .6 else text[at + 1] + text[at]
    return text[:at] + middle + text[at + 2:]


def counts():
    """{(language, form): (trained, held)} numbers of surface forms."""
    out = {}
    for language, grammar in GRAMMAR.items():
        for form in grammar.FORMS:
            out[language, form] = tuple(sum(len(strings) * len(frames(language, place, held)) for place, strings in cores(language, form, held)) for held in (False, True))
    return out


if __name__ == "__main__":
    import numpy as np
    for (language, form), (trained, held) in counts().items():
        print(f"{language} {form:16s} trained {trained:7d} held out {held:6d}")
    rng = np.random.default_rng(0)
    slots = {"place": {"en": "on the left", "zh": "左边"}, "colour": {"en": "red", "zh": "红色"}, "item": {"en": "t-shirt", "zh": "T恤"}, "a_item": {"en": "a t-shirt", "zh": ""}, "text": {"en": "a red plain dress", "zh": "红色纯色连衣裙"},
             "nth": {"en": "second", "zh": "第二张"}}
    for language, grammar in GRAMMAR.items():
        for form in grammar.FORMS:
            for held in (False, True):
                print(language, form, held, [question(form, language, {n: s[language] for n, s in slots.items()}, rng, held) for _ in range(3)])
