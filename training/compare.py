"""Are two pictures alike? Probes on the decoder, in training only: what the second picture's tokens have to know of the first.

Whether the two items are of one class or colour is read off the second's item token, whether the prices are the same off its scene
token, one layer later, when its digits have been looked at. The answers alone had taught none of it after 340 steps of school.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
import sequences
import talk
from lookups import SINK

ITEM, SCENE = -4, -3                   # layers whose output is probed, counted from the last


class Comparer(nn.Module):
    def __init__(self, model, pad):
        super().__init__()
        self.pad, self.seen = pad, {}
        hidden = model.config["text_config"]["hidden_size"]
        self.item, self.scene = nn.Linear(hidden, 2), nn.Linear(hidden, 1)
        for layer in (ITEM, SCENE):
            model.language_model.layers[layer].register_forward_hook(lambda m, i, out, layer=layer: self.seen.__setitem__(layer, out))

    def loss(self, rows, plans):
        """(loss, share of right readings) of the pairs among the rows, after the forward pass."""
        places, facts = [], []
        for n, (row, plan) in enumerate(zip(rows, plans)):
            if plan["type"] == "pair" and all(p["items"] for p in plan["plans"]):
                first = row.ids.index(self.pad)
                places.append((n, row.ids.index(self.pad, first + sequences.TOKENS)))
                facts.append(alike(*plan["plans"]))
        if not places:
            return torch.zeros(()), 1.0
        row, at = torch.tensor(places).T
        said = torch.cat([self.item(self.seen[ITEM][row, at].float()), self.scene(self.seen[SCENE][row, at + SINK].float())], -1)
        true = torch.tensor(facts)
        known = true >= 0
        return F.binary_cross_entropy_with_logits(said[known], true[known]), ((said > 0) == (true > 0))[known].float().mean().item()


def alike(a, b):
    """Same class, same colour, same price (-1: one has none)."""
    same = lambda field: float(a["items"][0][field] == b["items"][0][field])
    priced = all(p["tag"] and not p.get("unclear") for p in (a, b))
    return [same("class"), same("colour"), float(talk.price_text(a["tag"]) == talk.price_text(b["tag"])) if priced else -1.]
