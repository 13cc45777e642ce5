"""Golden numbers of a head of two layers: `python make_golden.py` writes two-layers.json beside itself.

Reference: transformers' ViTModel over the golden checkpoint vit/gelu, row 0 of its last hidden state, and in PyTorch
softmax(classifier(tanh(hidden(row)))) of random layers; an image that needs no resizing. The versions are in the file.
"""
import base64
import json
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from transformers import AutoImageProcessor, ViTForImageClassification

HERE = Path(__file__).parent
FOLDER = HERE.parent / "vit/gelu"
LABELS = ["scratch", "dent", "fine"]


@torch.no_grad()
def main():
    pixels = np.random.default_rng(11).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    model = ViTForImageClassification.from_pretrained(FOLDER, attn_implementation="eager").float().eval()
    inputs = AutoImageProcessor.from_pretrained(FOLDER)(images=Image.fromarray(pixels), return_tensors="pt")
    row = model(**inputs, output_hidden_states=True).hidden_states[-1]
    row = model.vit.layernorm(row)[0, 0]
    torch.manual_seed(5)
    layers = [torch.nn.Linear(row.shape[0], 7), torch.nn.Linear(7, len(LABELS))]
    probabilities = layers[1](torch.tanh(layers[0](row))).softmax(-1)
    # The layer norm is applied once: by the last layer of the plain head the same row gives the model's own logits.
    assert torch.allclose(model.classifier(row), model(**inputs).logits[0], atol=1e-5)
    out = {
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "labels": LABELS,
        "layers": [{"weight": layer.weight.tolist(), "bias": layer.bias.tolist()} for layer in layers],
        "image": {"width": 32, "height": 32, "rgb": base64.b64encode(pixels.tobytes()).decode()},
        "probabilities": probabilities.tolist(),
    }
    (HERE / "two-layers.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
