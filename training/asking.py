"""Which question is asked about a picture or a pair of them, and in which words.

To the questions of talk.py come those that the model has to decline (foreign pictures, questions outside its trade, a price or a code
that is not there) and those about two pictures: a pair is {"type": "pair", "plans": [first, second]}, a foreign picture {"type": "foreign"}.
"""
import phrases
import talk
from talk import REFUSAL, say, yes

OUTSIDE, MISSING = .06, .03            # shares of questions outside the trade, and of a code in a shop window or a price on a dialog
UNREADABLE = .35                       # of the questions about a picture whose price or code cannot be read: ask for just that
NTH = {"en": ["first", "second"], "zh": ["第一张", "第二张"]}
NO_CODE = {"en": "There is no dialog box.", "zh": "没有对话框。"}
NO_PRICE = {"en": "There is no price tag.", "zh": "没有价格标签。"}
PAIR_WEIGHTS = {"same-class": 3., "same-colour": 2., "same-price": 2., "nth-class": .7, "nth-colour": .7, "nth-price": .7}


def ask(plan, rng, language=None, phrasing="trained"):
    """One random question record. `phrasing`: plain (as in talk.ASK), trained (a mixture) or held (forms never trained on)."""
    language = language or ("en", "zh")[int(rng.random() < .5)]
    if plan["type"] == "foreign":
        return ask_foreign(rng, language, phrasing)
    if rng.random() < OUTSIDE:
        return outside(rng, language, phrasing)
    if plan["type"] == "pair":
        return reworded(ask_pair(plan["plans"], rng, language), rng, phrasing)
    if rng.random() < MISSING:
        return reworded(ask_missing(plan, rng, language), rng, phrasing)
    if plan.get("unclear") and rng.random() < UNREADABLE:
        return reworded((talk.ask_code if plan["type"] == "dialog" else talk.ask_price)(plan, rng, language), rng, phrasing)
    return reworded(talk.ask(plan, rng, language), rng, phrasing)


def reworded(record, rng, phrasing):
    """The question as it is, or in a form of the grammar."""
    if phrasing == "plain" or (phrasing == "trained" and rng.random() < phrases.PLAIN):
        return record
    return {**record, "question": phrases.question(record["form"], record["language"], record["slots"], rng, phrasing == "held")}


def outside(rng, language, phrasing="trained"):
    asked = phrases.outside_question(language, rng, phrasing == "held")
    return {"kind": "outside", "language": language, "question": asked, "answer": REFUSAL[language]}


def ask_foreign(rng, language, phrasing="trained", about=None):
    """Any question at all; the answer is the same. `about`: one of these forms."""
    if about is None and rng.random() < .15:
        return {**outside(rng, language, phrasing), "kind": "foreign"}
    forms = about or sorted(set(talk.ASK) - set(PAIR_WEIGHTS))
    form, item, colour = forms[int(rng.integers(len(forms)))], int(rng.integers(10)), int(rng.integers(12))
    thing = {"class": item, "colour": colour, "pattern": int(rng.integers(4))}
    slots = {"item": talk.ITEMS[language][item], "a_item": talk.a_item(item), "colour": talk.TINT[language][colour], "text": talk.full_name(thing, language),
             "place": talk.PLACE[language][list(talk.PLACE[language])[int(rng.integers(9))]]}
    return reworded(say("foreign", rng, language, REFUSAL[language], form, **slots), rng, phrasing)


def ask_missing(plan, rng, language):
    """A code in a shop window, a price on a dialog."""
    if plan["type"] == "dialog":
        return say("no-price", rng, language, NO_PRICE[language], "price")
    return say("no-code", rng, language, NO_CODE[language], "code")


# ---------------------------------------------------------------- two pictures

def same(field):
    return lambda a, b: a["items"][0][field] == b["items"][0][field]


def ask_pair(plans, rng, language, name=None):
    """Are the two alike in kind, colour or price; what is in the first, in the second. Refused where one is foreign."""
    priced = all(p["tag"] and not p.get("unclear") for p in plans)
    names = [n for n in PAIR_WEIGHTS if priced or "price" not in n]
    weights = [PAIR_WEIGHTS[n] for n in names]
    name = name or names[int(rng.choice(len(names), p=[w / sum(weights) for w in weights]))]
    nth = int(rng.integers(2))
    slots = {"nth": NTH[language][nth]} if name.startswith("nth") else {}
    if any(p["type"] == "foreign" for p in plans):
        return say("foreign-pair", rng, language, REFUSAL[language], name, **slots)
    return say(name, rng, language, pair_answer(name, plans, nth, language), **slots)


def pair_answer(name, plans, nth, language):
    a, b = plans
    item, tag = plans[nth]["items"][0], plans[nth]["tag"]
    if name.startswith("nth"):
        return {"nth-class": lambda: talk.item_answer(item["class"], language), "nth-colour": lambda: talk.word_answer(talk.TINT[language][item["colour"]], language),
                "nth-price": lambda: talk.price_text(tag) + {"en": ".", "zh": "。"}[language]}[name]()
    alike = talk.price_text(a["tag"]) == talk.price_text(b["tag"]) if name == "same-price" else same(name.removeprefix("same-"))(a, b)
    return yes(alike, language)
