"""Token rows for training: one picture prefix, several independent questions that see the prefix and themselves.

A row is a flat list of tokens with, for each, its segment (0: prefix), position and whether it is an answer.
Positions restart after the prefix, so each segment looks to the decoder exactly like a conversation of its own.
"""
import functools
import json
import torch
from tokenizers import Tokenizer
import asking
import phrases
import talk

TOKENS = 32                            # visual tokens of a picture
PADS = "<|image_pad|>" * TOKENS
PICTURE = f"<|vision_start|>{PADS}<|vision_end|>"
TURN = "<|im_end|>\n<|im_start|>assistant\n"
SPELT = .2                             # share of training questions whose words fall apart: pairs of the vocabulary left unmelted now and then
DROPOUT = .15


def dropping(tokenizer):
    """The tokenizer with BPE dropout, so that words are also known by their letters."""
    table = json.loads(tokenizer.to_str())
    table["model"]["dropout"] = DROPOUT
    return Tokenizer.from_str(json.dumps(table))


def plans_of(plan):
    """The pictures that a row shows: one, or the two of a pair."""
    return plan["plans"] if plan["type"] == "pair" else [plan]


class Row:
    def __init__(self):
        self.ids, self.segments, self.positions, self.answers = [], [], [], []

    def add(self, ids, segment, start, answer=False):
        """Append tokens; returns the position after them."""
        self.ids += ids
        self.segments += [segment] * len(ids)
        self.positions += range(start, start + len(ids))
        self.answers += [answer] * len(ids)
        return start + len(ids)


class RowMaker:
    """Rows for scene records; `rough` questions are what hurried people type."""

    def __init__(self, tokenizer, rng, questions=4, rough=True):
        self.rng, self.questions, self.rough = rng, questions, rough
        self.spelt = dropping(tokenizer)
        self.encode = functools.lru_cache(200000)(lambda text: tuple(tokenizer.encode(text).ids))

    def ids(self, text):
        return list(self.encode(text))

    def asked(self, plan, language=None):
        question = asking.ask(plan, self.rng, language)
        return self.typed(question["question"], question["language"]), question["answer"]

    def typed(self, question, language):
        """Token ids of a question as somebody types it."""
        if not self.rough:
            return self.ids(question)
        text = phrases.hurried(question, language, self.rng)
        return list(self.spelt.encode(text).ids) if self.rng.random() < SPELT else self.ids(text)

    def system(self):
        if self.rng.random() > .12:
            return ""
        prompts = talk.SYSTEM[("en", "zh")[int(self.rng.random() < .5)]]
        return f"<|im_start|>system\n{prompts[int(self.rng.integers(len(prompts)))]}<|im_end|>\n"

    def answer(self, row, text, segment, at):
        at = row.add(self.ids(TURN), segment, at)
        return row.add(self.ids(text + "<|im_end|>"), segment, at, True)

    def training_row(self, plan):
        """Most rows ask apart; some hold a conversation, some put the words before the picture."""
        draw = self.rng.random()
        if draw < .05:
            return self.words_first(plan)
        row = Row()
        start = row.add(self.ids(f"{self.system()}<|im_start|>user\n{PICTURE * len(plans_of(plan))}"), 0, 0)
        if draw < .2:
            self.conversation(row, plan, start)
        else:
            for segment in range(1, self.questions + 1):
                question, answer = self.asked(plan)
                self.answer(row, answer, segment, row.add(question, segment, start))
        return row

    def conversation(self, row, plan, at):
        language = ("en", "zh")[int(self.rng.random() < .5)] if self.rng.random() < .7 else None
        for turn in range(min(3, self.questions)):
            question, answer = self.asked(plan, language)
            opening = "" if turn == 0 else "\n<|im_start|>user\n"
            at = self.answer(row, answer, 1, row.add(self.ids(opening) + question, 1, at))

    def words_first(self, plan):
        row = Row()
        question, answer = self.asked(plan)
        at = row.add(self.ids(f"{self.system()}<|im_start|>user\n") + question + self.ids(PICTURE * len(plans_of(plan))), 0, 0)
        self.answer(row, answer, 1, at)
        return row

    def small_talk(self):
        """A row without a picture."""
        row, start = Row(), 0
        start = row.add(self.ids(f"{self.system()}<|im_start|>user\n"), 0, 0)
        pairs = [(language, *pair) for language in ("en", "zh") for pair in talk.SMALL_TALK[language]]
        for segment, n in enumerate(self.rng.permutation(len(pairs))[:5], 1):
            language, question, answer = pairs[n]
            self.answer(row, answer, segment, row.add(self.typed(question, language), segment, start))
        return row

    def question_row(self, questions, pictures=1):
        """All given questions of one picture, or of several, as segments of one row (evaluation)."""
        row = Row()
        start = row.add(self.ids(f"<|im_start|>user\n{PICTURE * pictures}"), 0, 0)
        for segment, q in enumerate(questions, 1):
            self.answer(row, q["answer"], segment, row.add(self.ids(q["question"]), segment, start))
        return row


def collate(rows, pad):
    """Right-padded tensors {"ids", "positions", "mask", "answers", "segments"}."""
    n = max(len(r.ids) for r in rows)
    fill = lambda values, blank: torch.tensor([v + [blank] * (n - len(v)) for v in values])
    segments = fill([r.segments for r in rows], -1)
    same = segments[:, :, None] == segments[:, None, :]
    mask = (same | (segments[:, None, :] == 0)) & torch.ones(n, n, dtype=torch.bool).tril()
    return {"ids": fill([r.ids for r in rows], pad), "positions": fill([r.positions for r in rows], 0), "mask": mask[:, None],
            "answers": fill([r.answers for r in rows], False), "segments": segments}


def answer_logits(model, batch, visual):
    """Logits and targets at the answer tokens only, and where they lie (row, column of the target)."""
    hidden = model.language_model(model.embed(batch["ids"], visual), batch["positions"], batch["mask"])
    row, column = torch.nonzero(batch["answers"], as_tuple=True)
    return model.head(hidden[row, column - 1]), batch["ids"][row, column], row, column
