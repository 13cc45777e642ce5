"""Golden numbers of idefics3 and smolvlm: `python make_golden.py` writes ../<model_type>/<case>/ and images.json beside itself.

Reference: Hugging Face transformers, small random configs, weights rounded to bf16 and computed in fp32 with eager
attention. made-by.json records the versions. Tensors of a fixture are named after the stage they come out of; pixel_values
are rows of patches, tile by tile (channel, y, x), multiples of 1/8; tile_grids are rows and columns of tiles, 0 0 for an
image that is not split. images.json: tile grids and sizes of 200 images, ids and pixels of small ones, buckets of positions.
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
from transformers import Idefics3Config, Idefics3ForConditionalGeneration, SmolVLMConfig, SmolVLMForConditionalGeneration
from transformers.models.idefics3 import image_processing_idefics3 as processing
from transformers.models.idefics3.modeling_idefics3 import Idefics3VisionEmbeddings
from transformers.models.idefics3.processing_idefics3 import Idefics3Processor

HERE = Path(__file__).parent
IMAGE, FAKE, GLOBAL, LINE, LINES = 300, 301, 302, 10, 11   # ids of a made-up tokenizer, in which "\n\n" is one token
CLASSES = {"idefics3": (Idefics3Config, Idefics3ForConditionalGeneration), "smolvlm": (SmolVLMConfig, SmolVLMForConditionalGeneration)}
CASES = {
    "idefics3/split": dict(vision=dict(image_size=16, patch_size=4, hidden_size=32, num_attention_heads=2), scale=2, text=(4, 2), tied=False, grids=[(2, 3), (0, 0)], turns=True),
    # 14 is not a multiple of 4: the last columns and rows are not read
    "idefics3/remainder": dict(vision=dict(image_size=14, patch_size=4, hidden_size=24, num_attention_heads=3), scale=3, text=(2, 2), tied=True, grids=[(1, 2)]),
    "smolvlm/tied-gqa": dict(vision=dict(image_size=24, patch_size=4, hidden_size=32, num_attention_heads=4), scale=2, text=(4, 1), tied=True, grids=[(0, 0), (2, 1)]),
    "smolvlm/small-files": dict(vision=dict(image_size=16, patch_size=4, hidden_size=32, num_attention_heads=2), scale=4, text=(8, 2), tied=False, grids=[(3, 2)]),
}


def make_config(model_type, case):
    heads, kv_heads = case["text"]
    text = dict(model_type="llama", vocab_size=340, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=heads,
                num_key_value_heads=kv_heads, rms_norm_eps=1e-5, max_position_embeddings=2048, rope_theta=100000.0, tie_word_embeddings=case["tied"], eos_token_id=2)
    vision = dict(num_hidden_layers=3, intermediate_size=56) | case["vision"]
    return CLASSES[model_type][0](text_config=text, vision_config=vision, scale_factor=case["scale"], image_token_id=IMAGE, tie_word_embeddings=case["tied"])


def randomise(model, generator):
    """Nothing at its initial value, everything exactly representable in bf16."""
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        scale = 0.2 if p.ndim == 1 else 1.4 / p[0].numel() ** 0.5
        centre = 1.0 if p.ndim == 1 and name.endswith("weight") else 0.0
        p.data = (noise * scale + centre).bfloat16().float()


def words(n, generator):
    return torch.randint(20, 290, (n,), generator=generator).tolist()


def num_tiles(grid):
    return grid[0] * grid[1] + 1 if grid[0] else 1


def block(config, grid):
    """As the processor writes it, in ids."""
    vision = config.vision_config
    rows = [IMAGE] * ((vision.image_size // vision.patch_size) // config.scale_factor) ** 2
    whole = [FAKE, GLOBAL] + rows + [FAKE]
    ids = []
    for r in range(grid[0]):
        for c in range(grid[1]):
            ids += [FAKE, 303 + 6 * r + c] + rows
        ids += [LINE] if r < grid[0] - 1 else [LINES]
    return ids + whole


def tiles(config, grids, generator):
    side = config.vision_config.image_size
    values = torch.randn(sum(map(num_tiles, grids)), 3, side, side, generator=generator)
    return (values * 8).round().clamp(-24, 24) / 8


def patches(config, values):
    p = config.vision_config.patch_size
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
def make_case(path, case):
    model_type = path.split("/")[0]
    generator = torch.Generator().manual_seed(len(path))
    config = make_config(model_type, case)
    model = CLASSES[model_type][1](config).eval()
    model.set_attn_implementation("eager")
    randomise(model, generator)
    if case["tied"]:
        model.tie_weights()
    ids = words(3, generator)
    for grid in case["grids"]:
        ids += block(config, grid) + words(4, generator)
    values = tiles(config, case["grids"], generator)
    inputs = dict(input_ids=torch.tensor([ids]), pixel_values=values[None])
    stages, vision, text = {}, model.model.vision_model, model.model.text_model
    def keep(name, pick=first):
        return lambda module, args, output: stages.__setitem__(name, pick(output).detach().clone())
    handles = [vision.embeddings.register_forward_hook(keep("embedded")), vision.post_layernorm.register_forward_hook(keep("features")),
               model.model.connector.register_forward_hook(keep("visual_tokens")),
               *[layer.register_forward_hook(keep(f"vision_blocks.{i}")) for i, layer in enumerate(vision.encoder.layers)],
               *[layer.register_forward_hook(keep(f"layers.{i}", lambda o: first(o)[0])) for i, layer in enumerate(text.layers)],
               text.rotary_emb.register_forward_hook(keep("cos", lambda o: o[0][0])), text.rotary_emb.register_forward_hook(keep("sin", lambda o: o[1][0]))]
    logits = model(**inputs).logits[0, -1]
    for handle in handles:
        handle.remove()
    folder = HERE.parent / path
    folder.mkdir(parents=True, exist_ok=True)
    save(folder, "fixture", dict(
        stages, input_ids=inputs["input_ids"][0], pixel_values=patches(config, values), tile_grids=torch.tensor(case["grids"]), logits=logits,
        position_ids=torch.arange(len(ids)), greedy_ids=greedy(model, inputs, 32)))
    tensors = {k: v.bfloat16().contiguous() for k, v in model.state_dict().items()}
    if case["tied"]:
        tensors.pop("lm_head.weight", None)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    written = json.loads(json.dumps(config.to_dict(), default=str))
    if path.endswith("small-files"):   # as published files leave defaults out
        written["text_config"].pop("rope_parameters")
        written["text_config"] |= dict(rope_theta=100000.0, is_llama_config=True, rope_interleaved=False, qk_layer_norms=False, use_resampler=False, pixel_shuffle_factor=4)
        written["vision_config"] |= dict(max_image_size={"longest_edge": 16}, size={"longest_edge": 64}, use_base_siglip=False)
    (folder / "config.json").write_text(json.dumps(written, indent=1) + "\n")
    assert torch.equal(type(model).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()(**inputs).logits[0, -1], logits)
    if case.get("turns"):
        second_turn(folder, model, config, generator)


def second_turn(folder, model, config, generator):
    grids = [(1, 2), (0, 0)]
    values = tiles(config, grids, generator)
    prompt = torch.tensor([words(3, generator) + block(config, grids[0]) + words(4, generator)])
    answer = greedy(model, dict(input_ids=prompt, pixel_values=values[None, : num_tiles(grids[0])]), 6)
    turn = torch.tensor([words(2, generator) + block(config, grids[1]) + words(5, generator)])
    whole = dict(input_ids=torch.cat([prompt, answer[None], turn], 1), pixel_values=values[None])
    save(folder, "second-turn", dict(prompt_ids=prompt[0], answer_ids=answer, turn_ids=turn[0], pixel_values=patches(config, values),
                                     tile_grids=torch.tensor(grids), logits=model(**whole).logits[0, -1], greedy_ids=greedy(model, whole, 16)))


# ------------------------------------------------------------------------------------------------------ images


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x * 5 + y) % 256, (y * 7) % 256, (x * y) % 256], -1).astype(np.uint8)


def fitted(width, height, longest, side):
    """Sizes after both resizes."""
    h, w = processing._resize_output_size_rescale_to_max_len(height, width, max_len=longest)
    h, w = processing._resize_output_size_scale_below_upper_bound(h, w, max_len=processing.MAX_IMAGE_SIZE)
    sizes = []
    class Sized(processing.Idefics3ImageProcessor):
        def resize(self, image, size, resample=None, **kwargs):
            sizes.append([size.width, size.height])
    Sized().resize_for_vision_encoder(torch.empty(1, 3, h, w, device="meta"), side)
    return [w, h], sizes[0]


def make_images():
    random = np.random.default_rng(8)
    rules = [(2048, 512), (1536, 384), (1456, 364), (512, 512), (5000, 512), (1500, 384)]
    sizes = []
    for i in range(200):
        base = int(2 ** random.uniform(0, 12))
        height, width = base, max(1, int(base * 2 ** random.uniform(-4, 4)))
        if i % 20 == 3:
            height, width = [(1, 1), (1, 200), (199, 1), (2, 2), (512, 512), (513, 512), (4096, 3), (7, 1400), (384, 384), (1, 2)][i // 20]
        longest, side = rules[i % len(rules)]
        first, second = fitted(width, height, longest, side)
        sizes.append({"size": [width, height], "longestEdge": longest, "side": side, "first": first, "second": second})
    pictures = []
    for width, height, longest, side, splits in [(75, 50, 64, 16, True), (30, 90, 32, 16, True), (10, 10, 16, 16, True), (75, 50, 64, 16, False), (1, 1, 32, 16, True)]:
        processor = processing.Idefics3ImageProcessor(size={"longest_edge": longest}, max_image_size={"longest_edge": side}, do_image_splitting=splits)
        out = processor([[Image.fromarray(picture(width, height))]], return_tensors="np", return_row_col_info=True)
        values = np.rint((out["pixel_values"][0] + 1) * 127.5).astype(np.uint8)
        pictures.append({"size": [width, height], "longestEdge": longest, "side": side, "splits": splits, "grid": [out["rows"][0][0], out["cols"][0][0]],
                         "tiles": list(values.shape), "values": base64.b64encode(values.tobytes()).decode()})
    texts = []
    joint = Idefics3Processor.__new__(Idefics3Processor)
    joint.fake_image_token, joint.image_token, joint.global_image_tag, joint.image_seq_len = "<fake_token_around_image>", "<image>", "<global-img>", 2
    for grid in [(0, 0), (1, 2), (3, 2)]:
        texts.append({"grid": grid, "text": joint.replace_image_token({"rows": [[grid[0]]], "cols": [[grid[1]]]}, 0)})
    buckets = []
    for side in [1, 2, 3, 4, 13, 14, 23, 26, 27, 32, 49, 64, 70]:
        embeddings = Idefics3VisionEmbeddings(transformers.models.idefics3.configuration_idefics3.Idefics3VisionConfig(hidden_size=1, num_attention_heads=1, image_size=side, patch_size=1))
        embeddings.position_embedding.weight.data = torch.arange(side * side).float()[:, None]
        embeddings.patch_embedding.weight.data.zero_(); embeddings.patch_embedding.bias.data.zero_()
        ids = embeddings(torch.zeros(1, 3, side, side), torch.ones(1, side, side, dtype=torch.bool))[0, :, 0].long()
        buckets.append({"side": side, "firstRow": ids[:side].tolist(), "sum": int(ids.sum())})
    versions = {"transformers": transformers.__version__, "torchvision": torchvision.__version__}
    (HERE / "images.json").write_text(json.dumps({"madeBy": versions, "sizes": sizes, "pictures": pictures, "texts": texts, "buckets": buckets}) + "\n")


with torch.no_grad():
    make_images()
for path, case in CASES.items():
    make_case(path, case)
versions = {"command": "python test/golden/idefics3/make_golden.py", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
for model_type in CLASSES:
    (HERE.parent / model_type / "made-by.json").write_text(json.dumps(versions, indent=1) + "\n")
