"""What a state of the model knows: exact answers about fixed pictures of validation photos, in plain, trained and held-out phrasings.

An answer counts when every token of it is the greedy choice (teacher-forced argmax says the same).
"""
import numpy as np
import torch
import sequences
import asking

PHRASINGS = ("plain", "trained", "held")


def kind_of(question, plan):
    scene = "one" if len(plan["items"]) == 1 else "crowd"
    return f"{question['kind']}/{scene}" if question["kind"] in ("class", "describe") and plan["items"] else question["kind"]


class Exam:
    """`plans` may hold pairs; `pictures` are their single plans in order, for which `marks` gets visual tokens."""

    def __init__(self, tokenizer, plans, questions=4, seed=6, size=64, phrasings=PHRASINGS):
        self.pictures = [p for plan in plans for p in sequences.plans_of(plan)]
        self.papers = []
        maker, pad = sequences.RowMaker(tokenizer, np.random.default_rng(seed), rough=False), tokenizer.token_to_id("<|endoftext|>")
        for phrasing in phrasings:
            rng, at = np.random.default_rng(seed), 0
            for start in range(0, len(plans), size):
                part = plans[start:start + size]
                count = sum(len(sequences.plans_of(p)) for p in part)
                asked = [[asking.ask(p, rng, l, phrasing) for l in ("en", "zh") * (questions // 2)] for p in part]
                rows = [maker.question_row(q, len(sequences.plans_of(p))) for p, q in zip(part, asked)]
                self.papers.append((phrasing, part, asked, sequences.collate(rows, pad), slice(at, at + count)))
                at += count

    @torch.no_grad()
    def marks(self, model, visual):
        """{phrasing: {(kind, language): (hits, total)}} for the visual tokens [pictures, 32, hidden]."""
        out = {}
        for phrasing, plans, asked, rows, where in self.papers:
            logits, targets, row, column = sequences.answer_logits(model, rows, visual[where])
            bad = logits.argmax(-1) != targets
            wrong = set(zip(row[bad].tolist(), rows["segments"][row[bad], column[bad]].tolist()))
            tally = out.setdefault(phrasing, {})
            for n, (plan, questions) in enumerate(zip(plans, asked)):
                for s, q in enumerate(questions, 1):
                    key = kind_of(q, plan), q["language"]
                    hits, total = tally.get(key, (0, 0))
                    tally[key] = hits + ((n, s) not in wrong), total + 1
        return out


def table(marks):
    """One line a phrasing: everything by language, then each kind (both languages together) in per cent."""
    lines = []
    for phrasing, tally in marks.items():
        share = lambda wanted: 100 * sum(h for k, (h, _) in tally.items() if wanted(k)) / max(1, sum(t for k, (_, t) in tally.items() if wanted(k)))
        kinds = " ".join(f"{kind} {share(lambda k: k == (kind, 'en')):.0f}/{share(lambda k: k == (kind, 'zh')):.0f}" for kind in sorted({k for k, _ in tally}))
        lines.append(f"  {phrasing:8s} en {share(lambda k: k[1] == 'en'):.1f} zh {share(lambda k: k[1] == 'zh'):.1f} | {kinds}")
    return "\n".join(lines)
