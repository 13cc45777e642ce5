"""Golden numbers of qwen2_vl and qwen2_5_vl: `python make_golden.py` writes ../<model_type>/<case>/.

Reference: Hugging Face transformers, small random configs, weights rounded to bf16 and computed in fp32 with eager
attention. made-by.json records the versions. Each case holds config.json, model.safetensors and fixture.safetensors, whose
tensors are named after the stage they come out of; a case may hold further fixtures: second-turn (two images in two
turns) and video (a still image and two videos). Cases named flat-… have configs and tensor names as the first releases
wrote them. Pixels are multiples of 1/8, stored as bf16.
"""
import json
import platform
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import (
    DynamicCache, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2VLConfig, Qwen2VLForConditionalGeneration)

HERE = Path(__file__).parent
IMAGE, VIDEO, START, END = 300, 301, 302, 303
CLASSES = {"qwen2_vl": (Qwen2VLConfig, Qwen2VLForConditionalGeneration), "qwen2_5_vl": (Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration)}

# Text: heads, kv heads, sections of half a head. Vision: what differs from the family's usual one. Grids in patches.
CASES = {
    "qwen2_vl/tied-gqa": dict(text=(4, 2, [2, 3, 3]), tied=True, vision=dict(embed_dim=32, num_heads=2), grids=[(1, 4, 6)], turns=True),
    "qwen2_vl/flat-two-images": dict(text=(2, 2, [4, 6, 6]), tied=False, vision=dict(embed_dim=24, num_heads=1, mlp_ratio=3), grids=[(1, 4, 4), (1, 6, 2)], video=True),
    "qwen2_vl/patch-14": dict(text=(4, 1, [3, 3, 2]), tied=True, vision=dict(embed_dim=32, num_heads=4, patch_size=14), grids=[(1, 2, 8)]),
    # windows of 4 × 4 merged cells: 5 × 7 cells leave narrow ones at both edges
    "qwen2_5_vl/edge-windows": dict(text=(4, 2, [2, 3, 3]), tied=True, vision=dict(hidden_size=32, num_heads=2, fullatt_block_indexes=[1, 3]), grids=[(1, 10, 14)], turns=True),
    # a grid that windows divide, and a strip
    "qwen2_5_vl/flat-two-images": dict(text=(2, 2, [4, 6, 6]), tied=False, vision=dict(hidden_size=24, num_heads=1, tokens_per_second=2), grids=[(1, 8, 8), (1, 2, 22)], video=True),
    # windows of 3 × 3 cells, all blocks but one within them; an image smaller than a window
    "qwen2_5_vl/small-windows": dict(text=(4, 1, [3, 3, 2]), tied=True, vision=dict(hidden_size=32, num_heads=4, window_size=24, fullatt_block_indexes=[2]), grids=[(1, 8, 6), (1, 2, 2)]),
}


def make_config(model_type, case):
    heads, kv_heads, sections = case["text"]
    text = dict(
        vocab_size=320, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=heads,
        num_key_value_heads=kv_heads, rms_norm_eps=1e-6, max_position_embeddings=4096, rope_theta=1e6,
        rope_scaling={"type": "mrope", "mrope_section": sections}, tie_word_embeddings=case["tied"])
    vision = dict(depth=4, patch_size=4, temporal_patch_size=2, spatial_merge_size=2)
    if model_type == "qwen2_vl":
        vision |= dict(hidden_size=64, mlp_ratio=2)
    else:
        vision |= dict(out_hidden_size=64, intermediate_size=40, window_size=32, fullatt_block_indexes=[1, 3], tokens_per_second=4)
    return CLASSES[model_type][0](
        text_config=text, vision_config=vision | case["vision"], image_token_id=IMAGE, video_token_id=VIDEO,
        vision_start_token_id=START, vision_end_token_id=END, tie_word_embeddings=case["tied"])


def randomise(model, generator):
    """Nothing at its initial value, everything exactly representable in bf16."""
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        scale = 0.2 if p.ndim == 1 else 1.4 / p[0].numel() ** 0.5
        centre = 1.0 if p.ndim == 1 and name.endswith("weight") else 0.0
        p.data = (noise * scale + centre).bfloat16().float()


def words(n, generator):
    return torch.randint(0, 290, (n,), generator=generator).tolist()


def pixels(model, grids, generator):
    vision = model.config.vision_config
    values = torch.randn(sum(t * h * w for t, h, w in grids), 6 * vision.patch_size ** 2, generator=generator)
    return (values * 8).round().clamp(-24, 24) / 8


def block(pad, grid):
    t, h, w = grid
    return [START] + [pad] * (t * h * w // 4) + [END]


def token_types(ids):
    return (ids == IMAGE).long() + 2 * (ids == VIDEO).long()


def image_inputs(ids, values, grids):
    return dict(input_ids=ids, pixel_values=values, image_grid_thw=torch.tensor(grids), mm_token_type_ids=token_types(ids))


def greedy(model, inputs, count):
    model.model.rope_deltas = None
    out = model.generate(**inputs, attention_mask=torch.ones_like(inputs["input_ids"]), do_sample=False, max_new_tokens=count,
                         min_new_tokens=count, eos_token_id=None, pad_token_id=0)
    model.model.rope_deltas = None
    return out[0, inputs["input_ids"].shape[1]:]


def save(folder, name, tensors):
    for key in ("pixel_values", "pixel_values_videos"):
        if key in tensors:
            tensors[key] = tensors[key].bfloat16()
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, folder / f"{name}.safetensors")


def first(output):
    return output[0] if isinstance(output, tuple) else output


def hooks(model, stages):
    visual, text = model.model.visual, model.model.language_model
    def keep(name, pick=first):
        return lambda module, args, output: stages.__setitem__(name, pick(output).detach().clone())
    # qwen2_5_vl lists patches window by window: back to the order in which they come
    def unpermuted(output, merged=1):
        index = stages.get("window_index")
        if index is None:
            return first(output)
        rows = first(output).reshape(index.numel(), merged, -1)
        return rows[torch.argsort(index)].reshape(first(output).shape)
    handles = [
        visual.patch_embed.register_forward_hook(keep("patch_embed")),
        *[b.register_forward_hook(keep(f"vision_blocks.{i}", lambda o: unpermuted(o, 4))) for i, b in enumerate(visual.blocks)],
        visual.merger.register_forward_hook(keep("visual_tokens", unpermuted)),
        *[layer.register_forward_hook(keep(f"layers.{i}", lambda o: first(o)[0])) for i, layer in enumerate(text.layers)],
        text.rotary_emb.register_forward_hook(keep("cos", lambda o: o[0][0])),
        text.rotary_emb.register_forward_hook(keep("sin", lambda o: o[1][0])),
        text.register_forward_pre_hook(lambda m, args, kwargs: stages.__setitem__("position_ids", kwargs["position_ids"].clone()), with_kwargs=True),
    ]
    return handles


def window_index(model, grids):
    from transformers.vision_utils import get_vision_window_index
    vision = model.config.vision_config
    return get_vision_window_index(torch.tensor(grids), 2, vision.window_size, vision.patch_size)[0]


@torch.no_grad()
def make_case(path, case):
    model_type = path.split("/")[0]
    generator = torch.Generator().manual_seed(len(path))
    model = CLASSES[model_type][1](make_config(model_type, case)).eval()
    model.set_attn_implementation("eager")
    randomise(model, generator)
    if case["tied"]:
        model.tie_weights()
    grids = case["grids"]
    ids = words(3, generator)
    for grid in grids:
        ids += block(IMAGE, grid) + words(4, generator)
    inputs = image_inputs(torch.tensor([ids]), pixels(model, grids, generator), grids)
    stages = {} if model_type == "qwen2_vl" else {"window_index": window_index(model, grids)}
    handles = hooks(model, stages)
    logits = model(**inputs).logits[0, -1]
    for handle in handles:
        handle.remove()
    stages.pop("window_index", None)
    fixture = dict(stages, input_ids=inputs["input_ids"][0], pixel_values=inputs["pixel_values"], image_grid_thw=inputs["image_grid_thw"],
                   logits=logits, greedy_ids=greedy(model, inputs, 32))
    fixture["position_ids"] = fixture["position_ids"][-3:, 0]
    folder = HERE.parent / path
    folder.mkdir(parents=True, exist_ok=True)
    save(folder, "fixture", fixture)
    write_model(folder, model, case, flat="flat" in path)
    opened = type(model).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    assert torch.equal(opened(**inputs).logits[0, -1], logits), "the reference reads what was written"
    if case.get("turns"):
        second_turn(folder, model, generator)
    if case.get("video"):
        video(folder, model, generator)


def write_model(folder, model, case, flat):
    tensors = {k: v.bfloat16().contiguous() for k, v in model.state_dict().items()}
    if case["tied"]:
        tensors.pop("lm_head.weight", None)
    config = json.loads(json.dumps(model.config.to_dict(), default=str))
    if flat:  # as the first releases wrote them
        tensors = {k.replace("model.language_model.", "model.").replace("model.visual.", "visual."): v for k, v in tensors.items()}
        text = config.pop("text_config")
        sections = text.pop("rope_parameters")["mrope_section"]
        config |= {k: v for k, v in text.items() if k not in ("model_type", "layer_types")}
        config |= dict(rope_theta=1e6, rope_scaling={"type": "mrope", "mrope_section": sections}, tie_word_embeddings=case["tied"])
        config["vision_config"] |= dict(in_chans=3, spatial_patch_size=config["vision_config"]["patch_size"])
        config["vision_config"].pop("rope_parameters")
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def second_turn(folder, model, generator):
    """An image, greedy tokens, then a turn with an image of another size: positions are those of the whole conversation."""
    grids = [(1, 4, 6), (1, 4, 4)]
    one, two = (pixels(model, [grid], generator) for grid in grids)
    prompt = torch.tensor([words(3, generator) + block(IMAGE, grids[0]) + words(4, generator)])
    answer = greedy(model, image_inputs(prompt, one, grids[:1]), 6)
    turn = torch.tensor([words(2, generator) + block(IMAGE, grids[1]) + words(5, generator)])
    ids = torch.cat([prompt, answer[None], turn], 1)
    whole = image_inputs(ids, torch.cat([one, two]), grids)
    positions, delta = model.model.get_rope_index(ids, whole["mm_token_type_ids"], image_grid_thw=whole["image_grid_thw"])
    cache, kept = DynamicCache(), prompt.shape[1] + len(answer)
    model(input_ids=ids[:, :kept], position_ids=positions[:, :, :kept], cache=cache, pixel_values=one, image_grid_thw=torch.tensor(grids[:1]))
    logits = model(input_ids=ids[:, kept:], position_ids=positions[:, :, kept:], cache=cache, pixel_values=two,
                   image_grid_thw=torch.tensor(grids[1:])).logits[0, -1]
    model.model.rope_deltas = None
    assert (model(**whole).logits[0, -1] - logits).abs().max() < 1e-5 * logits.abs().max()
    save(folder, "second-turn", dict(
        prompt_ids=prompt[0], answer_ids=answer, turn_ids=turn[0], pixel_values=whole["pixel_values"], image_grid_thw=whole["image_grid_thw"],
        position_ids=positions[:, 0], delta=delta[0], logits=logits, greedy_ids=greedy(model, whole, 16)))


def video(folder, model, generator):
    """A still image and two videos, the last of which takes more steps of time than of space."""
    still, grids, seconds = (1, 4, 2), [(3, 2, 4), (6, 2, 2)], [0.7, 2.0]
    ids = words(2, generator) + block(IMAGE, still) + words(1, generator) + block(VIDEO, grids[0]) + words(4, generator)
    ids = torch.tensor([ids + block(VIDEO, grids[1]) + words(2, generator)])
    inputs = dict(image_inputs(ids, pixels(model, [still], generator), [still]), pixel_values_videos=pixels(model, grids, generator),
                  video_grid_thw=torch.tensor(grids))
    timed = {} if model.config.model_type == "qwen2_vl" else dict(second_per_grid_ts=torch.tensor(seconds))
    positions, delta = model.model.get_rope_index(ids, token_types(ids), image_grid_thw=inputs["image_grid_thw"],
                                                  video_grid_thw=inputs["video_grid_thw"], **timed)
    features = model.model.get_video_features(inputs["pixel_values_videos"], inputs["video_grid_thw"], return_dict=True)
    logits = model(**inputs, **timed).logits[0, -1]
    save(folder, "video", dict(
        input_ids=ids[0], pixel_values=inputs["pixel_values"], image_grid_thw=inputs["image_grid_thw"],
        pixel_values_videos=inputs["pixel_values_videos"], video_grid_thw=inputs["video_grid_thw"], seconds=torch.tensor(seconds),
        position_ids=positions[:, 0], delta=delta[0], visual_tokens=torch.cat(list(features.pooler_output)), logits=logits,
        greedy_ids=greedy(model, inputs | timed, 32)))


for path, case in CASES.items():
    make_case(path, case)
versions = {"command": "python test/golden/qwen2_vl/make_golden.py", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
for model_type in CLASSES:
    (HERE.parent / model_type / "made-by.json").write_text(json.dumps(versions, indent=1) + "\n")
