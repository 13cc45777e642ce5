"""Opens a folder that `ocellus tune head` wrote with transformers, and prints the probabilities of images as one JSON line each.

    python check_saved.py FOLDER IMAGE…

A key that is missing or not expected is an error: the head, or the encoder, would be random numbers then.
"""
import json
import sys

import torch
from PIL import Image, ImageOps
from transformers import AutoImageProcessor, AutoModelForImageClassification


@torch.no_grad()
def main(folder, *images):
    model, info = AutoModelForImageClassification.from_pretrained(folder, output_loading_info=True)
    assert not any(info.get(key) for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
    processor = AutoImageProcessor.from_pretrained(folder)
    for path in images:
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        probabilities = model.eval()(**processor(images=image, return_tensors="pt")).logits.softmax(-1)[0].tolist()
        labels = [model.config.id2label[i] for i in range(len(probabilities))]
        print(json.dumps({"path": path, "probabilities": dict(zip(labels, probabilities))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
