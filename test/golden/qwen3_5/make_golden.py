"""Golden numbers of the family qwen3_5: `python make_golden.py` writes the case folders beside itself.

Reference: Hugging Face transformers' Qwen3_5ForConditionalGeneration, small random configs, weights rounded to bf16 and computed
in fp32 with eager attention. made-by.json records the versions. Tensors of a fixture are named after the stage they come out of;
`turns` has the lengths of prompt, answer and second turn where there are two: the kept cache and a full recompute must agree.
"""
import json
import platform
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import DynamicCache, Qwen3_5Config, Qwen3_5ForConditionalGeneration

HERE = Path(__file__).parent
IMAGE, VIDEO, START, END = 300, 301, 302, 303
L, F = "linear_attention", "full_attention"
CASES = {
    # kinds of the layers (None: by the interval), linear heads of keys and of values and their columns, heads, kv heads, head dim,
    # share of its columns that turn, MRoPE's sections, tied; width, heads and depth of vision; words, images and videos
    "tied-one-image": dict(
        types=None, linear=(2, 4, 16, 16), heads=(4, 2, 32), rope=(0.25, [2, 1, 1]), tied=True, vision=(32, 2, 2),
        content=[3, ("image", 4, 6), 4]),
    "untied-two-images": dict(
        types=[L, F, L, F], linear=(3, 3, 16, 8), heads=(3, 1, 64), rope=(None, [3, 3, 2]), tied=False, vision=(24, 1, 3),
        content=[2, ("image", 4, 4), 5, ("image", 6, 2), 4]),
    "second-turn": dict(
        types=[F, L, L, F], linear=(1, 3, 8, 24), heads=(2, 2, 16), rope=(0.5, [2, 1, 1]), tied=True, vision=(32, 4, 2), bias=True,
        content=[3, ("image", 4, 6), 4], answer=6, turn=[2, ("image", 4, 4), 5]),
    "image-and-video": dict(
        types=[L, L, F], linear=(2, 6, 24, 16), heads=(6, 2, 16), rope=(1.0, [4, 2, 2]), tied=False, vision=(48, 2, 1), kernel=6,
        content=[2, ("image", 4, 2), 1, ("video", 3, 2, 4), 4]),
    "text-only": dict(
        types=[L, L, L, F], linear=(4, 4, 8, 8), heads=(1, 1, 40), rope=(0.25, [2, 2, 1]), tied=False, vision=(16, 2, 1), theta=77.0,
        content=[70]),  # more than one chunk of the reference's 64
}


def randomise(model, generator):
    """Nothing at its initial value, everything exactly representable in bf16."""
    for name, p in model.named_parameters():
        scale = 0.2 if p.ndim == 1 else 1.4 / p[0].numel() ** 0.5
        noise = torch.randn(p.shape, generator=generator) * scale
        if name.endswith("A_log"):
            p.data = (torch.rand(p.shape, generator=generator) * 4 + 0.05).log().bfloat16().float()
        else:  # the norms of the text count from one
            is_plain_norm = name.endswith("linear_attn.norm.weight") or (
                "visual" in name and p.ndim == 1 and "norm" in name and name.endswith("weight"))
            p.data = (noise + is_plain_norm).bfloat16().float()


def make_config(types, linear, heads, rope, tied, vision, bias=False, kernel=4, theta=1e7, **_):
    share, sections = rope
    rope_parameters = dict(rope_type="default", rope_theta=theta, mrope_interleaved=True, mrope_section=sections)
    if share is not None:
        rope_parameters["partial_rotary_factor"] = share
    text = dict(
        vocab_size=320, hidden_size=48, intermediate_size=96, num_hidden_layers=len(types) if types else 5, layer_types=types,
        num_attention_heads=heads[0], num_key_value_heads=heads[1], head_dim=heads[2], max_position_embeddings=4096,
        linear_num_key_heads=linear[0], linear_num_value_heads=linear[1], linear_key_head_dim=linear[2],
        linear_value_head_dim=linear[3], linear_conv_kernel_dim=kernel, rope_parameters=rope_parameters,
        attention_bias=bias, rms_norm_eps=1e-5, tie_word_embeddings=tied)
    width, vision_heads, depth = vision
    return Qwen3_5Config(
        text_config=text,
        vision_config=dict(
            depth=depth, hidden_size=width, intermediate_size=2 * width + 8, num_heads=vision_heads, out_hidden_size=48,
            num_position_embeddings=64),
        image_token_id=IMAGE, video_token_id=VIDEO, vision_start_token_id=START, vision_end_token_id=END, tie_word_embeddings=tied)


def pixels(count, generator):
    """Multiples of 1/8, exact in bf16."""
    return (torch.randn(count, 1536, generator=generator) * 8).round().clamp(-24, 24) / 8


def words(n, generator):
    return torch.randint(1, 290, (n,), generator=generator).tolist()


def spelled(content, generator):
    """ids of words, images between their marks, and a video's pairs of frames, each behind the words of its time."""
    ids, images, videos = [], [], []
    block = lambda pad, rows, columns: [START] + [pad] * (rows * columns // 4) + [END]
    for part in content:
        if isinstance(part, int):
            ids += words(part, generator)
        elif part[0] == "image":
            images.append((1, *part[1:]))
            ids += block(IMAGE, *part[1:])
        else:
            videos.append(part[1:])
            for _ in range(part[1]):
                ids += words(5, generator) + block(VIDEO, *part[2:])
    return ids, images, videos


def inputs_of(ids, images, videos, image_pixels, video_pixels):
    ids = torch.tensor([ids])
    inputs = dict(input_ids=ids, attention_mask=torch.ones_like(ids))
    if images or videos:
        inputs["mm_token_type_ids"] = (ids == IMAGE).long() + 2 * (ids == VIDEO).long()
    if images:
        inputs |= dict(pixel_values=image_pixels, image_grid_thw=torch.tensor(images))
    if videos:
        inputs |= dict(pixel_values_videos=video_pixels, video_grid_thw=torch.tensor(videos))
    return inputs


def greedy(model, inputs, count):
    model.model.rope_deltas = None
    out = model.generate(**inputs, do_sample=False, max_new_tokens=count, min_new_tokens=count, eos_token_id=None, pad_token_id=0)
    model.model.rope_deltas = None
    return out[0, inputs["input_ids"].shape[1]:]


def hooked(stages, name, row=False):
    def keep(module, args, output):
        value = output[0] if isinstance(output, tuple) else output
        stages.setdefault(name, []).append((value[0] if row else value).clone())

    return keep


def on_kept_cache(model, inputs, positions, turns):
    """The logits after the second turn, where the first was read, then answered token by token, and its cache kept."""
    ids, (prompt, answer, _) = inputs["input_ids"], turns
    ends = [prompt, *range(prompt + 1, prompt + answer + 1), ids.shape[1]]
    cache, start, row, grids = DynamicCache(config=model.config.text_config), 0, 0, inputs["image_grid_thw"]
    for end in ends:
        seen = {}
        if (ids[0, start:end] == IMAGE).any():
            count = int(grids[0].prod())
            seen = dict(pixel_values=inputs["pixel_values"][row:row + count], image_grid_thw=grids[:1])
            row, grids = row + count, grids[1:]
        logits = model(
            input_ids=ids[:, start:end], position_ids=positions[:, :, start:end], cache=cache,
            mm_token_type_ids=inputs["mm_token_type_ids"][:, start:end], **seen).logits[0, -1]
        start = end
    model.model.rope_deltas = None
    return logits


@torch.no_grad()
def make_case(name, case):
    generator = torch.Generator().manual_seed(len(name))
    model = Qwen3_5ForConditionalGeneration(make_config(**case)).eval()
    model.set_attn_implementation("eager")
    randomise(model, generator)
    if case["tied"]:
        model.tie_weights()
    ids, images, videos = spelled(case["content"], generator)
    count = lambda grids: sum(t * h * w for t, h, w in grids)
    image_pixels, video_pixels = pixels(count(images), generator), pixels(count(videos), generator)
    turns = None
    if "turn" in case:
        answer = greedy(model, inputs_of(ids, images, videos, image_pixels, video_pixels), case["answer"]).tolist()
        turn, more, _ = spelled(case["turn"], generator)
        turns = [len(ids), len(answer), len(turn)]
        ids, images = ids + answer + turn, images + more
        image_pixels = torch.cat([image_pixels, pixels(count(more), generator)])
    inputs = inputs_of(ids, images, videos, image_pixels, video_pixels)

    stages, visual, text = {}, model.model.visual, model.model.language_model
    handles = [visual.merger.register_forward_hook(hooked(stages, "visual_tokens"))]
    handles += [block.register_forward_hook(hooked(stages, f"vision_blocks.{i}")) for i, block in enumerate(visual.blocks)]
    handles += [layer.register_forward_hook(hooked(stages, f"layers.{i}", row=True)) for i, layer in enumerate(text.layers)]
    fixture = dict(input_ids=inputs["input_ids"][0], logits=model(**inputs).logits[0, -1])
    for handle in handles:
        handle.remove()
    fixture |= {stage: torch.cat(parts) for stage, parts in stages.items()}  # images before videos
    if images or videos:
        positions, delta = model.model.get_rope_index(
            inputs["input_ids"], inputs["mm_token_type_ids"], inputs.get("image_grid_thw"), inputs.get("video_grid_thw"))
        fixture |= dict(position_ids=positions[:, 0], delta=delta[0])
    for part in ("pixel_values", "pixel_values_videos"):
        if part in inputs:
            fixture[part] = inputs[part].bfloat16()
    for part in ("image_grid_thw", "video_grid_thw"):
        if part in inputs:
            fixture[part] = inputs[part]
    if turns:
        model.model.rope_deltas = None
        kept = on_kept_cache(model, inputs, positions, turns)
        assert (kept - fixture["logits"]).abs().max() < 2e-5 * kept.abs().max(), "the kept cache and a full recompute agree"
        fixture["turns"] = torch.tensor(turns)
    fixture["greedy_ids"] = greedy(model, inputs, 32)

    folder = HERE / name
    folder.mkdir(exist_ok=True)
    tensors = {k: v.bfloat16().contiguous() for k, v in model.state_dict().items() if not (case["tied"] and k == "lm_head.weight")}
    tensors["mtp.norm.weight"] = torch.zeros(48, dtype=torch.bfloat16)  # published files hold a head that guesses ahead
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    save_file({k: v.contiguous() for k, v in fixture.items()}, folder / "fixture.safetensors")
    written = model.config.to_dict()
    if case["types"] is None:
        del written["text_config"]["layer_types"]  # the class's default
    if case["rope"][0] is None:
        written["text_config"]["rope_parameters"].pop("partial_rotary_factor", None)
    (folder / "config.json").write_text(json.dumps(written, indent=2, default=str) + "\n")
    print(name, len(ids), list(fixture))


for name in sys.argv[1:] or CASES:
    make_case(name, CASES[name])
versions = {
    "command": " ".join(["python make_golden.py", *sys.argv[1:]]), "python": platform.python_version(),
    "torch": torch.__version__, "transformers": transformers.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=2) + "\n")
