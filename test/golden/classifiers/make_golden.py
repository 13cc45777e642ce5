"""Golden numbers of heads over image encoders: `python make_golden.py` writes classifiers.json beside itself.

Reference: Hugging Face transformers' …ForImageClassification of each family, in fp32 with eager attention, whose encoders are the
golden checkpoints of this folder's neighbours and whose linear layer is random. Of each: the names of its tensors, that layer, and
the probabilities of an image that needs no resizing. made-by.json records the versions.
"""
import base64
import json
import platform
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageClassification

HERE = Path(__file__).parent
LABELS = ["scratch", "dent", "fine"]
CASES = {
    # golden checkpoint: width and height of an image that its processor leaves as it is, but for cutting
    "clip/gelu": (28, 28),
    "siglip/unigram": (32, 32),
    "siglip2/same-grid": (84, 56),
    "dinov2/smaller": (47, 47),
    "dinov2_with_registers/smaller": (47, 47),
    "vit/gelu": (32, 32),
}


@torch.no_grad()
def make_case(name, rng):
    folder = HERE.parent / name
    config = AutoConfig.from_pretrained(folder, num_labels=len(LABELS))
    width, height = CASES[name]
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    model = AutoModelForImageClassification.from_config(config).float().eval()
    generator = torch.Generator().manual_seed(len(name))
    head = {
        "classifier.weight": torch.randn(model.classifier.weight.shape, generator=generator),
        "classifier.bias": torch.randn(len(LABELS), generator=generator),
    }
    with tempfile.TemporaryDirectory() as temporary:
        model.save_pretrained(temporary)
        path = Path(temporary) / "model.safetensors"
        names = sorted(load_file(path))
        prefix = f"{config.model_type}." if config.model_type.startswith("dinov2") else ""
        stored = {prefix + key: value for key, value in load_file(folder / "model.safetensors").items()}
        save_file({**{key: stored[key].float() for key in names if key not in head}, **head}, path, {"format": "pt"})
        model, info = AutoModelForImageClassification.from_pretrained(temporary, attn_implementation="eager", output_loading_info=True)
        assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), (name, info)
        model = model.float().eval()
    processor = AutoImageProcessor.from_pretrained(folder)
    inputs = processor(images=Image.fromarray(pixels), return_tensors="pt")
    probabilities = model(**inputs).logits.softmax(-1)[0]
    return {
        "architecture": type(model).__name__,
        "names": names,
        "weight": [[round(x, 6) for x in row] for row in head["classifier.weight"].tolist()],
        "bias": [round(x, 6) for x in head["classifier.bias"].tolist()],
        "image": {"width": width, "height": height, "rgb": base64.b64encode(pixels.tobytes()).decode()},
        "probabilities": probabilities.tolist(),
    }


def main():
    rng = np.random.default_rng(7)
    cases = {name: make_case(name, rng) for name in CASES}
    (HERE / "classifiers.json").write_text(json.dumps({"labels": LABELS, "cases": cases}) + "\n")
    versions = {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
    (HERE / "made-by.json").write_text(json.dumps(versions, indent=2) + "\n")


if __name__ == "__main__":
    main()
