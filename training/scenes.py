"""Shop-window scenes, made on the fly: one to four tinted product photos on a ground, perhaps a price tag.

Everything a question may be asked about is drawn first as a plain record (`plan_scene`), then a whole batch
is rendered with tensor arithmetic (`render`). Sizes are pixels of the 112x112 picture. A patch is one cell of
the 8x8 grid that the vision tower sees; its labels are what the auxiliary heads learn (training only).

Colours: twelve tints under a shading that is normalised per photo, so that the brightest part of an item
shows its tint whatever the photo's grey; `FLOORS` keeps the darkest shade of a tint nearer to it than to any
other (python scenes.py prints the measured distances).
"""
import math
import numpy as np
import torch
import torch.nn.functional as F

SIZE, GRID, PATCH = 112, 8, 14
CLASSES = ["t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
COLOURS = ["red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "brown", "black", "white", "grey"]
PATTERN_SHARES = [.4, .2, .2, .2]
PATTERNS = ["plain", "striped", "dotted", "checked"]
TINTS = torch.tensor([
    [222, 28, 38], [255, 138, 10], [252, 224, 40], [34, 150, 58], [60, 208, 220], [30, 84, 228],
    [138, 48, 182], [255, 150, 192], [112, 64, 30], [74, 74, 78], [252, 252, 252], [134, 134, 136]]) / 255
# Second tone of a pattern: white-ish for the dark tints, dark for the light ones.
SECOND = torch.tensor([
    [255, 205, 205], [255, 232, 200], [120, 95, 10], [205, 245, 210], [15, 90, 110], [200, 215, 255],
    [232, 205, 250], [255, 255, 255], [232, 205, 180], [222, 222, 222], [112, 112, 118], [40, 40, 42]]) / 255
FLOORS = torch.tensor([.45, .62, .55, .45, .5, .45, .45, .55, .5, .25, .66, .62])


class PhotoBank:
    """Photos of one split as two float planes each: alpha (holes filled) and shade (brightest part = 1)."""

    def __init__(self, photos, labels):
        self.labels = torch.from_numpy(labels)
        grey = torch.from_numpy(photos.copy()).float() / 255
        alpha = foreground(grey)
        bright = torch.quantile(torch.where(alpha > 0, grey, torch.zeros(())).flatten(1), 0.93, dim=1).clamp(min=0.12)
        shade = (grey / bright[:, None, None]).clamp(0, 1)
        self.planes = (torch.stack([alpha, shade], 1) * 255).to(torch.uint8)   # [n, 2, 28, 28]

    def __len__(self):
        return len(self.labels)


def foreground(grey, threshold=0.03):
    """1 where the border cannot reach through near-black pixels, so black areas inside an item stay item."""
    empty = F.pad((grey < threshold).half().float(), (1, 1, 1, 1), value=1.0)[:, None]
    reached = torch.zeros_like(empty)
    reached[:, :, 0] = reached[:, :, -1] = reached[..., 0] = reached[..., -1] = 1
    parts = []
    for r, e in zip(reached.split(4000), empty.split(4000)):
        for _ in range(28):
            cross = torch.maximum(F.max_pool2d(r, (3, 1), 1, (1, 0)), F.max_pool2d(r, (1, 3), 1, (0, 1)))
            r = cross * e
        parts.append(1 - r[:, 0, 1:-1, 1:-1])
    return torch.cat(parts)


# ---------------------------------------------------------------- plans

def item(rng, bank, x, y, size, place):
    """One product: which photo, how it is tinted and where it lies."""
    photo = int(rng.integers(len(bank)))
    return {"photo": photo, "class": int(bank.labels[photo]), "colour": int(rng.integers(12)),
            "pattern": int(rng.choice(4, p=PATTERN_SHARES)), "x": float(x), "y": float(y), "size": float(size), "place": place,
            "turn": float(rng.uniform(-15, 15)), "flip": bool(rng.random() < 0.5),
            "period": float(rng.uniform(8.5, 11) if size < 60 else rng.uniform(9.5, 14)),
            "lean": float(rng.choice([0.0, 90.0, 45.0]))}


def one_item(rng, bank, tag, band):
    """A single large item; under a tag or between letterbox bands it is smaller."""
    if tag:
        size = rng.uniform(62, 80)
        y = rng.uniform(size * .46, 82 - size * .44)
        x = rng.uniform(size * .47, SIZE - size * .47)
        if tag["y"] < 56:
            y = SIZE - y
        return [item(rng, bank, x, y, size, None)]
    size = rng.uniform(62, 80) if band else rng.uniform(64, 102)
    margin = size * .48
    if rng.random() < 0.3:
        x, y = rng.uniform(50, 62, 2)
        return [item(rng, bank, x, y, size, "middle")]
    x, y = rng.uniform(margin, SIZE - margin, 2) if margin < 56 else (56, 56)
    if band:
        across = rng.uniform(14 + size * .4, SIZE - 14 - size * .4)
        x, y = (x, across) if band > 0 else (across, y)
    return [item(rng, bank, x, y, size, None)]


CORNERS = {"top left": (29, 29), "top right": (83, 29), "bottom left": (29, 83), "bottom right": (83, 83)}


def pair(rng, bank, diagonal):
    """Two items side by side, one above the other, or in opposite corners."""
    size = lambda: rng.uniform(48, 62)
    jitter = lambda span: rng.uniform(-span, span)
    if diagonal:
        names = [["top left", "bottom right"], ["top right", "bottom left"]][rng.integers(2)]
        return [item(rng, bank, CORNERS[n][0] + jitter(3), CORNERS[n][1] + jitter(3), rng.uniform(46, 56), n) for n in names]
    if rng.random() < 0.5:
        middle = 56 + jitter(18)
        return [item(rng, bank, x + jitter(3), middle + jitter(6), size(), n) for n, x in (("left", 28), ("right", 84))]
    middle = 56 + jitter(18)
    return [item(rng, bank, middle + jitter(6), y + jitter(3), size(), n) for n, y in (("top", 28), ("bottom", 84))]


def crowd(rng, bank, count):
    """Three or four items, one to a corner."""
    names = list(CORNERS)
    rng.shuffle(names)
    return [item(rng, bank, CORNERS[n][0] + rng.uniform(-3, 3), CORNERS[n][1] + rng.uniform(-3, 3), rng.uniform(44, 56), n)
            for n in names[:count]]


def plan_tag(rng, corner=None):
    """A price: two or three digits with a currency mark; placed in a free corner or along an edge."""
    digits = 2 if rng.random() < 0.45 else 3
    value = int(rng.integers(10, 100) if digits == 2 else rng.integers(100, 1000))
    tag = {"currency": str(rng.choice(["¥", "$"])), "value": value, "font": int(rng.integers(1 << 30)), "style": int(rng.integers(6))}
    if corner:
        tag.update(x=CORNERS[corner][0] + rng.uniform(-2, 2), y=CORNERS[corner][1] + rng.uniform(-12, 12), height=float(rng.uniform(13, 14.5)))
    else:
        tag.update(x=rng.uniform(32, 80), y=float(rng.choice([13, 99]) + rng.uniform(-2, 2)), height=float(rng.uniform(13, 17)))
    return tag


def plan_scene(rng, bank, count=None, tagged=None):
    """The record of one shop-window scene."""
    count = count or int(rng.choice([1, 2, 3, 4], p=[.46, .2, .1, .24]))
    tagged = rng.random() < 0.4 if tagged is None else tagged
    tag, band = None, 0
    if count == 1:
        tag = plan_tag(rng) if tagged else None
        band = int(rng.integers(4, 15)) * int(rng.choice([-1, 1])) if not tag and rng.random() < 0.15 else 0
        items = one_item(rng, bank, tag, band)
    elif count == 2:
        items = pair(rng, bank, diagonal=tagged or rng.random() < 0.25)
    else:
        items = crowd(rng, bank, count)
    if tagged and count in (2, 3):
        free = [n for n in CORNERS if n not in [i["place"] for i in items]]
        tag = plan_tag(rng, free[rng.integers(len(free))])
    return {"type": "shop", "items": items, "tag": tag, "band": band, "ground": int(rng.integers(3)), "seed": int(rng.integers(1 << 31))}


# ---------------------------------------------------------------- rendering

def clutter_bank(count=192, side=176, seed=7):
    """Grey textures for cluttered grounds: soft noise at two scales, bars and boxes."""
    rng = np.random.default_rng(seed)
    noise = lambda cells: F.interpolate(torch.from_numpy(rng.random((count, 1, cells, cells), np.float32)), (side, side), mode="bilinear")[:, 0]
    bank = 0.5 * noise(6) + 0.3 * noise(22) + 0.1
    for n in range(count):
        for _ in range(int(rng.integers(4, 14))):
            x, y = rng.integers(0, side - 8, 2)
            w, h = rng.integers(3, 40, 2)
            bank[n, y:y + h, x:x + w] = bank[n, y:y + h, x:x + w] * 0.5 + 0.5 * float(rng.random())
    return bank


CLUTTER = None


def grounds(plans, rng, photograph=None):
    """Ground pictures [b, 3, 112, 112]; of six candidate colours the one farthest from the items' tints wins. Ground 3 is a photograph, paler or not."""
    global CLUTTER
    if CLUTTER is None:
        CLUTTER = clutter_bank()
    b = len(plans)
    value = rng.uniform(0.42, 1.0, (b, 6, 1))
    candidates = torch.from_numpy((value * (1 - rng.uniform(0, 0.4, (b, 6, 1)) * rng.random((b, 6, 3)))).astype(np.float32))
    first = torch.stack([farthest(c, [i["colour"] for i in p["items"]]) for c, p in zip(candidates, plans)])
    second = (first * 0.72 + 0.28 * candidates[:, 5] + torch.from_numpy(rng.uniform(-.12, .12, (b, 1)).astype(np.float32))).clamp(0.3, 1)
    kind = torch.tensor([p["ground"] for p in plans])
    ramp = torch.linspace(-.5, .5, SIZE)
    angle = torch.from_numpy(rng.uniform(0, 2 * math.pi, b).astype(np.float32))
    mix = (angle.cos()[:, None, None] * ramp[None, None] + angle.sin()[:, None, None] * ramp[None, :, None] + .5).clamp(0, 1)
    for n in torch.nonzero(kind == 2)[:, 0].tolist():
        dy, dx = rng.integers(0, CLUTTER.shape[1] - SIZE, 2)
        mix[n] = CLUTTER[int(rng.integers(len(CLUTTER))), dy:dy + SIZE, dx:dx + SIZE] * 1.4 - .2
    mix[(kind == 0) | (kind == 3)] = 0
    picture = first[:, :, None, None] + mix[:, None] * (second - first)[:, :, None, None]
    for n in torch.nonzero(kind == 3)[:, 0].tolist():
        photo = torch.from_numpy(np.asarray(photograph(rng, SIZE)).copy()).permute(2, 0, 1).float() / 255
        picture[n] = torch.lerp(first[n, :, None, None], photo, float(rng.uniform(.3, 1)))
    return picture


def farthest(candidates, colours):
    if not colours:
        return candidates[0]
    return candidates[torch.cdist(candidates, TINTS[colours] * .85).amin(1).argmax()]


def rows_of(plans):
    """(scene, slot, item) of every item of the batch."""
    return [(n, k, i) for n, p in enumerate(plans) for k, i in enumerate(p["items"])]


def item_layers(rows, bank):
    """Every item on its own full canvas: alpha [m,112,112] and colour [m,3,112,112]."""
    column = lambda name: torch.tensor([float(i[name]) for _, _, i in rows])[:, None, None]
    turn, half = torch.deg2rad(column("turn")), column("size") / 2
    axis = torch.arange(SIZE) + .5
    dx, dy = axis[None, None, :] - column("x"), axis[None, :, None] - column("y")
    u, v = turn.cos() * dx + turn.sin() * dy, turn.cos() * dy - turn.sin() * dx        # the item's own axes, pixels
    grid = torch.stack([u / half * (1 - 2 * column("flip")), v / half], -1)
    planes = bank.planes[torch.tensor([i["photo"] for _, _, i in rows])].float() / 255
    alpha, shade = F.grid_sample(planes, grid, mode="bilinear", padding_mode="zeros", align_corners=False).unbind(1)
    colour = torch.tensor([i["colour"] for _, _, i in rows])
    second = pattern_mask(rows, u, v, column)
    floor = FLOORS[colour][:, None, None]
    tone = (floor + (1 - floor) * shade)[:, None]
    tint, other = TINTS[colour][:, :, None, None], SECOND[colour][:, :, None, None]
    return alpha, tone * torch.lerp(tint, other, second[:, None])


def pattern_mask(rows, u, v, column):
    """0 where an item shows its tint, up to .85 where it shows the second tone; edges one pixel soft."""
    mask = torch.zeros_like(u)
    pattern = torch.tensor([i["pattern"] for _, _, i in rows])
    lean, period = torch.deg2rad(column("lean")), column("period")
    for code, draw in enumerate((stripes, dots, checks), 1):
        m = torch.nonzero(pattern == code)[:, 0]
        if len(m):
            c, n = lean[m].cos() / period[m], lean[m].sin() / period[m]
            s, t = c * u[m] + n * v[m], c * v[m] - n * u[m]
            mask[m] = .85 * draw((s - s.floor() - .5).abs_(), (t - t.floor() - .5).abs_(), period[m])
    return mask


def soft(inside, period):
    """A distance in periods as coverage: one pixel from 0 to 1."""
    return (inside * period + .5).clamp_(0, 1)


def stripes(s, t, period):
    return soft(.18 - s, period)


def dots(s, t, period):
    return soft(.31 - (s * s + t * t).sqrt_(), period)


def checks(s, t, period):
    a, b = soft(.25 - s, period), soft(.25 - t, period)
    return a + b - 2 * a * b


def compose(plans, bank, rng, photograph=None):
    """Ground, shadows and items. Returns the pictures (0..1) and each pixel's owner slot (-1: none)."""
    picture = grounds(plans, rng, photograph)
    owner = torch.full((len(plans), SIZE, SIZE), -1, dtype=torch.int8)
    rows = rows_of(plans)
    if not rows:
        return picture, owner
    alpha, colour = item_layers(rows, bank)
    slots = torch.tensor([k for _, k, _ in rows])
    scenes = torch.tensor([n for n, _, _ in rows])
    strength = 0.25 + 0.35 * torch.from_numpy(rng.random(len(rows)).astype(np.float32))
    coarse = F.avg_pool2d(alpha[:, None], 4) * strength[:, None, None, None]
    shadow = torch.roll(F.interpolate(coarse, (SIZE, SIZE), mode="bilinear"), (2, 1), (2, 3))
    for k in range(int(slots.max()) + 1):
        m = slots == k
        n, a = scenes[m], alpha[m][:, None]
        below = picture[n] * (1 - shadow[m])
        picture[n] = below + a * (colour[m] - below)
        o = owner[n]
        o[a[:, 0] > .5] = k
        owner[n] = o
    return picture, owner


def patch_owners(owner, cover=.35, touch=.12):
    """Slot that covers each patch [b, 64]; -1 none, -2 undecided (the heads ignore it)."""
    b = len(owner)
    shares = torch.stack([(owner == k).view(b, GRID, PATCH, GRID, PATCH).float().mean((2, 4)) for k in range(4)], -1)
    best, slot = shares.view(b, 64, 4).max(-1)
    return torch.where(best >= cover, slot, torch.where(best < touch, -1, -2))


def measure_tints():
    """Print, for each tint, the nearest other tint over all shades and exposures that scenes use."""
    shades = torch.stack([TINTS * (FLOORS + (1 - FLOORS) * s)[:, None] * e for s in (.6, .8, 1) for e in (.88, 1, 1.07)]).clamp(0, 1)
    for c, name in enumerate(COLOURS):
        gaps = torch.cdist(shades[:, c], shades.flatten(0, 1)).view(len(shades), len(shades), 12).amin((0, 1))
        gaps[c] = 9
        print(f"{name:8s} nearest {COLOURS[gaps.argmin()]:8s} {gaps.min():.3f}")


if __name__ == "__main__":
    measure_tints()
