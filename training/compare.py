"""Are two pictures alike? Probes on the decoder, in training only: what the second picture's tokens have to know of the first.

What the first's tokens say has to be known to the second's same ones a layer after they looked there; whether the two items are of one class
or colour is read off the second's item token a layer later, whether the prices are the same off its scene token another later. The
answers alone had taught none of it after 340 steps of school, the last two readings without the first none after 75 more.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
import heads
import sequences
import talk
from lookups import SINK

CARRIED, ITEM, SCENE = -5, -4, -3      # layers whose output is probed, counted from the last
CLASSES, COLOURS, DIGITS = 10, 12, 11  # the last digit: none


class Comparer(nn.Module):
    def __init__(self, model, pad):
        super().__init__()
        self.pad, self.seen = pad, {}
        hidden = model.config["text_config"]["hidden_size"]
        self.item, self.scene = nn.Linear(hidden, 2), nn.Linear(hidden, 1)
        self.others_item, self.others_digit = nn.Linear(hidden, CLASSES + COLOURS), nn.Linear(hidden, DIGITS)
        for layer in (CARRIED, ITEM, SCENE):
            model.language_model.layers[layer].register_forward_hook(lambda m, i, out, layer=layer: self.seen.__setitem__(layer, out))

    def loss(self, rows, plans):
        """(loss, share of right readings) of the pairs among the rows, after the forward pass."""
        chosen = [(n, row, plan["plans"]) for n, (row, plan) in enumerate(zip(rows, plans)) if plan["type"] == "pair" and all(p["items"] for p in plan["plans"])]
        if not chosen:
            return torch.zeros(()), 1.0
        row = torch.tensor([n for n, _, _ in chosen])
        at = torch.tensor([r.ids.index(self.pad, r.ids.index(self.pad) + sequences.TOKENS) for _, r, _ in chosen])
        said = torch.cat([self.item(self.seen[ITEM][row, at].float()), self.scene(self.seen[SCENE][row, at + SINK].float())], -1)
        true = torch.tensor([alike(*pair) for _, _, pair in chosen])
        known = true >= 0
        loss = F.binary_cross_entropy_with_logits(said[known], true[known]) + self.carried(row, at, [pair[0] for _, _, pair in chosen])
        return loss, ((said > 0) == (true > 0))[known].float().mean().item()

    def carried(self, row, at, firsts):
        """Does the second's token know what the first's says? Class and colour of its item, its digits."""
        items, digits, _ = heads.slot_targets(firsts)
        item = self.others_item(self.seen[CARRIED][row, at].float())
        digit = torch.stack([self.others_digit(self.seen[CARRIED][row, at + 4 + n].float()) for n in range(3)], 1)
        return (F.cross_entropy(item[:, :CLASSES], items["class"][:, 0]) + F.cross_entropy(item[:, CLASSES:], items["colour"][:, 0]) + F.cross_entropy(digit.flatten(0, 1), digits.flatten())) / 3


def alike(a, b):
    """Same class, same colour, same price (-1: one has none)."""
    same = lambda field: float(a["items"][0][field] == b["items"][0][field])
    priced = all(p["tag"] and not p.get("unclear") for p in (a, b))
    return [same("class"), same("colour"), float(talk.price_text(a["tag"]) == talk.price_text(b["tag"])) if priced else -1.]
