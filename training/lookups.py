"""Where to look for what is named: supervision of three attention heads of the decoder, in training only.

Of two pictures, what the second's token says of an item or a digit should look at the same token of the first, so that they can be compared.
A question's word ("dress", 红色) should look at the picture's items it fits, or at the scene token when there is none; a whole
description ("a red striped dress") at the item it fits; the answer at the last word of its question. The
circuit (find the item, carry its facts to the word, read them there) has no gradient until all of it stands, and did not form in
1,400 steps and 220,000 questions of plain training; told where to look, the rest follows.
"""
import torch
import heads
import phrases
import sequences
import talk
from modeling_qwen3_vl_resampler import rotary, rotate_half

PAIR, WORD, PHRASE, ANSWER = -5, -3, -2, -1   # layers, counted from the last; the first query head of each
SINK = 7                              # the scene's visual token: "nothing here"
SLOTS = 8                             # visual tokens that say something by themselves


def spellings(tokenizer):
    """{tuple of token ids: (field, code)} of every class, colour, pattern and place."""
    places = {language: [by[p] for p in heads.PLACES] for language, by in talk.PLACE.items()}
    out = {}
    for field, names in (("class", talk.ITEMS), ("colour", talk.TINT), ("pattern", talk.PATTERN), ("place", places)):
        for language, words in names.items():
            for code, word in enumerate(words):
                for name in [word, *phrases.GRAMMAR[language].SYNONYMS.get(word, [])]:
                    for spelled in (" " + name, name) if language == "en" else (name,):
                        out[tuple(tokenizer.encode(spelled).ids)] = (field, code)
    return out


class Lookups:
    def __init__(self, model, tokenizer):
        self.config, self.pad, self.words = model.config["text_config"], model.config["image_token_id"], spellings(tokenizer)
        self.longest = max(map(len, self.words))
        self.seen = {}
        for layer in (PAIR, WORD, PHRASE, ANSWER):
            attention = model.language_model.layers[layer].self_attn
            for part in ("q_norm", "k_norm"):
                getattr(attention, part).register_forward_hook(lambda m, i, out, key=(layer, part): self.seen.__setitem__(key, out))

    def find(self, ids):
        """[(index of the last token, field, code)] of the words after the picture; the longest spelling wins."""
        found, at = [], max((n for n, i in enumerate(ids) if i == self.pad), default=len(ids)) + 1
        while at < len(ids):
            for size in range(self.longest, 0, -1):
                if word := self.words.get(tuple(ids[at:at + size])):
                    found.append((at + size - 1, *word))
                    break
            at += size
        return found

    def targets(self, rows, plans):
        """{layer: [(row, column, [columns to look at])]}."""
        out = {PAIR: [], WORD: [], PHRASE: [], ANSWER: []}
        for n, (row, plan) in enumerate(zip(rows, plans)):
            if self.pad not in row.ids:
                continue
            first = row.ids.index(self.pad)
            if plan["type"] == "pair":
                second = row.ids.index(self.pad, first + sequences.TOKENS)
                out[PAIR] += [(n, second + slot, [first + slot]) for slot in range(SLOTS)]
                continue
            cells = [(heads.CELLS[i["place"] or "middle"], i) for i in plan["items"]]
            at = lambda fits: [first + cell for cell, item in cells if fits(item)] or [first + SINK]
            words = [w for w in self.find(row.ids) if not row.answers[w[0]]]
            for k, (column, field, code) in enumerate(words):
                out[WORD].append((n, column, at(lambda i: i[field] == (heads.PLACES[code] if field == "place" else code))))
                phrase = words[max(0, k - 2):k + 1]
                if [f for _, f, _ in phrase] == ["colour", "pattern", "class"] and column - phrase[0][0] < 6:
                    out[PHRASE].append((n, column, at(lambda i: all(i[f] == c for _, f, c in phrase))))
            out[ANSWER] += [(n, column, [word]) for column, word in answering(row, {w[0] for w in words})]
        return out

    def loss(self, rows, batch, plans):
        """(mean -log of the attention that lies where it should, share of words that look right), after the forward pass."""
        cos, sin = rotary(batch["positions"], self.config["head_dim"], self.config["rope_theta"])
        cos, sin = cos[:, 0], sin[:, 0]
        total, right, count = 0.0, 0, 0
        for layer, wanted in self.targets(rows, plans).items():
            if not wanted:
                continue
            row, column = torch.tensor([w[:2] for w in wanted]).T
            q, k = self.seen[layer, "q_norm"][row, column, 0], self.seen[layer, "k_norm"][:, :, 0]
            q = q * cos[row, column] + rotate_half(q) * sin[row, column]
            k = k * cos + rotate_half(k) * sin
            scores = torch.einsum("wd,wnd->wn", q, k[row]) * self.config["head_dim"] ** -.5
            scores = scores.masked_fill(~batch["mask"][row, 0, column], float("-inf")).log_softmax(-1)
            mark = torch.zeros_like(scores, dtype=torch.bool)
            for n, (_, _, columns) in enumerate(wanted):
                mark[n, columns] = True
            there = scores.masked_fill(~mark, float("-inf")).logsumexp(-1)
            total = total - there.mean()
            right, count = right + int((there > -.69).sum()), count + len(wanted)
        return total, right / max(1, count)


def answering(row, words):
    """[(column that predicts an answer token, column of its question's last word)], for questions that have one."""
    found, word = [], None
    for column in range(len(row.ids) - 1):
        if row.segments[column] != row.segments[column - 1] or (row.answers[column] and not row.answers[column + 1]):
            word = None
        word = column if column in words else word
        if word is not None and row.answers[column + 1] and row.segments[column] == row.segments[column + 1]:
            found.append((column, word))
    return found
