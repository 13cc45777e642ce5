"""Handwritten digits as a folder per class: `python digits.py FOLDER`.

scikit-learn's copy of the UCI digits (1,797 images of 8 by 8 pixels by 43 people, 1998), enlarged to 128 by 128 by nearest
neighbour, dark on white. Real handwriting; small.
"""
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
folder = Path(sys.argv[1])
digits = load_digits()
for i, (pixels, target) in enumerate(zip(digits.images, digits.target)):
    grey = (255 - pixels * 255 / 16).round().astype(np.uint8)
    path = folder / words[target] / f"{i:04}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grey).resize((128, 128), Image.NEAREST).save(path)
