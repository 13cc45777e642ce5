"""Golden numbers of the family qwen3_vl: `python make_golden.py` writes the case folders beside itself.

Reference: Hugging Face transformers' Qwen3VLForConditionalGeneration, small random configs, weights rounded to bf16 and
computed in fp32 with eager attention. made-by.json records the versions. Each case holds config.json, model.safetensors
and fixture.safetensors; tensors of a fixture are named after the stage they come out of.
"""
import json
import platform
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

HERE = Path(__file__).parent
IMAGE, VIDEO, START, END = 300, 301, 302, 303

CASES = {
    # name: (vision width, vision heads, deepstack, text heads, kv heads, head dim, mrope sections, tied, grids)
    "tied-one-picture": (64, 4, [0, 1, 2], 4, 2, 32, [6, 5, 5], True, [(1, 4, 6)]),
    "untied-two-pictures": (72, 1, [0, 2, 3], 4, 4, 16, [4, 2, 2], False, [(1, 4, 4), (1, 6, 2)]),
    "wide-grid": (64, 2, [1, 2, 3], 3, 1, 32, [6, 5, 5], True, [(1, 2, 12)]),
    "odd-fields": (64, 4, [2, 0, 3], 4, 2, 32, [6, 5, 5], False, [(1, 4, 6)]),
}
# Fields that published configs do not use: biases, DeepStack out of order, another base of the vision tower's rotation.
FURTHER = {"odd-fields": (dict(attention_bias=True, rope_theta=None), dict(rope_parameters={"rope_type": "axial", "rope_theta": 50.0}))}


def make_config(name, case):
    further_text, further_vision = FURTHER.get(name, ({}, {}))
    width, heads, deepstack, text_heads, kv_heads, head_dim, sections, tied, _ = case
    text = dict(
        vocab_size=320, hidden_size=48, intermediate_size=96, num_hidden_layers=4, num_attention_heads=text_heads,
        num_key_value_heads=kv_heads, head_dim=head_dim, rms_norm_eps=1e-6, max_position_embeddings=4096,
        rope_theta=5000000.0, tie_word_embeddings=tied,
        rope_scaling={"rope_type": "default", "mrope_section": sections, "mrope_interleaved": True},
    ) | further_text
    text = {key: value for key, value in text.items() if value is not None}
    vision = dict(
        depth=4, hidden_size=width, intermediate_size=2 * width + 8, num_heads=heads, in_channels=3, patch_size=16,
        temporal_patch_size=2, spatial_merge_size=2, out_hidden_size=48, num_position_embeddings=64,
        deepstack_visual_indexes=deepstack, hidden_act="gelu_pytorch_tanh",
    ) | further_vision
    return Qwen3VLConfig(
        text_config=text, vision_config=vision, image_token_id=IMAGE, video_token_id=VIDEO,
        vision_start_token_id=START, vision_end_token_id=END, tie_word_embeddings=tied,
    )


def randomise(model, generator):
    """Nothing at its initial value, everything exactly representable in bf16."""
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        scale = 0.2 if p.ndim == 1 else 1.4 / p[0].numel() ** 0.5
        centre = 1.0 if p.ndim == 1 and name.endswith("weight") else 0.0
        p.data = (noise * scale + centre).bfloat16().float()


def prompt(grids, generator):
    """Words, then each picture between its marks with words behind it."""
    words = lambda n: torch.randint(0, 290, (n,), generator=generator).tolist()
    ids = words(3)
    for _, rows, columns in grids:
        ids += [START] + [IMAGE] * (rows * columns // 4) + [END] + words(4)
    return torch.tensor([ids])


def hooked(stages, name, pick=lambda output: output):
    return lambda module, args, output: stages.__setitem__(name, pick(output).detach().clone())


@torch.no_grad()
def make_case(name, case):
    generator = torch.Generator().manual_seed(len(name))
    model = Qwen3VLForConditionalGeneration(make_config(name, case)).eval()
    model.set_attn_implementation("eager")
    randomise(model, generator)
    if case[7]:
        model.tie_weights()
    grids = case[8]
    ids = prompt(grids, generator)
    pixels = torch.randn(sum(r * c for _, r, c in grids), 1536, generator=generator)
    grid = torch.tensor(grids)
    stages, visual, text = {}, model.model.visual, model.model.language_model
    first = lambda output: output[0] if isinstance(output, tuple) else output
    visual.patch_embed.register_forward_hook(hooked(stages, "patch_embed"))
    visual.blocks[0].register_forward_pre_hook(lambda module, args: stages.__setitem__("embedded", args[0].clone()))
    for i, block in enumerate(visual.blocks):
        block.register_forward_hook(hooked(stages, f"vision_blocks.{i}", first))
    visual.merger.register_forward_hook(hooked(stages, "visual_tokens"))
    for index, merger in zip(case[2], visual.deepstack_merger_list):  # named by the order in which they run
        merger.register_forward_hook(hooked(stages, f"deepstack.{sorted(case[2]).index(index)}"))
    for i, layer in enumerate(text.layers):
        layer.register_forward_hook(hooked(stages, f"layers.{i}", lambda o: first(o)[0]))
    text.rotary_emb.register_forward_hook(hooked(stages, "cos", lambda o: o[0][0]))
    text.rotary_emb.register_forward_hook(hooked(stages, "sin", lambda o: o[1][0]))
    handle = text.register_forward_pre_hook(
        lambda module, args, kwargs: stages.__setitem__("position_ids", kwargs["position_ids"].clone()), with_kwargs=True)
    inputs = dict(input_ids=ids, pixel_values=pixels, image_grid_thw=grid, attention_mask=torch.ones_like(ids),
                  mm_token_type_ids=(ids == IMAGE).long())
    logits = model(**inputs).logits[0, -1]
    fixture = dict(stages)
    handle.remove()
    greedy = model.generate(**inputs, do_sample=False, max_new_tokens=32, min_new_tokens=32, eos_token_id=None, pad_token_id=0)
    fixture.update(input_ids=ids[0], pixel_values=pixels, image_grid_thw=grid, logits=logits, greedy_ids=greedy[0, ids.shape[1]:])
    fixture["position_ids"] = fixture["position_ids"][-3:, 0]
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    tensors = {k: v.bfloat16().contiguous() for k, v in model.state_dict().items()}
    if case[7]:
        tensors.pop("lm_head.weight", None)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    save_file({k: v.contiguous() for k, v in fixture.items()}, folder / "fixture.safetensors")
    config = model.config.to_dict()
    if name in FURTHER:
        del config["text_config"]["rope_parameters"]["rope_theta"]  # the class's default
    (folder / "config.json").write_text(json.dumps(config, indent=2, default=str) + "\n")


for name in sys.argv[1:] or CASES:
    make_case(name, CASES[name])
versions = {"command": " ".join(["python make_golden.py", *sys.argv[1:]]), "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
made_by = HERE / sys.argv[1] if len(sys.argv) == 2 else HERE  # a case that was added later has versions of its own
(made_by / "made-by.json").write_text(json.dumps(versions, indent=2) + "\n")
