"""Batches: plans, rendered pictures and the per-patch labels of the auxiliary heads."""
import numpy as np
import torch
import dialogs
import scenes
import tags

IGNORE = -100


class Pool:
    """Drawings kept and drawn again: a new one is made until the pool is full, later for one call in `fresh`."""

    def __init__(self, draw, size, fresh=12):
        self.draw, self.size, self.fresh, self.kept = draw, size, fresh, []

    def take(self, rng):
        if len(self.kept) < self.size or rng.random() * self.fresh < 1:
            made = self.draw(rng)
            if len(self.kept) < self.size:
                self.kept.append(made)
            else:
                self.kept[int(rng.integers(self.size))] = made
            return made
        return self.kept[int(rng.integers(len(self.kept)))]


class SceneSampler:
    """An endless, seeded source of scenes of one split."""

    def __init__(self, bank, seed, dialog_share=.2, teacher=None, pool=4000):
        self.bank, self.teacher, self.dialog_share = bank, teacher, dialog_share
        self.rng = np.random.default_rng(seed)
        self.dialogs = Pool(lambda rng: dialogs.finished(dialogs.plan_dialog(rng)), pool)
        self.tags = Pool(lambda rng: tags.finished(scenes.plan_tag(rng)), pool)
        self.small_tags = Pool(lambda rng: tags.finished(scenes.plan_tag(rng, "top left")), pool)   # for crowded scenes

    def plan(self, **forced):
        """One record; its drawn parts (dialog window, price tag) come from the pools under "drawn"."""
        if self.rng.random() < self.dialog_share:
            plan, drawn = self.dialogs.take(self.rng)
            return {**plan, "drawn": drawn, "ground": int(self.rng.integers(3))}
        plan = scenes.plan_scene(self.rng, self.bank, **forced)
        if plan["tag"]:
            tag, drawn = (self.tags if len(plan["items"]) == 1 else self.small_tags).take(self.rng)
            plan["tag"] = {**tag, "x": plan["tag"]["x"], "y": plan["tag"]["y"]}
            plan["drawn"] = drawn
        return plan

    def batch(self, count, plans=None):
        """{"plans", "pixels" float [b,3,112,112] in 0..1, "labels" {head: long [b,64]}, "soft", "features"}."""
        plans = plans or [self.plan() for _ in range(count)]
        picture, owner = scenes.compose(plans, self.bank, self.rng)
        marks = []
        for n, plan in enumerate(plans):
            if plan["type"] == "dialog":
                digits, icon = dialogs.paste_dialog(picture[n], plan["drawn"])
                marks.append((n, digits, icon, plan["kind"]))
            elif plan["tag"]:
                marks.append((n, tags.paste_tag(picture[n], owner[n], plan["tag"], plan["drawn"]), None, None))
        picture = scenes.degrade(scenes.light(picture, self.rng), self.rng)
        scenes.letterbox(picture, plans)
        slots = scenes.patch_owners(owner)
        out = {"plans": plans, "pixels": picture, "labels": self.labels(plans, slots, marks), "slots": slots}
        if self.teacher is not None:
            out["photo"] = per_patch(plans, slots, lambda i: i["photo"], -1)
        return out

    @staticmethod
    def labels(plans, slots, marks):
        labels = {"class": per_patch(plans, slots, lambda i: i["class"], 10), "colour": per_patch(plans, slots, lambda i: i["colour"], 12),
                  "pattern": per_patch(plans, slots, lambda i: i["pattern"], 4)}
        left, right = torch.full_like(slots, 10), torch.full_like(slots, 10)
        kind = torch.full_like(slots, 5)
        for n, digits, icon, name in marks:
            for digit, x, y in digits:
                cell = cell_of(x, y)
                (left if x % 14 < 7 else right)[n, cell] = digit
            if icon:
                kind[n, cell_of(*icon)] = dialogs.KINDS.index(name)
        labels.update(left=left, right=right, kind=kind)
        return labels


class Replay:
    """Scenes of a sampler, each learnt from `uses` times on average: making one costs as much as learning from it."""

    def __init__(self, source, size=6000, uses=3):
        self.source, self.size, self.uses = source, size, uses
        self.plans, self.kept, self.at = [], {}, 0

    def add(self, count):
        batch = self.source.batch(count)
        rows = {"pixels": (batch["pixels"] * 255).round().byte(), "slots": batch["slots"], "photo": batch["photo"], **batch["labels"]}
        if not self.kept:
            self.kept = {n: torch.empty(self.size, *t.shape[1:], dtype=t.dtype) for n, t in rows.items()}
        places = [(self.at + i) % self.size for i in range(count)]
        for name, t in rows.items():
            self.kept[name][places] = t
        for place, plan in zip(places, batch["plans"]):
            self.plans[place:place + 1] = [plan]
        self.at = (self.at + count) % self.size

    def batch(self, count):
        """As `SceneSampler.batch`."""
        self.add(max(1, count // self.uses) if len(self.plans) > 4 * count else count)
        chosen = self.source.rng.choice(len(self.plans), count, replace=False).tolist() if len(self.plans) > count else list(range(len(self.plans)))
        rows = {n: t[chosen] for n, t in self.kept.items()}
        out = {"plans": [self.plans[n] for n in chosen], "pixels": rows.pop("pixels").float() / 255, "slots": rows.pop("slots"), "photo": rows.pop("photo")}
        return {**out, "labels": rows}


def cell_of(x, y):
    return min(int(y // 14), 7) * 8 + min(int(x // 14), 7)


def per_patch(plans, slots, value, none):
    """A table lookup: the value of the item that owns each patch, `none` where nothing does, IGNORE where undecided."""
    table = torch.full((len(plans), 6), none)
    table[:, 5] = IGNORE if none >= 0 else none
    for n, plan in enumerate(plans):
        for k, item in enumerate(plan["items"]):
            table[n, k] = value(item)
    column = torch.where(slots >= 0, slots, torch.where(slots == -1, 4, 5))
    return table.gather(1, column)


def patches(pixels):
    """[b,3,112,112] in 0..1 -> pixel_values [b,64,588]: patches in raster order, columns channel, y, x."""
    b = len(pixels)
    x = (pixels - .5) / .5
    return x.view(b, 3, 8, 14, 8, 14).permute(0, 2, 4, 1, 3, 5).reshape(b, 64, 588)
