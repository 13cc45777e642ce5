"""Golden numbers of the family clip: `python make_golden.py` writes the case folders and images.json beside itself.

Reference: Hugging Face transformers' CLIPModel and CLIPImageProcessor, small random configs, weights rounded to bf16 and
computed in fp32 with eager attention; a small tokenizer of CLIP's kind is trained here. made-by.json records the versions.
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
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

HERE = Path(__file__).parent
TEXTS = ["a photo of a red dress", "A Photo of TWO  ankle boots!", "it's 20% off — 连衣裙", "shirt"]
SPLIT = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
CASES = {
    # name: (text width, text heads, vision width, vision heads, image, patch, activation, old end token)
    "quick-gelu-old-end": (32, 2, 48, 3, 32, 8, "quick_gelu", True),
    "gelu": (48, 3, 32, 4, 28, 14, "gelu", False),
}


def make_tokenizer():
    """Lower-cased byte-level BPE whose words end in </w>, as CLIP's."""
    tokenizer = Tokenizer(models.BPE(unk_token="<|endoftext|>", continuing_subword_prefix="", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=620, initial_alphabet=alphabet + [], end_of_word_suffix="</w>", special_tokens=["<|startoftext|>", "<|endoftext|>"], show_progress=False)
    words = "a photo of the red blue green dress shirt ankle boots boot two three bag sandal trousers coat picture it off".split()
    tokenizer.train_from_iterator(words * 4 + [c for c in alphabet], trainer)
    start, end = (tokenizer.token_to_id(t) for t in ("<|startoftext|>", "<|endoftext|>"))
    tokenizer.post_processor = processors.RobertaProcessing(("<|endoftext|>", end), ("<|startoftext|>", start), trim_offsets=False, add_prefix_space=False)
    return tokenizer


def swap_ends(tokenizer):
    """The special tokens become the highest ids, as in CLIP's vocabulary: the old rule for the end needs that."""
    data = json.loads(tokenizer.to_str())
    n = len(data["model"]["vocab"])
    ids = {old: (old - 2) % n for old in range(n)}
    data["model"]["vocab"] = {token: ids[i] for token, i in data["model"]["vocab"].items()}
    for token in data["added_tokens"]:
        token["id"] = ids[token["id"]]
    data["added_tokens"].sort(key=lambda t: t["id"])
    for part in ("sep", "cls"):
        data["post_processor"][part][1] = ids[data["post_processor"][part][1]]
    return Tokenizer.from_str(json.dumps(data))


def randomise(model, generator):
    """Nothing at its initial value, everything exactly representable in bf16."""
    for name, p in model.named_parameters():
        scale = 0.2 if p.ndim <= 1 else 1.4 / p[0].numel() ** 0.5
        centre = 1.0 if p.ndim == 1 and name.endswith("weight") or name == "logit_scale" else 0.0
        p.data = (torch.randn(p.shape, generator=generator) * scale + centre).bfloat16().float()


def hooked(stages, name):
    def keep(module, args, output):
        stages.setdefault(name, (output[0] if isinstance(output, tuple) else output)[0].clone())

    return keep


@torch.no_grad()
def make_case(name, tokenizer, text_width, text_heads, width, heads, side, patch, activation, old):
    generator = torch.Generator().manual_seed(len(name))
    eos = 2 if old else tokenizer.token_to_id("<|endoftext|>")
    config = CLIPConfig(
        projection_dim=24,
        text_config=dict(vocab_size=tokenizer.get_vocab_size(), hidden_size=text_width, intermediate_size=2 * text_width + 8, num_hidden_layers=3,
                         num_attention_heads=text_heads, max_position_embeddings=40, hidden_act=activation, eos_token_id=eos, projection_dim=24),
        vision_config=dict(hidden_size=width, intermediate_size=2 * width + 8, num_hidden_layers=3, num_attention_heads=heads, image_size=side, patch_size=patch, hidden_act=activation, projection_dim=24))
    model = CLIPModel(config).eval()
    model.set_attn_implementation("eager")
    randomise(model, generator)
    pixels = torch.randn(2, 3, side, side, generator=generator)
    stages = {}
    model.vision_model.pre_layrnorm.register_forward_hook(hooked(stages, "vision_embedded"))
    for part, tower in (("vision", model.vision_model), ("text", model.text_model)):
        for i, layer in enumerate(tower.encoder.layers):
            layer.register_forward_hook(hooked(stages, f"{part}_layers.{i}"))
    rows = [tokenizer.encode(t).ids for t in TEXTS]
    long = max(map(len, rows))
    ids = torch.tensor([r + [tokenizer.token_to_id("<|endoftext|>")] * (long - len(r)) for r in rows])
    out = model(input_ids=ids, pixel_values=pixels)
    stages = {k: v[:len(rows[0])] if k.startswith("text") else v for k, v in stages.items()}
    stages.update(pixel_values=pixels, logits_per_image=out.logits_per_image, image_embeds=out.image_embeds, text_embeds=out.text_embeds)
    for n, row in enumerate(rows):
        stages[f"ids.{n}"] = torch.tensor(row)
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    save_file({k: v.bfloat16().contiguous() for k, v in model.state_dict().items()}, folder / "model.safetensors", {"format": "pt"})
    save_file({k: v.contiguous() for k, v in stages.items()}, folder / "fixture.safetensors")
    (folder / "config.json").write_text(json.dumps(model.config.to_dict(), indent=2, default=str) + "\n")
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": 40}) + "\n")
    (folder / "preprocessor_config.json").write_text(json.dumps({"crop_size": side, "size": side, "do_center_crop": True, "resample": 3}) + "\n")


def make_images():
    """What the reference's image processor makes of pictures whose margins are even, odd, and of both orientations."""
    processor = CLIPImageProcessor(size={"shortest_edge": 24}, crop_size={"height": 24, "width": 24}, image_mean=[.5] * 3, image_std=[.5] * 3)
    pictures = []
    for width, height in [(75, 50), (50, 83), (120, 41), (24, 24), (10, 13)]:
        y, x = np.mgrid[0:height, 0:width]
        rgb = np.stack([(x * 5 + y) % 256, (y * 7) % 256, (x * y) % 256], -1).astype(np.uint8)
        out = processor(images=[Image.fromarray(rgb)], return_tensors="np")["pixel_values"][0]
        pictures.append({"size": [width, height], "pixels": base64.b64encode(np.rint((out + 1) * 127.5).astype(np.uint8).tobytes()).decode()})
    (HERE / "images.json").write_text(json.dumps({"processor": type(processor).__name__, "pictures": pictures}) + "\n")


small = swap_ends(make_tokenizer())
for name, case in CASES.items():
    make_case(name, small, *case)
make_images()
(HERE / "texts.json").write_text(json.dumps(TEXTS) + "\n")
versions = {"command": "python make_golden.py", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__, "tokenizers": tokenizers.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=2) + "\n")
