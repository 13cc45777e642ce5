"""Help-desk pictures: a rendered dialog window with an icon, a title, a three-digit code and a button.

Drawn with Pillow at twice the size and scaled down; `plan_dialog` decides, `draw_dialog` draws.
"""
import math
import numpy as np
import torch
from PIL import Image, ImageDraw
from camera import frame_of
from tags import CHINESE, LATIN, digit_font, draw_code, font_of

KINDS = ["error", "warning", "info", "success", "loading"]
SIZE = 112
ACCENTS = {"error": [(210, 35, 40), (235, 64, 52)], "warning": [(245, 185, 25), (240, 140, 20)], "info": [(30, 110, 225), (20, 140, 200)],
           "success": [(35, 150, 65), (60, 180, 90)], "loading": [(110, 116, 130), (40, 120, 230)]}
TITLES = {"error": ["Error", "Failed", "错误", "出错了"], "warning": ["Warning", "Attention", "警告", "注意"], "info": ["Info", "Notice", "提示", "信息"],
          "success": ["Success", "Done", "成功", "完成"], "loading": ["Loading", "Please wait", "加载中", "请稍候"]}
BODIES = {"error": ["Something went wrong", "Cannot connect", "操作失败"], "warning": ["Check your settings", "Low disk space", "请检查设置"],
          "info": ["A new version is here", "Read before use", "有新消息"], "success": ["All changes saved", "Payment received", "保存成功"],
          "loading": ["Fetching data...", "Working on it", "正在处理"]}
BUTTONS = {"error": ["Retry", "Close", "重试"], "warning": ["Ignore", "OK", "知道了"], "info": ["OK", "Next", "确定"], "success": ["OK", "Done", "完成"], "loading": ["Cancel", "Hide", "取消"]}


def plan_dialog(rng, kind=None):
    """The record of one dialog picture."""
    kind = kind or KINDS[rng.integers(5)]
    return {"type": "dialog", "kind": kind, "code": f"{rng.integers(100, 1000)}", "items": [], "tag": None, "band": int(rng.integers(4, 15)) if rng.random() < .25 else 0,
            "ground": int(rng.integers(3)), "seed": int(rng.integers(1 << 31))}


def wilder(plan, rng, frame, unclear):
    """A dialog in any frame, smaller than it at times; unreadable ones are far away or out of focus."""
    out = {**plan, "frame": frame, "band": 0}
    if not unclear:
        return {**out, "zoom": float(rng.uniform(.78, 1))} if rng.random() < .3 else out
    return {**out, "unclear": True, **({"smeared": True} if rng.random() < .5 else {"zoom": float(rng.uniform(.28, .42))})}


def text(draw, where, words, size, fill, rng):
    """Words in a font that has their glyphs."""
    path = CHINESE if any(ord(c) > 0x2E80 for c in words) else LATIN[int(rng.integers(len(LATIN)))]
    draw.text(where, words, fill=fill, font=font_of(path, int(size)))


def icon(draw, kind, x, y, r, colour, paper, rng):
    """The kind's sign centred at (x, y) with radius r."""
    line = max(2, int(r * .26))
    if kind == "warning":
        draw.polygon([(x, y - r), (x + r * 1.1, y + r * .9), (x - r * 1.1, y + r * .9)], fill=colour)
        dark = (30, 30, 30) if rng.random() < .6 else (255, 255, 255)
        draw.line((x, y - r * .35, x, y + r * .3), fill=dark, width=line)
        draw.ellipse((x - line * .6, y + r * .5, x + line * .6, y + r * .5 + line * 1.2), fill=dark)
    elif kind == "loading":
        start = rng.integers(0, 360)
        faint = tuple((c + 2 * p) // 3 for c, p in zip(colour, paper))
        draw.arc((x - r, y - r, x + r, y + r), 0, 360, fill=faint, width=line)
        draw.arc((x - r, y - r, x + r, y + r), start, start + 110, fill=colour, width=line)
    else:
        if kind == "error" and rng.random() < .35:
            points = [(x + r * math.cos(math.pi * (2 * k + 1) / 8), y + r * math.sin(math.pi * (2 * k + 1) / 8)) for k in range(8)]
            draw.polygon(points, fill=colour)
        else:
            draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
        mark(draw, kind, x, y, r, line)


def mark(draw, kind, x, y, r, line, white=(255, 255, 255)):
    if kind == "error":
        d = r * .42
        draw.line((x - d, y - d, x + d, y + d), fill=white, width=line)
        draw.line((x - d, y + d, x + d, y - d), fill=white, width=line)
    elif kind == "info":
        draw.line((x, y - r * .15, x, y + r * .6), fill=white, width=line)
        draw.ellipse((x - line * .6, y - r * .62, x + line * .6, y - r * .62 + line * 1.2), fill=white)
    else:
        draw.line([(x - r * .5, y), (x - r * .12, y + r * .38), (x + r * .5, y - r * .35)], fill=white, width=line)


def draw_dialog(plan, scale=2, width=SIZE, height=SIZE):
    """(RGBA window layer, digit centres, icon centre) on a canvas of width x height scene pixels."""
    rng = np.random.default_rng(plan["seed"])
    s = scale
    image = Image.new("RGBA", (width * s, height * s), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    w, h = rng.uniform(min(88, width - 10), min(106, width - 6)), rng.uniform(min(66, height - 8), min(98, height - 6))
    left, top = rng.uniform(3, width - w - 3), rng.uniform(3, height - h - 3)
    dark = rng.random() < .35
    paper = tuple(int(v) for v in (rng.integers(28, 60, 3) if dark else rng.integers(236, 256, 3)))
    ink = (235, 235, 238) if dark else (28, 30, 36)
    accent = ACCENTS[plan["kind"]][rng.integers(2)]
    bar = int(rng.integers(11, 17))
    box = [v * s for v in (left, top, left + w, top + h)]
    draw.rounded_rectangle([box[0] + 2 * s, box[1] + 2 * s, box[2] + 2 * s, box[3] + 2 * s], 4 * s, fill=(0, 0, 0, 90))
    radius = int(rng.choice([0, 3, 6])) * s
    draw.rounded_rectangle(box, radius, fill=paper, outline=tuple(int(v * .6) for v in paper), width=s)
    bar_style(draw, plan, box, bar, s, paper, ink, accent, rng)
    return layout(image, draw, plan, (left, top, w, h, bar), s, paper, ink, accent, rng)


def bar_style(draw, plan, box, bar, s, paper, ink, accent, rng):
    """The title bar: plain, coloured or neutral, with a close mark or three dots."""
    style = rng.integers(4)
    fill = [paper, accent, tuple(int(v * .86) for v in paper), (60, 90, 160)][style]
    words = (255, 255, 255) if style in (1, 3) else ink
    draw.rectangle((box[0] + s, box[1] + s, box[2] - s, box[1] + bar * s), fill=fill)
    name = TITLES[plan["kind"]][rng.integers(4)]
    if rng.random() < .3:
        for k, c in enumerate([(240, 90, 80), (245, 190, 70), (90, 200, 90)]):
            x, y = box[0] + (5 + 6 * k) * s, box[1] + (bar / 2) * s
            draw.ellipse((x - 2 * s, y - 2 * s, x + 2 * s, y + 2 * s), fill=c)
        text(draw, (box[0] + 26 * s, box[1] + 1.5 * s), name, (bar - 4) * s, words, rng)
    else:
        x, y, d = box[2] - 7 * s, box[1] + bar / 2 * s, 2 * s
        draw.line((x - d, y - d, x + d, y + d), fill=words, width=s)
        draw.line((x - d, y + d, x + d, y - d), fill=words, width=s)
        text(draw, (box[0] + 4 * s, box[1] + 1.5 * s), name, (bar - 4) * s, words, rng)


def layout(image, draw, plan, frame, s, paper, ink, accent, rng):
    """Icon, code, one body line and the button, in one of three arrangements."""
    left, top, w, h, bar = frame
    digits = rng.uniform(13.5, 18)
    font, widths = digit_font(int(rng.integers(1 << 20)), round(digits * s))
    label = str(rng.choice(["", "", "E", "#", "E-"]))
    words = label + plan["code"]
    length = sum(widths.get(c) or font.getlength(c) for c in words) / s
    r = rng.uniform(9, 13)
    space = h - bar - 14
    arrangement = rng.integers(3) if w > 84 else 2          # a narrow window: one above the other
    if arrangement == 2 and space < 2 * r + digits + 8:
        arrangement = 0
    middle = top + bar + space * .45
    if arrangement == 0:
        ix, iy, cx, cy = left + 8 + r, middle, left + 12 + 2 * r + rng.uniform(2, 6), middle
    elif arrangement == 1:
        ix, iy, cx, cy = left + w - 8 - r, middle, left + rng.uniform(7, 10), middle
    else:
        gap = (space - 2 * r - digits) / 3
        ix, iy = left + w / 2, top + bar + gap * .7 + r
        cx, cy = left + w / 2 - length / 2, top + bar + gap * 1.5 + 2 * r + digits / 2
    icon(draw, plan["kind"], ix * s, iy * s, r * s, accent, paper, rng)
    cx = min(cx, left + w - length - 3)
    centres = draw_code(draw, words, cx * s, cy * s, font, widths, accent if rng.random() < .2 and plan["kind"] != "warning" else ink)
    body = BODIES[plan["kind"]][rng.integers(3)]
    if arrangement != 2 and space > digits + 18:
        text(draw, (cx * s, (cy + digits / 2 + 3) * s), body, 7 * s, ink, rng)
    button(draw, plan, frame, s, paper, ink, accent, rng)
    return image, [(d, x / s, y / s) for d, x, y in centres], (ix, iy)


def button(draw, plan, frame, s, paper, ink, accent, rng):
    left, top, w, h, _ = frame
    bw, bh = rng.uniform(26, 40), 10.5
    x = rng.choice([left + w - bw - 5, left + (w - bw) / 2])
    y = top + h - bh - 3
    filled = rng.random() < .5
    neutral = tuple(int(v * .85) for v in paper)
    draw.rounded_rectangle((x * s, y * s, (x + bw) * s, (y + bh) * s), 2 * s, fill=(50, 110, 220) if filled else neutral)
    words = BUTTONS[plan["kind"]][rng.integers(3)]
    text(draw, ((x + 5) * s, (y + .5) * s), words, 8 * s, (255, 255, 255) if filled else ink, rng)


def finished(plan):
    """(plan, drawing): alpha [112,112] and colour [3,112,112] as uint8, digit centres, icon place. Drawn in the frame, at `zoom` of its size."""
    left, top, w, h = frame_of(plan)
    zoom = plan.get("zoom", 1)
    small, centres, place = draw_dialog(plan, width=w, height=h)
    size = max(1, round(w * zoom)), max(1, round(h * zoom))
    rng = np.random.default_rng(plan["seed"] + 1)
    x, y = (side - part and int(rng.integers(side - part + 1)) for side, part in zip((w, h), size))
    small = small.resize(size, Image.Resampling.BOX)
    if plan.get("smeared"):
        small = small.resize((size[0] // 6, size[1] // 6), Image.Resampling.BOX).resize(size, Image.Resampling.BILINEAR)
    layer = np.zeros((SIZE, SIZE, 4), np.uint8)
    layer[top + y:top + y + size[1], left + x:left + x + size[0]] = np.asarray(small)
    at = lambda u, v: (left + x + u * zoom, top + y + v * zoom)
    shown = [] if plan.get("unclear") else [(d, *at(u, v)) for d, u, v in centres]
    return plan, (torch.from_numpy(layer[..., 3].copy()), torch.from_numpy(layer[..., :3].transpose(2, 0, 1).copy()), shown, at(*place))


def paste_dialog(picture, drawing):
    """Lay a drawn dialog over a ground [3, 112, 112] (float, changed in place); returns digit centres and icon place."""
    alpha, colour, centres, place = drawing
    picture.lerp_(colour.float().div_(255), alpha.float().div_(255))
    return centres, place
