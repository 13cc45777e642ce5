"""Golden numbers of internvl: `python make_golden.py` writes the case folders and images.json beside itself.

Reference: Hugging Face transformers, small random configs, weights rounded to bf16 and computed in fp32 with eager
attention. made-by.json records the versions. Tensors of a fixture are named after the stage they come out of; pixel_values
are rows of patches, tile by tile (channel, y, x), multiples of 1/8; tile_grids are rows and columns of tiles, without the
whole that follows where there are several. images.json: tile grids of 200 images, and pixels of small ones.
"""
import base64
import json
import platform
from pathlib import Path

import numpy as np
import torch
import torchvision
import transformers
from PIL import Image
from safetensors.torch import save_file
from transformers import GotOcr2ImageProcessor, InternVLConfig, InternVLForConditionalGeneration
from transformers.models.got_ocr2.image_processing_got_ocr2 import get_optimal_tiled_canvas

HERE = Path(__file__).parent
IMAGE, START, END = 300, 301, 302   # ids of a made-up tokenizer
CASES = {
    "qwen2-two-images": dict(
        vision=dict(image_size=[16, 16], patch_size=[4, 4], hidden_size=32, num_attention_heads=2, attention_bias=True),
        text=dict(model_type="qwen2", num_attention_heads=4, num_key_value_heads=2), tied=False, ratio=0.5, grids=[(2, 3), (1, 1)], turns=True),
    "qwen3-norms": dict(
        vision=dict(image_size=[24, 24], patch_size=[4, 4], hidden_size=48, num_attention_heads=3, norm_type="rms_norm", use_qk_norm=True),
        text=dict(model_type="qwen3", num_attention_heads=4, num_key_value_heads=1, head_dim=24), tied=True, ratio=0.5, grids=[(1, 2)]),
    # as transformers 4 wrote it, and what the published leave at its default turned round; 14 is not a multiple of 3
    "old-files": dict(
        vision=dict(image_size=[14, 14], patch_size=[3, 3], hidden_size=32, num_attention_heads=4, attention_bias=True, use_mean_pooling=False,
                    use_mask_token=True, use_absolute_position_embeddings=False, hidden_act="gelu_pytorch_tanh"),
        text=dict(model_type="qwen2", num_attention_heads=8, num_key_value_heads=8, rope_parameters=dict(rope_type="dynamic", factor=2.0, rope_theta=1e6)),
        tied=False, ratio=0.25, grids=[(1, 1), (3, 1)]),
}


def make_config(case):
    text = dict(vocab_size=340, hidden_size=64, intermediate_size=96, num_hidden_layers=3, rms_norm_eps=1e-6, max_position_embeddings=2048,
                rope_parameters=dict(rope_type="default", rope_theta=1e6), eos_token_id=2) | case["text"]
    vision = dict(num_hidden_layers=3, intermediate_size=56) | case["vision"]
    side = vision["image_size"][0] // vision["patch_size"][0]
    return InternVLConfig(text_config=text, vision_config=vision, downsample_ratio=case["ratio"], image_token_id=IMAGE,
                          image_seq_length=int(side * case["ratio"]) ** 2, tie_word_embeddings=case["tied"])


def randomise(model, generator):
    """Nothing at its initial value, everything exactly representable in bf16."""
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        scale = 0.2 if p.ndim == 1 else 0.5 if "position_embeddings" in name or "cls_token" in name else 1.4 / p[0].numel() ** 0.5
        centre = 0.6 if "lambda" in name else 1.0 if p.ndim == 1 and name.endswith("weight") else 0.0
        p.data = (noise * scale + centre).bfloat16().float()


def words(n, generator):
    return torch.randint(20, 290, (n,), generator=generator).tolist()


def num_tiles(grid):
    return grid[0] * grid[1] + (grid[0] * grid[1] > 1)


def block(config, grid):
    """As the processor writes it, in ids."""
    return [START] + [IMAGE] * config.image_seq_length * num_tiles(grid) + [END]


def tiles(config, grids, generator):
    side = config.vision_config.image_size[0]
    values = torch.randn(sum(map(num_tiles, grids)), 3, side, side, generator=generator)
    return (values * 8).round().clamp(-24, 24) / 8


def patches(config, values):
    p = config.vision_config.patch_size[0]
    n = values.shape[-1] // p
    values = values[..., : n * p, : n * p]
    return values.reshape(-1, 3, n, p, n, p).permute(0, 2, 4, 1, 3, 5).reshape(-1, 3 * p * p).bfloat16().contiguous()


def first(output):
    return output[0] if isinstance(output, tuple) else output


def greedy(model, inputs, count):
    out = model.generate(**inputs, attention_mask=torch.ones_like(inputs["input_ids"]), do_sample=False, max_new_tokens=count,
                         min_new_tokens=count, eos_token_id=None, pad_token_id=0)
    return out[0, inputs["input_ids"].shape[1]:]


def save(folder, name, tensors):
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, folder / f"{name}.safetensors")


@torch.no_grad()
def make_case(name, case):
    generator = torch.Generator().manual_seed(len(name))
    config = make_config(case)
    model = InternVLForConditionalGeneration(config).eval()
    model.set_attn_implementation("eager")
    randomise(model, generator)
    if case["tied"]:
        model.tie_weights()
    ids = words(3, generator)
    for grid in case["grids"]:
        ids += block(config, grid) + words(4, generator)
    values = tiles(config, case["grids"], generator)
    inputs = dict(input_ids=torch.tensor([ids]), pixel_values=values)
    stages, vision, text = {}, model.model.vision_tower, model.model.language_model
    def keep(stage, pick=first):
        return lambda module, args, output: stages.__setitem__(stage, pick(output).detach().clone())
    handles = [vision.embeddings.register_forward_hook(keep("embedded")), vision.layernorm.register_forward_hook(keep("features")),
               model.model.multi_modal_projector.register_forward_hook(keep("visual_tokens")),
               *[layer.register_forward_hook(keep(f"vision_blocks.{i}")) for i, layer in enumerate(vision.encoder.layer)],
               *[layer.register_forward_hook(keep(f"layers.{i}", lambda o: first(o)[0])) for i, layer in enumerate(text.layers)],
               text.rotary_emb.register_forward_hook(keep("cos", lambda o: o[0][0])), text.rotary_emb.register_forward_hook(keep("sin", lambda o: o[1][0]))]
    logits = model(**inputs).logits[0, -1]
    for handle in handles:
        handle.remove()
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    save(folder, "fixture", dict(
        stages, input_ids=inputs["input_ids"][0], pixel_values=patches(config, values), tile_grids=torch.tensor(case["grids"]), logits=logits,
        position_ids=torch.arange(len(ids)), greedy_ids=greedy(model, inputs, 32)))
    tensors = {k: v.bfloat16().contiguous() for k, v in model.state_dict().items()}
    if case["tied"]:
        tensors.pop("lm_head.weight", None)
    written = json.loads(json.dumps(config.to_dict(), default=str))
    if name == "old-files":
        tensors = {k.removeprefix("model.").replace("language_model.", "language_model.model.") if k != "lm_head.weight" else "language_model.lm_head.weight": v for k, v in tensors.items()}
        for field in ("tie_word_embeddings",):
            written.pop(field)
        written["text_config"].pop("rope_parameters")
        written["text_config"] |= dict(rope_theta=1e6, rope_scaling=dict(factor=2.0, rope_type="dynamic", type="dynamic"), tie_word_embeddings=False)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(written, indent=1) + "\n")
    assert torch.equal(InternVLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()(**inputs).logits[0, -1], logits)
    if case.get("turns"):
        second_turn(folder, model, config, generator)


def second_turn(folder, model, config, generator):
    grids = [(1, 2), (1, 1)]
    values = tiles(config, grids, generator)
    prompt = torch.tensor([words(3, generator) + block(config, grids[0]) + words(4, generator)])
    answer = greedy(model, dict(input_ids=prompt, pixel_values=values[: num_tiles(grids[0])]), 6)
    turn = torch.tensor([words(2, generator) + block(config, grids[1]) + words(5, generator)])
    whole = dict(input_ids=torch.cat([prompt, answer[None], turn], 1), pixel_values=values)
    save(folder, "second-turn", dict(prompt_ids=prompt[0], answer_ids=answer, turn_ids=turn[0], pixel_values=patches(config, values),
                                     tile_grids=torch.tensor(grids), logits=model(**whole).logits[0, -1], greedy_ids=greedy(model, whole, 16)))


# ------------------------------------------------------------------------------------------------------ images


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x * 5 + y) % 256, (y * 7) % 256, (x * y) % 256], -1).astype(np.uint8)


def make_images():
    random = np.random.default_rng(8)
    rules = [(448, 1, 12), (448, 1, 6), (384, 2, 12), (448, 3, 40), (16, 1, 12), (448, 1, 1)]
    odd = [(1, 1), (1, 200), (199, 1), (2, 2), (448, 448), (449, 448), (4096, 3), (7, 1400), (896, 896), (1, 2), (448, 896), (897, 448), (600, 400), (800, 800),
           (20000, 1), (1, 20000), (1344, 448), (672, 672), (634, 634), (633, 633)]
    sizes = []
    for i in range(200):
        base = int(2 ** random.uniform(0, 12))
        height, width = base, max(1, int(base * 2 ** random.uniform(-4, 4)))
        if i % 10 == 3:
            height, width = odd[i // 10]
        side, least, most = rules[i % len(rules)]
        columns, rows = get_optimal_tiled_canvas((height, width), (side, side), least, most)
        sizes.append({"size": [width, height], "side": side, "least": least, "most": most, "grid": [rows, columns]})
    pictures = []
    for width, height, side, most in [(75, 50, 16, 12), (30, 90, 16, 6), (10, 10, 16, 12), (75, 50, 16, 1), (1, 1, 16, 12), (40, 40, 16, 4)]:
        processor = GotOcr2ImageProcessor(size={"height": side, "width": side}, max_patches=most, image_mean=[.5] * 3, image_std=[.5] * 3)
        out = processor([Image.fromarray(picture(width, height))], crop_to_patches=True, return_tensors="np")
        values = np.rint((out["pixel_values"] + 1) * 127.5).astype(np.uint8)
        columns, rows = get_optimal_tiled_canvas((height, width), (side, side), 1, most)
        pictures.append({"size": [width, height], "side": side, "least": 1, "most": most, "grid": [rows, columns], "tiles": list(values.shape),
                         "values": base64.b64encode(values.tobytes()).decode()})
    versions = {"transformers": transformers.__version__, "torchvision": torchvision.__version__}
    (HERE / "images.json").write_text(json.dumps({"madeBy": versions, "sizes": sizes, "pictures": pictures}) + "\n")


make_images()
for name, case in CASES.items():
    make_case(name, case)
versions = {"command": "python test/golden/internvl/make_golden.py", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=1) + "\n")
