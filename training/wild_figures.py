"""What `ocellus eval eval eval/wild --json > scores.json --failures wrong.jsonl` says of the second recipe's goals:
`python training/wild_figures.py scores.json wrong.jsonl` prints, for each set and language, exact answers, answers in the
question's language, and refusals of what should not be refused.
"""
import json
import sys
from collections import Counter
import talk

REFUSED = {t.rstrip(".。") for t in talk.REFUSAL.values()}


def is_chinese(text):
    return any(ord(c) > 0x2E80 for c in text)


def in_language(text, language):
    """Codes and prices are of every language; otherwise no Chinese letter in English, and no word of Latin letters alone in Chinese."""
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return True
    return not is_chinese(text) if language == "en" else is_chinese(text) and not any(w.isascii() and w.isalpha() and len(w) > 2 for w in text.replace("Ocellus", "").split())


def counts(run, wrong):
    """Of each set and language: questions, right answers, answers in another language."""
    total, right = Counter(), Counter()
    for s in run["scores"]:
        _, _, scene = s["group"].partition("/")
        if scene and s["language"] in ("en", "zh"):
            total[scene, s["language"]] += s["questions"]
            right[scene, s["language"]] += s["correct"]
    return total, right, Counter((w["scene"], w["language"]) for w in wrong if not in_language(w["found"], w["language"]))


def main(scores, failures):
    with open(scores, encoding="utf-8") as file:
        run = json.load(file)["runs"][0]
    with open(failures, encoding="utf-8") as file:
        wrong = [json.loads(line) for line in file]
    total, right, foreign = counts(run, wrong)
    kinds = {(*s["group"].partition("/")[::2], s["language"]): (s["correct"], s["questions"]) for s in run["scores"] if "/" in s["group"] and s["language"] in ("en", "zh")}
    refused = Counter((w["scene"], w["language"]) for w in wrong if w["found"].rstrip(".。") in REFUSED)
    for key in sorted(total):
        n = total[key]
        print(f"{key[0]:16s} {key[1]} of {n:5d}: right {100 * right[key] / n:5.1f}  in the question's language {100 - 100 * foreign[key] / n:6.2f}  wrongly refused {100 * refused[key] / n:5.2f}")
    n = sum(total.values())
    print(f"{'all':19s} of {n:5d}: right {100 * sum(right.values()) / n:5.1f}  in the question's language {100 - 100 * sum(foreign.values()) / n:6.2f}  wrongly refused {100 * sum(refused.values()) / n:5.2f}")
    for key in sorted(kinds, key=lambda k: (k[1], k[0], k[2])):
        print(f"  {key[1]:16s} {key[0]:12s} {key[2]} {100 * kinds[key][0] / kinds[key][1]:5.1f} of {kinds[key][1]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
