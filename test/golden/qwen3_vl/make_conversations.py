"""Conversations of qwen3_vl on the weights of existing cases: `python make_conversations.py`, after make_golden.py.

second-turn.safetensors: a picture, greedy tokens, then a further turn with a picture of another size, read on the kept
cache. Transformers would go on with the first turn's rope delta; so the positions of the whole conversation are given,
and a full recompute must agree. video.safetensors: a video between words. Pixels are multiples of 1/8, stored as bf16.
"""
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import DynamicCache, Qwen3VLForConditionalGeneration

HERE = Path(__file__).parent
IMAGE, VIDEO, START, END = 300, 301, 302, 303


def open_case(name):
    model = Qwen3VLForConditionalGeneration.from_pretrained(HERE / name, dtype=torch.float32, attn_implementation="eager")
    return model.eval(), torch.Generator().manual_seed(7)


def words(n, generator):
    return torch.randint(0, 290, (n,), generator=generator).tolist()


def pixels(grid, generator):
    values = torch.randn(int(torch.tensor(grid).prod()), 1536, generator=generator)
    return (values * 8).round().clamp(-24, 24) / 8


def token_types(ids):
    return (ids == IMAGE).long() + 2 * (ids == VIDEO).long()


def greedy(model, inputs, count):
    out = model.generate(**inputs, attention_mask=torch.ones_like(inputs["input_ids"]), do_sample=False,
                         max_new_tokens=count, min_new_tokens=count, eos_token_id=None, pad_token_id=0)
    return out[0, inputs["input_ids"].shape[1]:]


def save(case, name, tensors):
    save_file({k: v.contiguous() for k, v in tensors.items()}, HERE / case / f"{name}.safetensors")


@torch.no_grad()
def second_turn(case):
    model, generator = open_case(case)
    grids = [(1, 4, 6), (1, 4, 4)]
    first, second = (pixels(grid, generator) for grid in grids)
    picture = lambda grid: [START] + [IMAGE] * (grid[1] * grid[2] // 4) + [END]
    prompt = torch.tensor([words(3, generator) + picture(grids[0]) + words(4, generator)])
    answer = greedy(model, picture_inputs(prompt, first, grids[:1]), 6)
    turn = torch.tensor([words(2, generator) + picture(grids[1]) + words(5, generator)])
    ids = torch.cat([prompt, answer[None], turn], 1)
    whole = picture_inputs(ids, torch.cat([first, second]), grids)
    positions, delta = model.model.get_rope_index(ids, whole["mm_token_type_ids"], image_grid_thw=whole["image_grid_thw"])

    cache, kept = DynamicCache(), prompt.shape[1] + len(answer)
    parts = [(0, prompt.shape[1], first, grids[:1]), *[(i, i + 1, None, None) for i in range(prompt.shape[1], kept)],
             (kept, ids.shape[1], second, grids[1:])]
    for start, end, values, grid in parts:
        seen = {} if values is None else picture_inputs(ids[:, start:end], values, grid)
        seen.pop("input_ids", None)
        logits = model(input_ids=ids[:, start:end], position_ids=positions[:, :, start:end], past_key_values=cache, **seen).logits[0, -1]
    model.model.rope_deltas = None
    recomputed = model(**whole).logits[0, -1]
    assert (recomputed - logits).abs().max() < 1e-5 * logits.abs().max(), "the kept cache and a full recompute agree"
    model.model.rope_deltas = None
    save(case, "second-turn", dict(
        prompt_ids=prompt[0], answer_ids=answer, turn_ids=turn[0], pixel_values=whole["pixel_values"].bfloat16(),
        image_grid_thw=whole["image_grid_thw"], position_ids=positions[:, 0], delta=delta[0], logits=logits,
        greedy_ids=greedy(model, whole, 16)))


def picture_inputs(ids, values, grids):
    return dict(input_ids=ids, pixel_values=values, image_grid_thw=torch.tensor(grids), mm_token_type_ids=token_types(ids))


@torch.no_grad()
def video(case):
    model, generator = open_case(case)
    still, grid = (1, 4, 2), (3, 2, 4)
    block = lambda pad, n: [START] + [pad] * n + [END]
    ids = words(2, generator) + block(IMAGE, still[1] * still[2] // 4) + words(1, generator)
    for _ in range(grid[0]):
        ids += words(5, generator) + block(VIDEO, grid[1] * grid[2] // 4)   # a time, then its pair of frames
    ids = torch.tensor([ids + words(4, generator)])
    inputs = dict(picture_inputs(ids, pixels(still, generator), [still]), pixel_values_videos=pixels(grid, generator),
                  video_grid_thw=torch.tensor([grid]))
    positions, delta = model.model.get_rope_index(ids, token_types(ids), image_grid_thw=inputs["image_grid_thw"], video_grid_thw=inputs["video_grid_thw"])
    features = model.model.get_video_features(inputs["pixel_values_videos"], inputs["video_grid_thw"], return_dict=True)
    logits = model(**inputs).logits[0, -1]
    model.model.rope_deltas = None
    save(case, "video", dict(
        input_ids=ids[0], pixel_values=inputs["pixel_values"].bfloat16(), image_grid_thw=inputs["image_grid_thw"],
        pixel_values_videos=inputs["pixel_values_videos"].bfloat16(), video_grid_thw=inputs["video_grid_thw"],
        position_ids=positions[:, 0], delta=delta[0], visual_tokens=torch.cat(list(features.pooler_output)), logits=logits,
        greedy_ids=greedy(model, inputs, 32)))


second_turn("tied-one-picture")
video("untied-two-pictures")
