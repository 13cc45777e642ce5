"""Golden numbers of the family vit: `python make_golden.py` writes the case folders and images.json beside itself.

Reference: Hugging Face transformers' ViTForImageClassification and ViTImageProcessor (the slow one, over Pillow), small
random configs in fp32 with eager attention. made-by.json records the versions.
"""
import base64
import json
import platform
from pathlib import Path

import numpy as np
import PIL
import torch
import transformers
from PIL import Image
from safetensors.torch import save_file
from transformers import ViTConfig, ViTForImageClassification

try:
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil as Processor
except ImportError:
    from transformers.models.vit.image_processing_vit import ViTImageProcessor as Processor

HERE = Path(__file__).parent
CASES = {
    # name: (width, heads, layers, image, patch, activation, qkv_bias, resample, labels)
    "gelu": (48, 3, 3, 32, 8, "gelu", True, 2, ["normal", "nsfw"]),
    "no-bias": (32, 2, 2, 28, 14, "gelu", False, 3, ["a", "b", "c", "d", "e"]),
}


def randomise(model, generator):
    """Nothing at its initial value."""
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * (0.5 / max(1, p.shape[-1]) ** 0.5 if p.dim() > 1 else 0.3))


def main():
    rng = np.random.default_rng(7)
    images = []
    for width, height in [(32, 32), (61, 40), (20, 90)]:
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        images.append({"width": width, "height": height, "rgb": base64.b64encode(pixels.tobytes()).decode()})
    (HERE / "images.json").write_text(json.dumps(images) + "\n")
    for n, (name, (d, heads, layers, side, patch, act, bias, resample, labels)) in enumerate(CASES.items()):
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        config = ViTConfig(hidden_size=d, num_attention_heads=heads, num_hidden_layers=layers, intermediate_size=2 * d, image_size=side, patch_size=patch, hidden_act=act, qkv_bias=bias, id2label=dict(enumerate(labels)), label2id={l: i for i, l in enumerate(labels)}, attn_implementation="eager")
        model = ViTForImageClassification(config).eval()
        randomise(model, torch.Generator().manual_seed(n))
        model.save_pretrained(folder)
        processor = Processor(size={"height": side, "width": side}, resample=resample)
        processor.save_pretrained(folder)
        out = {}
        for i, image in enumerate(images):
            rgb = np.frombuffer(base64.b64decode(image["rgb"]), dtype=np.uint8).reshape(image["height"], image["width"], 3)
            pixel_values = processor(images=Image.fromarray(rgb), return_tensors="pt")["pixel_values"]
            with torch.no_grad():
                result = model(torch.as_tensor(pixel_values), output_hidden_states=True)
            out[f"pixel_values.{i}"] = torch.as_tensor(pixel_values)[0]
            out[f"logits.{i}"] = result.logits[0]
            if i == 0:
                for layer, hidden in enumerate(result.hidden_states):
                    out[f"hidden.{layer}"] = hidden[0]
        save_file({k: v.contiguous().float() for k, v in out.items()}, folder / "fixture.safetensors")
    versions = {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__, "pillow": PIL.__version__}
    (HERE / "made-by.json").write_text(json.dumps(versions, indent=2) + "\n")


if __name__ == "__main__":
    main()
