"""Golden numbers of minicpmv: `python make_golden.py` writes a folder a case beside itself, and rope.json:
what transformers makes of LongRoPE's fields.

Reference: reference.py beside this, small random shapes of each version, weights rounded to bf16 and computed in fp32 with
eager attention. made-by.json records the versions. Tensors of a fixture are named after the stage they come out of;
pixel_values are rows of patches, view by view (channel, y, x), multiples of 1/8; view_grids are for each image the rows
and columns of slices (0 0: none), of the overview's patches and of a slice's.
"""
import json
import platform
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from reference import MiniCPMV, placeholder, randomise

HERE = Path(__file__).parent
IDS = {"<image>": 300, "</image>": 301, "<slice>": 302, "</slice>": 303, "<image_id>": 304, "</image_id>": 305, "<unk>": 306, "\n": 10, "0": 12, "1": 13, "2": 14}
LONG = dict(rope_type="longrope", rope_theta=10000.0, factor=1.0, original_max_position_embeddings=2066,
            short_factor=[1 + 0.37 * i for i in range(16)], long_factor=[1 + 0.37 * i for i in range(16)])
CASES = {
    # image_size is no multiple of patch_size, as a table's side is cut; the largest view has more patches a side than the table
    "2.6-slices": dict(version=2.6, queries=4, text=dict(hidden_size=128, num_attention_heads=4, num_key_value_heads=2, rope_theta=1e6),
                       vision=dict(hidden_size=32, num_attention_heads=2, image_size=26, patch_size=4), grids=[(2, 3, 4, 5, 3, 4), (0, 0, 5, 9, 0, 0)]),
    "4-longrope": dict(version=4.0, queries=5, text=dict(hidden_size=256, num_attention_heads=8, num_key_value_heads=1, head_dim=32, rope_parameters=LONG),
                       vision=dict(hidden_size=24, num_attention_heads=3, image_size=20, patch_size=4), grids=[(1, 2, 3, 6, 5, 4)]),
    "4.5-two-turns": dict(version=4.5, queries=3, text=dict(hidden_size=128, num_attention_heads=4, num_key_value_heads=2, head_dim=16, rope_theta=1e6),
                          vision=dict(hidden_size=32, num_attention_heads=4, image_size=24, patch_size=4), grids=[(0, 0, 1, 3, 0, 0), (3, 1, 6, 2, 2, 5), (0, 0, 4, 4, 0, 0)], turns=True),
}


def words(n, generator):
    return torch.randint(20, 290, (n,), generator=generator).tolist()


def block(case, grid, index):
    return [id for part in placeholder(grid[:2], index) for id in ([IDS["<unk>"]] * case["queries"] if part is None else [IDS[part]])]


def views_of(case, grid, generator):
    """The overview and the slices, as planes."""
    p = case["vision"]["patch_size"]
    shapes = [grid[2:4]] + [grid[4:6]] * (grid[0] * grid[1])
    return [(torch.randn(3, r * p, c * p, generator=generator) * 8).round().clamp(-24, 24) / 8 for r, c in shapes]


def patches(case, images):
    p = case["vision"]["patch_size"]
    rows = [view.reshape(3, view.shape[1] // p, p, -1, p).permute(1, 3, 0, 2, 4).reshape(-1, 3 * p * p) for views in images for view in views]
    return torch.cat(rows).bfloat16().contiguous()


def first(output):
    return output[0] if isinstance(output, tuple) else output


def greedy(model, ids, images, count):
    embeds = model.embeds(ids, images, IDS["<unk>"])
    return model.llm.generate(inputs_embeds=embeds, attention_mask=torch.ones(embeds.shape[:2]), do_sample=False, max_new_tokens=count,
                              min_new_tokens=count, eos_token_id=[], pad_token_id=0)[0]


def logits_of(model, ids, images):
    return model.llm(inputs_embeds=model.embeds(ids, images, IDS["<unk>"])).logits[0, -1]


def save(folder, name, tensors):
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, folder / f"{name}.safetensors")


@torch.no_grad()
def make_case(name, case):
    generator = torch.Generator().manual_seed(len(name))
    text = dict(vocab_size=340, intermediate_size=96, num_hidden_layers=3, rms_norm_eps=1e-6, max_position_embeddings=2048, tie_word_embeddings=False, eos_token_id=2) | case["text"]
    model = MiniCPMV(case["version"], text, dict(num_hidden_layers=3, intermediate_size=56) | case["vision"], case["queries"]).eval()
    randomise(model, len(name))
    ids = words(3, generator)
    for i, grid in enumerate(case["grids"]):
        ids += block(case, grid, i) + words(4, generator)
    images = [views_of(case, grid, generator) for grid in case["grids"]]
    stages = {}
    def keep(stage, pick=lambda o: first(o)[0]):
        return lambda module, args, output: stages.setdefault(stage, []).append(pick(output).detach().clone())
    vision, decoder = model.vpm, model.llm.model
    handles = [vision.embeddings.register_forward_hook(keep("embedded")), vision.post_layernorm.register_forward_hook(keep("features")),
               model.resampler.ln_kv.register_forward_hook(keep("values")), model.resampler.register_forward_hook(keep("visual_tokens")),
               *[layer.register_forward_hook(keep(f"vision_blocks.{i}")) for i, layer in enumerate(vision.encoder.layers)],
               *[layer.register_forward_hook(keep(f"layers.{i}")) for i, layer in enumerate(decoder.layers)],
               decoder.rotary_emb.register_forward_hook(keep("cos", lambda o: o[0][0])), decoder.rotary_emb.register_forward_hook(keep("sin", lambda o: o[1][0]))]
    logits = logits_of(model, ids, images)
    for handle in handles:
        handle.remove()
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    save(folder, "fixture", {stage: torch.cat(parts) for stage, parts in stages.items()} | dict(
        input_ids=torch.tensor(ids), position_ids=torch.arange(len(ids)), pixel_values=patches(case, images), view_grids=torch.tensor(case["grids"]),
        logits=logits, greedy_ids=greedy(model, ids, images, 32)))
    save_file({k: v.bfloat16().contiguous() for k, v in model.state_dict().items()}, folder / "model.safetensors", {"format": "pt"})
    config = json.loads(json.dumps(model.config(), default=str))
    if "rope_parameters" in config:   # as published files spell it
        rope = config.pop("rope_parameters")
        config |= dict(rope_theta=rope.pop("rope_theta"), rope_scaling=rope if rope["rope_type"] == "longrope" else None)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    if case.get("turns"):
        grids = [(1, 2, 2, 4, 3, 3), (0, 0, 3, 4, 0, 0)]
        images = [views_of(case, grid, generator) for grid in grids]
        prompt = words(3, generator) + block(case, grids[0], 0) + words(4, generator)
        answer = greedy(model, prompt, images[:1], 6)
        turn = words(2, generator) + block(case, grids[1], 1) + words(5, generator)
        whole = prompt + answer.tolist() + turn
        save(folder, "second-turn", dict(prompt_ids=torch.tensor(prompt), answer_ids=answer, turn_ids=torch.tensor(turn), pixel_values=patches(case, images),
                                         view_grids=torch.tensor(grids), logits=logits_of(model, whole, images), greedy_ids=greedy(model, whole, images, 16)))


def make_rope():
    cases = []
    for change in [{}, dict(factor=4.0), dict(factor=None), dict(attention_factor=1.3)]:
        rope = {k: v for k, v in (LONG | dict(long_factor=[2.0 + i for i in range(16)], original_max_position_embeddings=512) | change).items() if v is not None}
        text = dict(hidden_size=128, num_attention_heads=4, max_position_embeddings=2048, rope_parameters=rope)
        frequencies, scale = ROPE_INIT_FUNCTIONS["longrope"](LlamaConfig(**text), "cpu")
        cases.append({"rope": rope, "frequencies": frequencies.tolist(), "scale": scale})
    (HERE / "rope.json").write_text(json.dumps(cases) + "\n")


make_rope()
for name, case in CASES.items():
    make_case(name, case)
    for file in (HERE / name).iterdir():
        file.chmod(0o644)
versions = {"command": "python test/golden/minicpmv/make_golden.py", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=1) + "\n")
