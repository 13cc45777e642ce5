"""Golden numbers of the family siglip2 (NaFlex): `python make_golden.py` writes the case folders, texts.json and images.json
beside itself.

Reference: Hugging Face transformers' Siglip2Model, Siglip2Tokenizer and Siglip2ImageProcessor, small random configs, weights
rounded to bf16 and computed in fp32 with eager attention. Images of several shapes run in one batch, filled up and masked.
tokenizer.json is as published, without the lower-casing that the tokenizer's class adds. pixel_values are rows of patches of
all images, one behind the other, as (channel, y, x). Texts are filled up to the context and no mask hides the padding.
made-by.json records the versions.
"""
import base64
import json
import platform
from pathlib import Path

import numpy as np
import tokenizers
import torch
import torchvision
import transformers
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import Siglip2Config, Siglip2ImageProcessor, Siglip2Model, Siglip2Tokenizer
from transformers.models.siglip2.image_processing_siglip2 import get_image_size_for_max_num_patches

HERE = Path(__file__).parent
TEXTS = ["a photo of a red dress", "A Photo of TWO  Ankle BOOTS!", "ÉTÉ 20% OFF — 连衣裙", "<EOS> is no token, <eos> is one", "shirt", "ΔΥΟ ΦΟΡΕΜΑΤΑ, ΕΝΑΣ ΣΚΥΛΟΣ"]
WORDS = "a photo of the red blue green dress shirt ankle boots boot two three bag sandal trousers coat picture it off is no one token".split()
CONTEXT = 72
CASES = {
    # name: (padding side, text width, text heads, vision width, vision heads, patch, positions, grids of images, activation)
    "larger-grids": ("right", 48, 3, 48, 3, 8, 16, [(3, 5), (6, 7), (2, 2)], "gelu_pytorch_tanh"),
    "smaller-grids": ("right", 32, 2, 48, 4, 4, 49, [(2, 3), (1, 1), (1, 9)], "gelu"),
    "same-grid": ("left", 32, 4, 32, 2, 14, 9, [(3, 3), (1, 4)], "gelu_pytorch_tanh"),
}


def make_tokenizer(folder, side):
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    data = special + [f"<0x{n:02X}>" for n in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=data, show_progress=False)
    tokenizer.train_from_iterator([" ".join(WORDS)] * 20 + [" " + word for word in WORDS], trainer)
    made = json.loads(tokenizer.to_str())
    made["added_tokens"] = [token for token in made["added_tokens"] if token["content"] in special]
    tokenizer = Tokenizer.from_str(json.dumps(made))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", tokenizer.token_to_id("<eos>"))])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    names = {"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>", "unk_token": "<unk>", "mask_token": "<mask>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"add_bos_token": False, "add_eos_token": True, "do_lower_case": True, "model_input_names": ["input_ids"], "model_max_length": CONTEXT,
         "padding_side": side, "processor_class": "Siglip2Processor", "tokenizer_class": "GemmaTokenizer", **names}) + "\n")
    return Siglip2Tokenizer.from_pretrained(folder, model_input_names=["input_ids"])


def randomise(model, generator):
    """Nothing at its initial value, everything exactly representable in bf16."""
    for name, p in model.named_parameters():
        scale = 0.2 if p.ndim <= 1 else 1.4 / p[0].numel() ** 0.5
        centre = 1.0 if p.ndim == 1 and name.endswith("weight") else {"logit_scale": 2.0, "logit_bias": -3.0}.get(name, 0.0)
        p.data = (torch.randn(p.shape, generator=generator) * scale + centre).bfloat16().float()


@torch.no_grad()
def make_case(name, side, text_width, text_heads, width, heads, patch, positions, grids, activation):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    tokenizer = make_tokenizer(folder, side)
    generator = torch.Generator().manual_seed(len(name))
    config = Siglip2Config(
        text_config=dict(vocab_size=len(tokenizer), hidden_size=text_width, intermediate_size=2 * text_width + 8, num_hidden_layers=3,
                         num_attention_heads=text_heads, max_position_embeddings=CONTEXT, hidden_act=activation, projection_size=width),
        vision_config=dict(hidden_size=width, intermediate_size=2 * width + 8, num_hidden_layers=3, num_attention_heads=heads, num_patches=positions,
                           patch_size=patch, hidden_act=activation))
    model = Siglip2Model(config).eval()
    model.set_attn_implementation("eager")
    randomise(model, generator)
    counts = [r * c for r, c in grids]
    most = max(counts) + 2
    rows = [torch.randn(count, patch, patch, 3, generator=generator).bfloat16().float() for count in counts]
    pixels = torch.stack([torch.cat([r.flatten(1), torch.zeros(most - len(r), 3 * patch * patch)]) for r in rows])
    mask = torch.stack([(torch.arange(most) < count).int() for count in counts])
    stages = {}
    def keep(stage, real):
        def hook(module, args, output):
            out = output[0] if isinstance(output, tuple) else output
            kept = [out[i, : counts[i]] for i in range(len(grids))] if real else [out[0]]
            stages[stage] = torch.cat(kept).clone()
        return hook
    vision = model.vision_model
    vision.embeddings.register_forward_hook(keep("embedded", True))
    vision.post_layernorm.register_forward_hook(keep("vision_normed", True))
    for part, tower in (("vision", vision), ("text", model.text_model)):
        for i, layer in enumerate(tower.encoder.layers):
            layer.register_forward_hook(keep(f"{part}_layers.{i}", part == "vision"))
    ids = tokenizer(TEXTS, padding="max_length", max_length=CONTEXT)["input_ids"]
    out = model(input_ids=torch.tensor(ids), pixel_values=pixels, pixel_attention_mask=mask, spatial_shapes=torch.tensor(grids))
    stages.update(pixel_values=torch.cat([r.permute(0, 3, 1, 2).flatten(1) for r in rows]).bfloat16(), grids=torch.tensor(grids),
                  logits_per_image=out.logits_per_image, image_embeds=out.image_embeds, text_embeds=out.text_embeds)
    for n, row in enumerate(ids):
        stages[f"ids.{n}"] = torch.tensor(row)
    save_file({k: v.bfloat16().contiguous() for k, v in model.state_dict().items()}, folder / "model.safetensors", {"format": "pt"})
    save_file({k: v.contiguous() for k, v in stages.items()}, folder / "fixture.safetensors")
    (folder / "config.json").write_text(json.dumps(model.config.to_dict(), indent=1, default=str) + "\n")
    processor = {"data_format": "channels_first", "default_to_square": True, "do_convert_rgb": None, "do_normalize": True, "do_rescale": True, "do_resize": True,
                 "image_mean": [.5] * 3, "image_processor_type": "Siglip2ImageProcessorFast", "image_std": [.5] * 3, "max_num_patches": 24, "patch_size": patch,
                 "processor_class": "Siglip2Processor", "resample": 2, "rescale_factor": 1 / 255, "size": None}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor) + "\n")


def make_images():
    """Sizes of 200 images, and what the reference's image processor makes of some, as pixels in raster order."""
    random = np.random.default_rng(9)
    odd = [(1, 1), (1, 200), (199, 1), (16, 16), (256, 256), (257, 255), (4096, 3), (20000, 1), (1, 20000), (5000, 5000)]
    sizes = []
    for i in range(200):
        base = int(2 ** random.uniform(0, 12))
        height, width = base, max(1, int(base * 2 ** random.uniform(-4, 4)))
        if i % 20 == 3:
            height, width = odd[i // 20]
        patch, most = [(16, 256), (14, 729), (16, 64), (16, 1024), (8, 24)][i % 5]
        h, w = get_image_size_for_max_num_patches(height, width, patch, most)
        sizes.append({"size": [width, height], "patchSize": patch, "maxPatches": most, "fitted": [w, h]})
    pictures = []
    for width, height in [(75, 50), (50, 83), (120, 41), (24, 24), (10, 13), (1, 1), (300, 2)]:
        y, x = np.mgrid[0:height, 0:width]
        rgb = np.stack([(x * 5 + y) % 256, (y * 7) % 256, (x * y) % 256], -1).astype(np.uint8)
        out = Siglip2ImageProcessor(patch_size=8, max_num_patches=12)(images=[Image.fromarray(rgb)], return_tensors="np")
        rows, columns = out["spatial_shapes"][0].tolist()
        values = out["pixel_values"][0][: rows * columns].reshape(rows, columns, 8, 8, 3).transpose(0, 2, 1, 3, 4)
        pictures.append({"size": [width, height], "grid": [rows, columns], "pixels": base64.b64encode(np.rint((values + 1) * 127.5).astype(np.uint8).tobytes()).decode()})
    versions = {"transformers": transformers.__version__, "torchvision": torchvision.__version__}
    (HERE / "images.json").write_text(json.dumps({"madeBy": versions, "sizes": sizes, "pictures": pictures}) + "\n")


for name, case in CASES.items():
    make_case(name, *case)
make_images()
(HERE / "texts.json").write_text(json.dumps(TEXTS) + "\n")
versions = {"command": "python make_golden.py", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__, "tokenizers": tokenizers.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=1) + "\n")
