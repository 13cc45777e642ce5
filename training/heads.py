"""The auxiliary per-patch heads: what covers this patch? Used in training, dropped from the checkpoint."""
import os
import torch
import torch.nn as nn
import torch.nn.functional as F

SIZES = {"class": 11, "colour": 13, "pattern": 5, "left": 11, "right": 11, "kind": 6}
WEIGHTS = {"class": 1.0, "colour": .4, "pattern": .4, "left": .5, "right": .5, "kind": .3}
NONE_WEIGHT = {"class": .3, "colour": .3, "pattern": .3, "left": .08, "right": .08, "kind": .08}
FEATURES = 96


class PatchHeads(nn.Module):
    """Linear readings of the vision tower's output, plus the teacher's feature of the covering photo."""

    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, sum(SIZES.values()) + FEATURES)

    def forward(self, features):
        parts = self.out(self.norm(features)).split([*SIZES.values(), FEATURES], -1)
        return dict(zip([*SIZES, "features"], parts))


class TokenHeads(nn.Module):
    """The same readings from the visual tokens: token i answers for patches 2i and 2i + 1.

    Without this the resampler's queries find their places only through the answers, which took several times as long."""

    def __init__(self, hidden):
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.out = nn.Linear(hidden, 2 * (sum(SIZES.values()) + FEATURES))

    def forward(self, tokens):
        rows = self.out(self.norm(tokens)).view(len(tokens), 64, -1)
        return dict(zip([*SIZES, "features"], rows.split([*SIZES.values(), FEATURES], -1)))


PLACES = ["middle", "left", "right", "top", "bottom", "top left", "top right", "bottom left", "bottom right"]
CELLS = {"middle": 0, "left": 0, "top": 0, "top left": 0, "right": 1, "top right": 1, "bottom": 2, "bottom left": 2, "bottom right": 3}
ITEM_SIZES = {"class": 11, "colour": 13, "pattern": 5, "place": 10}
SCENE_SIZES = {"count": 5, "currency": 3, "kind": 7, "unclear": 2}    # kind: five dialogs, a shop window, a foreign picture


class SlotHeads(nn.Module):
    """Readings of the first eight visual tokens: four items by quarter of the picture, three digits in order, the scene.

    A place to look for each answer: without it, ordered digits and counts had not been learned after 1,400 steps."""

    def __init__(self, hidden):
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.item = nn.Linear(hidden, sum(ITEM_SIZES.values()))
        self.digit = nn.Linear(hidden, 11)
        self.scene = nn.Linear(hidden, sum(SCENE_SIZES.values()))

    def loss(self, tokens, plans):
        """(loss, hit rates) of [b, 32, hidden] tokens against the scene records."""
        x = self.norm(tokens[:, :8])
        items, digits, scene = slot_targets(plans)
        parts = dict(zip(ITEM_SIZES, self.item(x[:, :4]).flatten(0, 1).split([*ITEM_SIZES.values()], -1)))
        weights = {"class": .6, "colour": .6, "pattern": .4, "place": .3}
        total = sum(w * F.cross_entropy(parts[n], items[n].flatten()) for n, w in weights.items())
        out = self.digit(x[:, 4:7]).flatten(0, 1)
        total = total + 1.5 * F.cross_entropy(out, digits.flatten(), weight=torch.tensor([1.] * 10 + [.2]))
        for name, part in zip(SCENE_SIZES, self.scene(x[:, 7]).split([*SCENE_SIZES.values()], -1)):
            total = total + .5 * F.cross_entropy(part, scene[name])
        real, written = items["class"].flatten() != 10, digits.flatten() != 10
        hit = lambda o, t, m: (o[m].argmax(-1) == t[m]).float().mean()
        return total, {"slot-class": hit(parts["class"], items["class"].flatten(), real), "slot-colour": hit(parts["colour"], items["colour"].flatten(), real),
                       "slot-digit": hit(out, digits.flatten(), written)}


def slot_targets(plans):
    """Class indices of every slot; the last index of each table means nothing there."""
    b = len(plans)
    items = {n: torch.full((b, 4), size - 1) for n, size in ITEM_SIZES.items()}
    digits = torch.full((b, 3), 10)
    scene = {n: torch.zeros(b, dtype=torch.long) for n in SCENE_SIZES}
    kinds = ["error", "warning", "info", "success", "loading"]
    for n, plan in enumerate(plans):
        for item in plan["items"]:
            cell = CELLS[item["place"] or "middle"]
            for name in ("class", "colour", "pattern"):
                items[name][n, cell] = item[name]
            items["place"][n, cell] = PLACES.index(item["place"]) if item["place"] else -100
        unclear = bool(plan.get("unclear"))
        tag = None if unclear else plan["tag"]
        text = "" if unclear else plan["code"] if plan["type"] == "dialog" else str(tag["value"]) if tag else ""
        digits[n, :len(text)] = torch.tensor([int(c) for c in text], dtype=torch.long)
        scene["count"][n] = len(plan["items"])
        scene["currency"][n] = 1 + "¥$".index(tag["currency"]) if tag else 0
        scene["kind"][n] = kinds.index(plan["kind"]) if plan["type"] == "dialog" else 6 if plan["type"] == "foreign" else 5
        scene["unclear"][n] = int(unclear)
    return items, digits, scene


class TeacherLabels:
    """Soft classes and standardised features of the photos, as teacher.py left them."""

    @classmethod
    def found(cls, path):
        """None where no teacher was trained: the heads then learn from the records alone."""
        return cls(path) if os.path.exists(path) else None

    def __init__(self, path):
        import numpy as np
        data = np.load(path)
        self.probabilities = torch.from_numpy(data["logits"]).float().softmax(-1)
        features = torch.from_numpy(data["features"]).float()
        self.features = (features - features.mean(0)) / (features.std(0) + 1e-3)


def loss_of(out, labels, photo, teacher):
    """Weighted sum of the heads' losses and its parts. Everything is [b, k, ...] over the patches looked at."""
    parts = {}
    for name, size in SIZES.items():
        weight = torch.ones(size)
        weight[-1] = NONE_WEIGHT[name]
        parts[name] = F.cross_entropy(out[name].flatten(0, 1), labels[name].flatten(), weight=weight, ignore_index=-100)
    total = sum(WEIGHTS[n] * v for n, v in parts.items())
    owned = photo >= 0
    if teacher is not None and owned.any():
        ids = photo[owned]
        logits = out["class"][owned].log_softmax(-1)[:, :10]
        parts["soft"] = -(teacher.probabilities[ids] * logits).sum(-1).mean()
        parts["feature"] = F.smooth_l1_loss(out["features"][owned], teacher.features[ids])
        total = total + .7 * parts["soft"] + 1.5 * parts["feature"]
    return total, parts


@torch.no_grad()
def score(out, labels, slots, plans):
    """Hits of the heads, an item's class read as the mean of its patches: {name: (hits, total)}."""
    tally = {}

    def add(name, hit):
        hits, total = tally.get(name, (0, 0))
        tally[name] = (hits + int(hit), total + 1)

    for n, plan in enumerate(plans):
        scene = "one" if len(plan["items"]) == 1 else "crowd"
        for k, item in enumerate(plan["items"]):
            mine = slots[n] == k
            if mine.any():
                for name in ("class", "colour", "pattern"):
                    add(f"{name}/{scene}", int(out[name][n][mine][:, :-1].mean(0).argmax()) == item[name])
        for name in ("left", "right", "kind"):
            none = SIZES[name] - 1
            for cell in torch.nonzero(labels[name][n] != none)[:, 0].tolist():
                add("digit" if name != "kind" else "kind", int(out[name][n, cell].argmax()) == int(labels[name][n, cell]))
    return tally


def percents(tally):
    return " ".join(f"{k} {100 * h / t:.1f}" for k, (h, t) in sorted(tally.items()))
