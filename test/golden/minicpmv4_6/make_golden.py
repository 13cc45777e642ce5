"""Golden numbers of the families minicpmv4_6 and minicpm_ocr: `python make_golden.py` writes the case folders beside itself.

Reference: Hugging Face transformers' MiniCPMV4_6ForConditionalGeneration and MiniCPMOcrForConditionalGeneration, small random
configs, weights rounded to bf16 and computed in fp32 with eager attention. made-by.json records the versions. Tensors of a fixture
are named after the stage they come out of. pixel_values are rows of patches (channel, y, x), view by view in raster order,
view_grids of each image rows and columns of slices, then of the overview's patches and of a slice's. Rows of encoder stages are in
the order in which they are merged: block by block, in raster order within each.
"""
import json
import platform
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import (
    DynamicCache, MiniCPMOcrConfig, MiniCPMOcrForConditionalGeneration, MiniCPMV4_6Config, MiniCPMV4_6ForConditionalGeneration)

HERE = Path(__file__).parent
IMAGE, VIDEO = 310, 311
# ids of a made-up tokenizer
MARKS = {"<image>": 300, "</image>": 301, "<slice>": 302, "</slice>": 303, "<image_id>": 304, "</image_id>": 305, "\n": 10, "0": 12, "1": 13}
PATCH, VOCABULARY, WIDTH = 4, 320, 48
L, F = "linear_attention", "full_attention"
CASES = {
    # class, mode and the layer before the window merger; width, heads, layers and places on a side of vision; kinds of text layers,
    # linear heads of keys and of values and their columns, heads, kv heads, head dim; tied; words and images: the overview's patches,
    # and rows, columns and patches of slices
    "v-sliced": dict(
        kind="v", mode="16x", insert=1, vision=(32, 2, 3, 6), types=[L, L, L, F], linear=(2, 4, 16, 16), heads=(4, 2, 32), tied=True,
        content=[2, ((4, 8), (1, 2, 8, 4)), 3]),
    "v-two-images": dict(
        kind="v", mode="16x", insert=0, vision=(24, 3, 2, 9), types=[L, F], linear=(3, 3, 16, 8), heads=(3, 1, 64), tied=False,
        content=[1, ((8, 4), None), 3, ((4, 4), (2, 1, 4, 12)), 4]),
    "v-second-turn": dict(
        kind="v", mode="16x", insert=2, vision=(32, 4, 3, 5), types=[F, L, F], linear=(1, 3, 8, 24), heads=(2, 2, 16), tied=True, bias=True,
        content=[3, ((4, 4), None), 2], turn=[2, ((8, 4), (2, 2, 4, 4)), 3]),
    "v-4x": dict(
        kind="v", mode="4x", insert=1, vision=(16, 2, 3, 7), types=[L, F], linear=(2, 2, 8, 8), heads=(2, 1, 16), tied=False,
        content=[2, ((6, 2), (3, 1, 2, 4)), 2]),
    "ocr-sliced": dict(
        kind="ocr", mode="4x", insert=1, vision=(32, 2, 2, 6), types=[L, L, F], linear=(2, 4, 8, 16), heads=(4, 2, 16), tied=True,
        content=[2, ((2, 6), (1, 2, 4, 4)), 3]),
    "ocr-two-images": dict(
        kind="ocr", mode="4x", insert=5, vision=(24, 3, 3, 8), types=[F, L], linear=(3, 3, 8, 8), heads=(1, 1, 40), tied=False,
        content=[2, ((6, 4), None), 1, ((2, 2), (2, 2, 2, 6)), 4]),
    "ocr-16x": dict(
        kind="ocr", mode="16x", insert=0, vision=(48, 4, 2, 10), types=[L, F], linear=(2, 6, 8, 8), heads=(2, 1, 24), tied=True,
        content=[1, ((4, 12), None), 3]),
}
CLASSES = {"v": (MiniCPMV4_6Config, MiniCPMV4_6ForConditionalGeneration), "ocr": (MiniCPMOcrConfig, MiniCPMOcrForConditionalGeneration)}


def randomise(model, generator):
    """Nothing at its initial value, everything exactly representable in bf16."""
    for name, p in model.named_parameters():
        scale = 0.2 if p.ndim == 1 else 1.4 / p[0].numel() ** 0.5
        noise = torch.randn(p.shape, generator=generator) * scale
        if name.endswith("A_log"):
            p.data = (torch.rand(p.shape, generator=generator) * 4 + 0.05).log().bfloat16().float()
        else:  # the norms of the text count from one
            is_plain_norm = name.endswith("linear_attn.norm.weight") or (
                "language_model" not in name and p.ndim == 1 and "norm" in name and name.endswith("weight"))
            p.data = (noise + is_plain_norm).bfloat16().float()


def make_config(kind, mode, insert, vision, types, linear, heads, tied, bias=False, **_):
    text = dict(
        model_type="qwen3_5_text", vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=96, num_hidden_layers=len(types), layer_types=types,
        num_attention_heads=heads[0], num_key_value_heads=heads[1], head_dim=heads[2], max_position_embeddings=4096,
        linear_num_key_heads=linear[0], linear_num_value_heads=linear[1], linear_key_head_dim=linear[2],
        linear_value_head_dim=linear[3], linear_conv_kernel_dim=4, attention_bias=bias, rms_norm_eps=1e-5,
        rope_parameters=dict(rope_type="default", rope_theta=1e7, partial_rotary_factor=0.25))
    width, vision_heads, layers, side = vision
    eyes = dict(
        hidden_size=width, intermediate_size=2 * width + 8, num_hidden_layers=layers, num_attention_heads=vision_heads,
        image_size=side * PATCH, patch_size=PATCH)
    return CLASSES[kind][0](
        text_config=text, vision_config=eyes, insert_layer_id=insert, downsample_mode=mode, image_token_id=IMAGE, video_token_id=VIDEO,
        tie_word_embeddings=tied)


def pixels(count, generator):
    """Rows of patches (channel, y, x); multiples of 1/8, exact in bf16."""
    return (torch.randn(count, 3 * PATCH * PATCH, generator=generator) * 8).round().clamp(-24, 24) / 8


def packed(rows):
    """[patches, 3·p·p] → the reference's [1, 3, p, patches·p]"""
    return rows.view(-1, 3, PATCH, PATCH).permute(1, 2, 0, 3).reshape(1, 3, PATCH, -1)


def spelled(content, generator, divisor, first=0):
    """ids as the processor writes them, and the images; the first is the one of this number."""
    ids, images = [], []
    rows_of = lambda view: [IMAGE] * (view[0] * view[1] // divisor)  # noqa: E731
    for part in content:
        if isinstance(part, int):
            ids += torch.randint(20, 290, (part,), generator=generator).tolist()
            continue
        overview, slices = part
        ids += [MARKS["<image_id>"], MARKS[str(first + len(images))], MARKS["</image_id>"], MARKS["<image>"], *rows_of(overview), MARKS["</image>"]]
        for i in range(slices[0] * slices[1] if slices else 0):
            ids += [MARKS["\n"]] * (i > 0 and i % slices[1] == 0) + [MARKS["<slice>"], *rows_of(slices[2:]), MARKS["</slice>"]]
        images.append(part)
    return ids, images


def views_of(images):
    return [view for overview, slices in images for view in [overview] + ([slices[2:]] * (slices[0] * slices[1]) if slices else [])]


def count_of(images):
    return sum(rows * columns for rows, columns in views_of(images))


def grids_of(images):
    return torch.tensor([(*(slices[:2] if slices else (0, 0)), *overview, *(slices[2:] if slices else (0, 0))) for overview, slices in images])


def inputs_of(ids, images, rows):
    ids = torch.tensor([ids])
    sizes = torch.tensor(views_of(images), dtype=torch.int32)
    return dict(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=packed(rows), target_sizes=sizes)


def greedy(model, inputs, count):
    out = model.generate(**inputs, do_sample=False, max_new_tokens=count, min_new_tokens=count, eos_token_id=None, pad_token_id=0)
    return out[0, inputs["input_ids"].shape[1]:]


def merge_order(rows, columns, levels):
    """Of each row in the order of merging, its place in raster order."""
    places = torch.arange(rows * columns).view(rows, columns)
    for level in reversed(range(levels)):
        side = 2 << level
        h, w = places.shape[-2:]
        places = places.view(-1, h // side, side, w // side, side).transpose(2, 3).reshape(-1, side, side)
    return places.flatten()


def merged(stage, views, levels):
    """A stage's rows of all views, reordered within each."""
    parts = stage.split([rows * columns for rows, columns in views])
    return torch.cat([part[merge_order(*view, levels)] for part, view in zip(parts, views)])


def first(output):
    return (output[0] if isinstance(output, tuple) else output)[0]


def save(folder, name, tensors):
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, folder / f"{name}.safetensors")


@torch.no_grad()
def make_case(name, case):
    generator = torch.Generator().manual_seed(len(name))
    model = CLASSES[case["kind"]][1](make_config(**case)).eval()
    model.set_attn_implementation("eager")
    randomise(model, generator)
    if case["tied"]:
        model.tie_weights()
    is_coarse = case["mode"] == "16x"
    divisor = 16 if is_coarse else 4
    ids, images = spelled(case["content"], generator, divisor)
    rows, views = pixels(count_of(images), generator), views_of(images)
    inputs = inputs_of(ids, images, rows)

    stages, tower, text = {}, model.model.vision_tower, model.model.language_model
    def keep(name, pick=first):
        return lambda module, args, output: stages.__setitem__(name, pick(output).clone())
    handles = [block.register_forward_hook(keep(f"vision_blocks.{i}")) for i, block in enumerate(tower.encoder.layers)]
    handles += [tower.embeddings.register_forward_hook(keep("embedded")), tower.vit_merger.register_forward_hook(keep("vit_merger")),
                tower.post_layernorm.register_forward_hook(keep("features"))]
    handles += [layer.register_forward_hook(keep(f"layers.{i}")) for i, layer in enumerate(text.layers)]
    handles += [text.rotary_emb.register_forward_hook(keep(part, lambda o, i=i: o[i][0])) for i, part in enumerate(["cos", "sin"])]
    logits = model(**inputs).logits[0, -1]
    for handle in handles:
        handle.remove()
    halved = [(h // 2, w // 2) for h, w in views]
    for stage in ["embedded", "vit_merger", "features", *(f"vision_blocks.{i}" for i in range(len(tower.encoder.layers)))]:
        if stage in stages:
            is_halved = is_coarse and len(stages[stage]) < len(rows)
            stages[stage] = merged(stages[stage], halved if is_halved else views, 2 if is_coarse and not is_halved else 1)
    tokens = torch.cat(model.get_image_features(inputs["pixel_values"], inputs["target_sizes"]).pooler_output)
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    save(folder, "fixture", stages | dict(
        input_ids=inputs["input_ids"][0], position_ids=torch.arange(len(ids)), visual_tokens=tokens, view_grids=grids_of(images),
        pixel_values=rows.bfloat16(), logits=logits, greedy_ids=greedy(model, inputs, 32)))
    if "turn" in case:
        second_turn(folder, model, case, generator, divisor)
    tensors = {k: v.bfloat16().contiguous() for k, v in model.state_dict().items() if not (case["tied"] and k == "lm_head.weight")}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(model.config.to_dict(), indent=2, default=str) + "\n")
    for file in folder.iterdir():
        file.chmod(0o644)
    print(name, len(ids))


def second_turn(folder, model, case, generator, divisor):
    """The logits after a second turn with another image, of the whole and on the kept cache of the first: they must agree."""
    prompt, images = spelled(case["content"], generator, divisor)
    rows = pixels(count_of(images), generator)
    answer = greedy(model, inputs_of(prompt, images, rows), 6).tolist()
    turn, more = spelled(case["turn"], generator, divisor, len(images))
    later = pixels(count_of(more), generator)
    whole = inputs_of(prompt + answer + turn, images + more, torch.cat([rows, later]))
    logits = model(**whole).logits[0, -1]
    cache, start = DynamicCache(config=model.config.text_config), 0
    for ids, seen in [(prompt, (images, rows)), *(([token], None) for token in answer), (turn, (more, later))]:
        given = inputs_of(ids, *seen) if seen else dict(input_ids=torch.tensor([ids]))
        given.pop("attention_mask", None)
        kept = model(**given, position_ids=torch.arange(start, start + len(ids))[None], cache=cache).logits[0, -1]
        start += len(ids)
    assert (kept - logits).abs().max() < 2e-5 * logits.abs().max(), "the kept cache and a full recompute agree"
    save(folder, "second-turn", dict(
        prompt_ids=torch.tensor(prompt), answer_ids=torch.tensor(answer), turn_ids=torch.tensor(turn), logits=logits,
        pixel_values=torch.cat([rows, later]).bfloat16(), view_grids=grids_of(images + more), greedy_ids=greedy(model, whole, 16)))


for name in sys.argv[1:] or CASES:
    make_case(name, CASES[name])
versions = {
    "command": " ".join(["python make_golden.py", *sys.argv[1:]]), "python": platform.python_version(),
    "torch": torch.__version__, "transformers": transformers.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=2) + "\n")
