"""Golden numbers of idefics2: `python make_golden.py` writes a folder a case and images.json beside itself.

Reference: Hugging Face transformers, small random configs, weights rounded to bf16 and computed in fp32 with eager attention.
made-by.json records the versions. The reference pads all views to one size: stages and pixel_values have the rows of patches
that are no padding, view by view (channel, y, x); view_grids are rows and columns of each image's views, as many for each as
num_views says. images.json: sizes of 200 images, pixels of small ones, texts, places in a table.
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
from transformers import Idefics2Config, Idefics2ForConditionalGeneration
from transformers.image_utils import SizeDict
from transformers.models.idefics2 import image_processing_idefics2 as processing
from transformers.models.idefics2.modeling_idefics2 import Idefics2VisionEmbeddings

HERE = Path(__file__).parent
IMAGE, FAKE = 300, 301
CASES = {
    "quarters": dict(vision=dict(image_size=26, patch_size=4, hidden_size=32, num_attention_heads=2), perceiver=dict(resampler_n_heads=4, num_key_value_heads=2, resampler_head_dim=8, resampler_n_latents=4),
                     text=(4, 2), tied=False, images=[[(3, 4), (3, 4), (3, 4), (2, 4), (7, 5)], [(2, 3), (2, 2), (2, 3), (2, 2), (3, 5)]], turns=True),
    "whole": dict(vision=dict(image_size=20, patch_size=4, hidden_size=24, num_attention_heads=3), perceiver=dict(resampler_n_heads=3, num_key_value_heads=1, resampler_head_dim=16, resampler_n_latents=3, resampler_depth=2),
                  text=(4, 1), tied=True, images=[[(1, 9)], [(5, 5)], [(6, 2)]]),
    "perceiver-defaults": dict(vision=dict(image_size=16, patch_size=4, hidden_size=32, num_attention_heads=4), perceiver=dict(resampler_n_heads=2, num_key_value_heads=2, resampler_head_dim=16, resampler_n_latents=5, hidden_size=4096),
                               text=(8, 8), tied=False, images=[[(3, 3)]]),
}


def make_config(case):
    heads, kv_heads = case["text"]
    text = dict(model_type="mistral", vocab_size=340, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=heads, num_key_value_heads=kv_heads,
                rms_norm_eps=1e-5, max_position_embeddings=2048, rope_theta=10000.0, sliding_window=1024, eos_token_id=2)
    vision = dict(num_hidden_layers=3, intermediate_size=56) | case["vision"]
    perceiver = dict(hidden_size=64, rms_norm_eps=1e-6) | case["perceiver"]
    return Idefics2Config(text_config=text, vision_config=vision, perceiver_config=perceiver, image_token_id=IMAGE, tie_word_embeddings=case["tied"])


def randomise(model, generator):
    """Nothing at its initial value, everything exactly representable in bf16."""
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        scale = 0.2 if p.ndim == 1 else 1.4 / p[0].numel() ** 0.5
        centre = 1.0 if p.ndim == 1 and name.endswith("weight") else 0.0
        p.data = (noise * scale + centre).bfloat16().float()


def words(n, generator):
    return torch.randint(20, 290, (n,), generator=generator).tolist()


def block(config, views):
    """As the processor writes it, in ids."""
    return [FAKE] + ([IMAGE] * config.perceiver_config.resampler_n_latents + [FAKE]) * len(views)


def padded(config, images, generator):
    """Views padded to one size, and what is not padding. A view has some pixels more than whole patches."""
    p = config.vision_config.patch_size
    grids = [grid for views in images for grid in views]
    height, width = max(g[0] for g in grids) * p + p - 1, max(g[1] for g in grids) * p + p - 1
    values, mask = torch.zeros(1, len(grids), 3, height, width), torch.zeros(1, len(grids), height, width, dtype=torch.long)
    for n, (rows, columns) in enumerate(grids):
        h, w = rows * p + n % p, columns * p + (n + 1) % p
        values[0, n, :, :h, :w] = (torch.randn(3, h, w, generator=generator) * 8).round().clamp(-24, 24) / 8
        mask[0, n, :h, :w] = 1
    return values, mask


def patches(config, values, images):
    p = config.vision_config.patch_size
    rows = [values[0, n, :, :r * p, :c * p].reshape(3, r, p, c, p).permute(1, 3, 0, 2, 4).reshape(-1, 3 * p * p)
            for n, (r, c) in enumerate(grid for views in images for grid in views)]
    return torch.cat(rows).bfloat16().contiguous()


def first(output):
    return output[0] if isinstance(output, tuple) else output


def greedy(model, inputs, count):
    out = model.generate(**inputs, attention_mask=torch.ones_like(inputs["input_ids"]), do_sample=False, max_new_tokens=count,
                         min_new_tokens=count, eos_token_id=None, pad_token_id=0)
    return out[0, inputs["input_ids"].shape[1]:]


def save(folder, name, tensors):
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, folder / f"{name}.safetensors")


def grids_of(images):
    return dict(view_grids=torch.tensor([grid for views in images for grid in views]), num_views=torch.tensor([len(views) for views in images]))


@torch.no_grad()
def make_case(name, case):
    generator = torch.Generator().manual_seed(len(name))
    config = make_config(case)
    model = Idefics2ForConditionalGeneration(config).eval()
    model.set_attn_implementation("eager")
    randomise(model, generator)
    if case["tied"]:
        model.tie_weights()
    ids = words(3, generator)
    for views in case["images"]:
        ids += block(config, views) + words(4, generator)
    values, mask = padded(config, case["images"], generator)
    inputs = dict(input_ids=torch.tensor([ids]), pixel_values=values, pixel_attention_mask=mask)
    p = config.vision_config.patch_size
    seen = (mask[0].unfold(1, p, p).unfold(2, p, p).sum((-1, -2)) == p * p).flatten(1)
    stages, vision, text = {}, model.model.vision_model, model.model.text_model
    connector = model.model.connector
    def keep(name, pick=first):
        return lambda module, args, output: stages.__setitem__(name, pick(output).detach().clone())
    rows = lambda o: first(o)[seen]
    handles = [vision.embeddings.register_forward_hook(keep("embedded", rows)), vision.post_layernorm.register_forward_hook(keep("features", rows)),
               connector.modality_projection.register_forward_hook(keep("context", rows)), connector.register_forward_hook(keep("visual_tokens")),
               *[layer.register_forward_hook(keep(f"vision_blocks.{i}", rows)) for i, layer in enumerate(vision.encoder.layers)],
               *[layer.register_forward_hook(keep(f"resampler_layers.{i}")) for i, layer in enumerate(connector.perceiver_resampler.layers)],
               *[layer.register_forward_hook(keep(f"layers.{i}", lambda o: first(o)[0])) for i, layer in enumerate(text.layers)],
               text.rotary_emb.register_forward_hook(keep("cos", lambda o: o[0][0])), text.rotary_emb.register_forward_hook(keep("sin", lambda o: o[1][0]))]
    logits = model(**inputs).logits[0, -1]
    for handle in handles:
        handle.remove()
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    save(folder, "fixture", dict(stages, input_ids=inputs["input_ids"][0], pixel_values=patches(config, values, case["images"]), **grids_of(case["images"]),
                                 logits=logits, position_ids=torch.arange(len(ids)), greedy_ids=greedy(model, inputs, 32)))
    tensors = {k: v.bfloat16().contiguous() for k, v in model.state_dict().items()}
    if case["tied"]:
        tensors.pop("lm_head.weight", None)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    written = json.loads(json.dumps(config.to_dict(), default=str))
    if name == "perceiver-defaults":   # as a file says it that leaves the width out: the reference takes the text's width and epsilon
        written["perceiver_config"].pop("hidden_size"), written["perceiver_config"].pop("rms_norm_eps")
    (folder / "config.json").write_text(json.dumps(written, indent=1) + "\n")
    assert torch.equal(type(model).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()(**inputs).logits[0, -1], logits)
    if case.get("turns"):
        images = [[(2, 2), (2, 2), (2, 2), (2, 2), (4, 4)], [(3, 1), (3, 1), (3, 1), (3, 1), (5, 2)]]
        values, mask = padded(config, images, generator)
        prompt = torch.tensor([words(3, generator) + block(config, images[0]) + words(4, generator)])
        answer = greedy(model, dict(input_ids=prompt, pixel_values=values[:, :5], pixel_attention_mask=mask[:, :5]), 6)
        turn = torch.tensor([words(2, generator) + block(config, images[1]) + words(5, generator)])
        whole = dict(input_ids=torch.cat([prompt, answer[None], turn], 1), pixel_values=values, pixel_attention_mask=mask)
        save(folder, "second-turn", dict(prompt_ids=prompt[0], answer_ids=answer, turn_ids=turn[0], pixel_values=patches(config, values, images), **grids_of(images),
                                         logits=model(**whole).logits[0, -1], greedy_ids=greedy(model, whole, 16)))
    for file in folder.iterdir():
        file.chmod(0o644)


# ------------------------------------------------------------------------------------------------------ images


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x * 5 + y) % 256, (y * 7) % 256, (x * y) % 256], -1).astype(np.uint8)


def views_of(width, height, splits):
    image = torch.empty(1, 1, height, width, device="meta")
    return [part[0] for part in processing.Idefics2ImageProcessor.split_images(None, image)[0]] if splits else [image[0, 0]]


def make_images():
    random = np.random.default_rng(2)
    rules = [(378, 980), (28, 56), (14, 980), (378, 768)]
    special = [(2, 2), (2, 400), (399, 2), (980, 980), (981, 980), (1959, 1961), (12000, 3), (7, 1400), (378, 378), (3, 2)]
    sizes = []
    for i in range(200):
        base = max(2, int(2 ** random.uniform(1, 12)))
        width, height = special[i // 20] if i % 20 == 3 else (max(2, int(base * 2 ** random.uniform(-4, 4))), base)
        shortest, longest = rules[i % len(rules)]
        views = [list(processing.get_resize_output_image_size(view, SizeDict(shortest_edge=shortest, longest_edge=longest))) for view in views_of(width, height, i % 3 > 0)]
        sizes.append({"size": [width, height], "edges": [shortest, longest], "splits": i % 3 > 0, "views": views})
    pictures = []
    for width, height, shortest, longest, splits in [(75, 51, 8, 24, True), (30, 90, 16, 20, True), (1, 1, 8, 24, False), (40, 9, 12, 30, False)]:
        processor = processing.Idefics2ImageProcessor(size={"shortest_edge": shortest, "longest_edge": longest}, do_image_splitting=splits)
        out = processor([[Image.fromarray(picture(width, height))]], return_tensors="np")
        values = []
        for plane, mask in zip(out["pixel_values"][0], out["pixel_attention_mask"][0]):
            h, w = int(mask[:, 0].sum()), int(mask[0].sum())
            values.append(np.rint((plane[:, :h, :w].transpose(1, 2, 0) + 1) * 127.5).astype(np.uint8))
        pictures.append({"size": [width, height], "edges": [shortest, longest], "splits": splits, "views": [list(v.shape[:2]) for v in values],
                         "values": [base64.b64encode(v.tobytes()).decode() for v in values]})
    places = {}
    for side in (4, 16, 70):
        embeddings = Idefics2VisionEmbeddings(transformers.models.idefics2.configuration_idefics2.Idefics2VisionConfig(hidden_size=1, num_attention_heads=1, image_size=side, patch_size=1))
        embeddings.position_embedding.weight.data = torch.arange(side * side).float()[:, None]
        embeddings.patch_embedding.weight.data.zero_(); embeddings.patch_embedding.bias.data.zero_()
        for length in range(1, 201):
            found = embeddings(torch.zeros(1, 3, 1, length), torch.ones(1, 1, length, dtype=torch.bool))[0, :, 0].long().tolist()
            if found != [side * i // length for i in range(length)]:
                places[f"{side} {length}"] = found
    versions = {"transformers": transformers.__version__, "torchvision": torchvision.__version__}
    (HERE / "images.json").write_text(json.dumps({"madeBy": versions, "sizes": sizes, "pictures": pictures, "places": places}) + "\n")


with torch.no_grad():
    make_images()
for name, case in CASES.items():
    make_case(name, case)
versions = {"command": "python test/golden/idefics2/make_golden.py", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=1) + "\n")
