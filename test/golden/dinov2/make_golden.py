"""Golden numbers of the families dinov2 and dinov2_with_registers: `python make_golden.py` writes their case folders, here and in
../dinov2_with_registers. Reference: transformers' Dinov2Model, Dinov2WithRegistersModel and BitImageProcessor, small random configs
in fp32 with eager attention. Images are as large as the position table, smaller and larger. made-by.json records the versions.
"""
import json
import platform
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import BitImageProcessor, Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel

HERE = Path(__file__).parent
CASES = {
    # name: (width, heads, layers, table's side in pixels, patch, mlp_ratio, qkv_bias, side of the crop)
    "smaller": (48, 3, 3, 70, 14, 4, True, 42),
    "same": (32, 2, 2, 32, 8, 2, False, 32),
    "larger": (64, 4, 2, 24, 8, 3, True, 56),
}
FAMILIES = {"dinov2": (Dinov2Config, Dinov2Model, {}), "dinov2_with_registers": (Dinov2WithRegistersConfig, Dinov2WithRegistersModel, {"num_register_tokens": 3})}


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([(x * 5 + y) % 256, (y * 7) % 256, (x * y) % 256], -1).astype(np.uint8))


def randomise(model, seed):
    """Nothing at its initial value."""
    generator = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        centre = 1.0 if p.dim() == 1 and not name.endswith("bias") else 0.0
        p.data = torch.randn(p.shape, generator=generator) * (0.3 if p.dim() != 2 else 1 / p.shape[-1] ** 0.5) + centre


@torch.no_grad()
def main():
    for family, (config_class, model_class, more) in FAMILIES.items():
        for n, (name, (d, heads, layers, table, patch, ratio, bias, side)) in enumerate(CASES.items()):
            folder = HERE.parent / family / name
            folder.mkdir(parents=True, exist_ok=True)
            config = config_class(hidden_size=d, num_attention_heads=heads, num_hidden_layers=layers, image_size=table, patch_size=patch, mlp_ratio=ratio, qkv_bias=bias, attn_implementation="eager", **more)
            model = model_class(config).eval()
            randomise(model, n)
            model.save_pretrained(folder)
            processor = BitImageProcessor(size={"shortest_edge": side + 5}, crop_size={"height": side, "width": side})
            processor.save_pretrained(folder)
            pixels = processor(images=picture(75, 50), return_tensors="pt")["pixel_values"]
            result = model(pixels, output_hidden_states=True)
            out = {f"hidden.{i}": h[0] for i, h in enumerate(result.hidden_states)}
            save_file({k: v.contiguous() for k, v in {**out, "pixel_values": pixels, "last": result.last_hidden_state[0], "pooled": result.pooler_output.clone()}.items()}, folder / "fixture.safetensors")
            for file in folder.iterdir():
                file.chmod(0o644)
        versions = {"command": "python ../dinov2/make_golden.py", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
        (HERE.parent / family / "made-by.json").write_text(json.dumps(versions, indent=2) + "\n")
        print(family, sorted(load_file(folder / "model.safetensors"))[:40])


main()
