"""Golden numbers of the family siglip: `python make_golden.py` writes the case folders and images.json beside itself.

Reference: Hugging Face transformers' SiglipModel and SiglipImageProcessor, small random configs, weights rounded to bf16
and computed in fp32 with eager attention. Tokenizers of both kinds are trained here: pieces of a unigram model without
punctuation, as SigLIP's, and byte-pair merges with a byte fallback, as SigLIP 2's. Texts are filled up to the context and
no mask hides the padding. made-by.json records the versions.
"""
import base64
import json
import platform
from pathlib import Path

import numpy as np
import tokenizers
import torch
import transformers
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

HERE = Path(__file__).parent
TEXTS = ["a photo of a red dress", "A Photo of TWO  ankle boots!", "it's 20% off — 连衣裙", "shirt"]
WORDS = "a photo of the red blue green dress shirt ankle boots boot two three bag sandal trousers coat picture it off".split()
CONTEXT = 24
CASES = {
    # name: (tokenizer, padding side, text width, text heads, vision width, vision heads, image, patch, activation)
    "unigram": ("unigram", "right", 48, 3, 48, 3, 32, 8, "gelu_pytorch_tanh"),
    "byte-fallback": ("bpe", "right", 32, 2, 48, 4, 28, 14, "gelu_pytorch_tanh"),
    "padded-left": ("bpe", "left", 32, 4, 32, 2, 48, 16, "gelu"),
}


def unigram_tokenizer():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace(Regex(r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]"""), ""), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=90, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator([" ".join(WORDS)] * 20 + WORDS * 5 + ["20"], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))])
    return tokenizer, {"pad_token": "</s>", "eos_token": "</s>", "unk_token": "<unk>"}


def bpe_tokenizer():
    special = ["<pad>", "<eos>", "<bos>", "<unk>"]
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
    return tokenizer, {"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>", "unk_token": "<unk>"}


def randomise(model, generator):
    """Nothing at its initial value, everything exactly representable in bf16."""
    for name, p in model.named_parameters():
        scale = 0.2 if p.ndim <= 1 else 1.4 / p[0].numel() ** 0.5
        centre = 1.0 if p.ndim == 1 and name.endswith("weight") else {"logit_scale": 2.0, "logit_bias": -3.0}.get(name, 0.0)
        p.data = (torch.randn(p.shape, generator=generator) * scale + centre).bfloat16().float()


def hooked(stages, name):
    def keep(module, args, output):
        stages.setdefault(name, (output[0] if isinstance(output, tuple) else output)[0].clone())

    return keep


@torch.no_grad()
def make_case(name, kind, side, text_width, text_heads, width, heads, image, patch, activation):
    tokenizer, tokens = unigram_tokenizer() if kind == "unigram" else bpe_tokenizer()
    generator = torch.Generator().manual_seed(len(name))
    config = SiglipConfig(
        text_config=dict(vocab_size=tokenizer.get_vocab_size(), hidden_size=text_width, intermediate_size=2 * text_width + 8, num_hidden_layers=3,
                         num_attention_heads=text_heads, max_position_embeddings=CONTEXT, hidden_act=activation, projection_size=width),
        vision_config=dict(hidden_size=width, intermediate_size=2 * width + 8, num_hidden_layers=3, num_attention_heads=heads, image_size=image, patch_size=patch, hidden_act=activation))
    model = SiglipModel(config).eval()
    model.set_attn_implementation("eager")
    randomise(model, generator)
    pixels = torch.randn(2, 3, image, image, generator=generator)
    stages = {}
    model.vision_model.post_layernorm.register_forward_hook(hooked(stages, "vision_normed"))
    for part, tower in (("vision", model.vision_model), ("text", model.text_model)):
        for i, layer in enumerate(tower.encoder.layers):
            layer.register_forward_hook(hooked(stages, f"{part}_layers.{i}"))
    pad = tokenizer.token_to_id(tokens["pad_token"])
    rows = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        padding = [pad] * (CONTEXT - len(ids))
        rows.append(padding + ids if side == "left" else ids + padding)
    out = model(input_ids=torch.tensor(rows), pixel_values=pixels)
    stages.update(pixel_values=pixels, logits_per_image=out.logits_per_image, image_embeds=out.image_embeds, text_embeds=out.text_embeds)
    for n, row in enumerate(rows):
        stages[f"ids.{n}"] = torch.tensor(row)
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    save_file({k: v.bfloat16().contiguous() for k, v in model.state_dict().items()}, folder / "model.safetensors", {"format": "pt"})
    save_file({k: v.contiguous() for k, v in stages.items()}, folder / "fixture.safetensors")
    (folder / "config.json").write_text(json.dumps(model.config.to_dict(), indent=2, default=str) + "\n")
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": CONTEXT, "padding_side": side, **tokens}) + "\n")
    processor = {"image_processor_type": "SiglipImageProcessor", "size": {"height": image, "width": image}, "resample": 3, "do_resize": True, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [.5] * 3, "image_std": [.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor) + "\n")


def make_images():
    """What the reference's image processor makes of images of several shapes."""
    processor = SiglipImageProcessor(size={"height": 24, "width": 24})
    images = []
    for width, height in [(75, 50), (50, 83), (120, 41), (24, 24), (10, 13), (1, 1), (300, 2)]:
        y, x = np.mgrid[0:height, 0:width]
        rgb = np.stack([(x * 5 + y) % 256, (y * 7) % 256, (x * y) % 256], -1).astype(np.uint8)
        out = processor(images=[Image.fromarray(rgb)], return_tensors="np")["pixel_values"][0]
        images.append({"size": [width, height], "pixels": base64.b64encode(np.rint((out + 1) * 127.5).astype(np.uint8).tobytes()).decode()})
    (HERE / "images.json").write_text(json.dumps({"processor": type(processor).__name__, "images": images}) + "\n")


for name, case in CASES.items():
    make_case(name, *case)
make_images()
(HERE / "texts.json").write_text(json.dumps(TEXTS) + "\n")
versions = {"command": "python make_golden.py", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__, "tokenizers": tokenizers.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=2) + "\n")
