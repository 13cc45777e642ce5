"""Batches: plans, rendered pictures and the per-patch labels of the auxiliary heads."""
import numpy as np
import torch
import camera
import dialogs
import fit
import pairs
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


FOREIGN, EMPTY = .09, .012             # shares of foreign pictures, and of grounds with nothing on them
TWINS = .5                             # shop windows of one item that are followed by one like it
UNCLEAR = .2                           # of dialogs and of price tags
PHOTO_GROUND = .15


class SceneSampler:
    """An endless, seeded source of scenes of one split. `plain`: those of the first recipe, square and clear, nothing foreign."""

    def __init__(self, bank, seed, dialog_share=.2, pool=4000, plain=False, foreign=None):
        self.bank, self.dialog_share, self.plain, self.foreign = bank, dialog_share, plain or not foreign, foreign
        self.rng = np.random.default_rng(seed)
        self.dialogs = Pool(self.new_dialog, pool)
        self.tags = Pool(lambda rng: tags.finished(scenes.plan_tag(rng)), pool)
        self.small_tags = Pool(lambda rng: tags.finished(scenes.plan_tag(rng, "top left")), pool)   # for crowded scenes

    def new_dialog(self, rng):
        plan = dialogs.plan_dialog(rng)
        return dialogs.finished(plan if self.plain else dialogs.wilder(plan, rng, camera.random_frame(rng), rng.random() < UNCLEAR))

    def plan(self, **forced):
        """One record; its drawn parts (dialog window, price tag) come from the pools under "drawn"."""
        if not self.plain and self.rng.random() < FOREIGN + EMPTY:
            return self.foreign_plan(self.rng.random() < FOREIGN / (FOREIGN + EMPTY))
        if self.rng.random() < self.dialog_share:
            plan, drawn = self.dialogs.take(self.rng)
            return self.on_ground({**plan, "drawn": drawn, "ground": int(self.rng.integers(3))})
        plan = scenes.plan_scene(self.rng, self.bank, **forced)
        if plan["tag"]:
            tag, drawn = (self.tags if len(plan["items"]) == 1 else self.small_tags).take(self.rng)
            plan["tag"] = {**tag, "x": plan["tag"]["x"], "y": plan["tag"]["y"]}
            plan["drawn"] = drawn
        return plan if self.plain else self.wilder(plan)

    def on_ground(self, plan):
        return {**plan, "ground": 3} if not self.plain and self.rng.random() < PHOTO_GROUND else plan

    def wilder(self, plan):
        """A shop window in any frame, on a photograph at times, its tag unreadable at times."""
        frame = camera.random_frame(self.rng)
        plan = self.on_ground(camera.squeezed(plan, frame, self.rng) if frame else plan)
        if not plan["tag"] or self.rng.random() > UNCLEAR:
            return plan
        pixels, _ = plan["drawn"]
        return {**plan, "unclear": True, "drawn": (camera.illegible(pixels, self.rng), [])}

    def foreign_plan(self, shown):
        plan = {"type": "foreign", "items": [], "tag": None, "band": 0, "ground": int(self.rng.integers(4)), "frame": camera.random_frame(self.rng)}
        return {**plan, "picture": self.foreign.picture(self.rng)} if shown else plan

    def twin(self, plan):
        """Like `plan` in some ways: pairs.py. Its tag is drawn for it."""
        other = pairs.twin(self.rng, self.bank, plan)
        if other["tag"]:
            other["tag"], other["drawn"] = tags.finished(other["tag"])
        return {**self.wilder(other), "twin": True}

    def plans(self, count):
        """Single records, some of them a twin of the one before."""
        out = []
        while len(out) < count:
            plan = self.plan()
            out.append(plan)
            if not self.plain and len(plan["items"]) == 1 and self.rng.random() < TWINS:
                out.append(self.twin(plan))
        return out

    def batch(self, count, plans=None):
        """{"plans", "pixels" float [b,3,112,112] in 0..1, "labels" {head: long [b,64]}, "soft", "features"}."""
        plans = plans or self.plans(count)
        picture, owner = scenes.compose(plans, self.bank, self.rng, self.foreign and self.foreign.ground)
        marks = []
        for n, plan in enumerate(plans):
            if plan["type"] == "dialog":
                digits, icon = dialogs.paste_dialog(picture[n], plan["drawn"])
                marks.append((n, digits, icon, plan["kind"]))
            elif plan["tag"]:
                marks.append((n, tags.paste_tag(picture[n], owner[n], plan["tag"], plan["drawn"], camera.frame_of(plan)), None, None))
            elif plan.get("picture"):
                plan["frame"] = fit.fit_box(*plan["picture"].size)
                picture[n] = torch.from_numpy(fit.fit_picture(plan["picture"])[0]).permute(2, 0, 1).float() / 255
                del plan["picture"]
        picture = camera.jpeg(camera.degrade(camera.light(picture, self.rng), self.rng), plans, self.rng)
        camera.letterbox(picture, plans)
        slots = scenes.patch_owners(owner)
        out = {"plans": plans, "pixels": picture, "labels": self.labels(plans, slots, marks), "slots": slots}
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
        count = len(batch["plans"])
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
        """As `SceneSampler.batch`; the first 2 x `pairs` records are pairs of twins."""
        self.add(max(1, count // self.uses) if len(self.plans) > 4 * count else count)
        chosen = self.source.rng.choice(len(self.plans), count, replace=False).tolist() if len(self.plans) > count else list(range(len(self.plans)))
        twins = [n for n in chosen if self.plans[n].get("twin") and self.plans[n - 1].get("items")]
        chosen = [m for n in twins for m in (n - 1, n)] + [n for n in chosen if n not in twins and n + 1 not in twins]
        chosen = chosen[:count]
        rows = {n: t[chosen] for n, t in self.kept.items()}
        out = {"plans": [self.plans[n] for n in chosen], "pairs": len(twins), "pixels": rows.pop("pixels").float() / 255, "slots": rows.pop("slots"), "photo": rows.pop("photo")}
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
