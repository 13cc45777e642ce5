"""Golden numbers of paddleocr_vl: `python make_golden.py` writes a folder a case beside itself.

Reference: Hugging Face transformers, small random configs, weights rounded to bf16 and computed in fp32 with eager attention.
made-by.json records the versions. Each case holds config.json, model.safetensors and fixture.safetensors, whose tensors are
named after the stage they come out of. The reference lists patches in raster order; fixtures have them in merge order (2×2
blocks in raster order), as our graph takes them. Cases named flat-… have configs and names as the first release wrote them.
Pixels are multiples of 1/8, stored as bf16.
"""
import json
import platform
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import PaddleOCRVLConfig, PaddleOCRVLForConditionalGeneration

HERE = Path(__file__).parent
IMAGE, VIDEO, START, END = 300, 301, 302, 303

# Text: heads, kv heads, columns of a head, sections of half of it. Grids in patches.
CASES = {
    "tied-gqa": dict(text=(4, 2, 16, [2, 3, 3]), tied=True, vision=dict(hidden_size=32, num_attention_heads=2, image_size=20), grids=[(4, 6)]),
    # as the first release wrote its files; the learned grid is finer than one image and coarser than the other
    "flat-two-images": dict(text=(2, 2, 32, [4, 6, 6]), tied=True, vision=dict(hidden_size=24, num_attention_heads=1, image_size=28), grids=[(4, 4), (10, 2)]),
    # heads wider than hidden_size / heads, biases everywhere, a head of its own
    "untied-biases": dict(text=(4, 1, 24, [4, 4, 4]), tied=False, use_bias=True, vision=dict(hidden_size=32, num_attention_heads=4, image_size=16, patch_size=8, layer_norm_eps=1e-5), grids=[(2, 8), (6, 6)]),
}


def make_config(case):
    heads, kv_heads, head_dim, sections = case["text"]
    text = dict(
        vocab_size=320, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=heads, num_key_value_heads=kv_heads,
        head_dim=head_dim, rms_norm_eps=1e-6, max_position_embeddings=4096, use_bias=case.get("use_bias", False), tie_word_embeddings=case["tied"],
        rope_parameters=dict(rope_type="default", rope_theta=5e5, mrope_section=sections))
    vision = dict(num_hidden_layers=3, intermediate_size=40, patch_size=4, spatial_merge_size=2)
    return PaddleOCRVLConfig(
        text_config=text, vision_config=vision | case["vision"], image_token_id=IMAGE, video_token_id=VIDEO, vision_start_token_id=START,
        vision_end_token_id=END, tie_word_embeddings=case["tied"])


def randomise(model, generator):
    """Nothing at its initial value, everything exactly representable in bf16."""
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        scale = 0.2 if p.ndim == 1 else 1.4 / p[0].numel() ** 0.5
        centre = 1.0 if p.ndim == 1 and name.endswith("weight") else 0.0
        p.data = (noise * scale + centre).bfloat16().float()


def words(n, generator):
    return torch.randint(0, 290, (n,), generator=generator).tolist()


def merge_order(grids):
    """Of rows of patches in raster order, image after image."""
    rows, start = [], 0
    for h, w in grids:
        own = torch.arange(h * w).reshape(h // 2, 2, w // 2, 2).transpose(1, 2).reshape(-1)
        rows.append(start + own)
        start += h * w
    return torch.cat(rows)


def first(output):
    return output[0] if isinstance(output, tuple) else output


def hooks(model, stages, order):
    visual, text = model.model.visual.vision_model, model.model.language_model
    width = visual.config.hidden_size
    def keep(name, pick=first):
        return lambda module, args, output: stages.__setitem__(name, pick(output).detach().clone())
    def merged(output):
        return first(output).reshape(-1, width)[order]
    return [
        visual.embeddings.register_forward_hook(keep("patch_embed", merged)),
        *[b.register_forward_hook(keep(f"vision_blocks.{i}", merged)) for i, b in enumerate(visual.encoder.layers)],
        visual.post_layernorm.register_forward_hook(keep("features", merged)),
        model.model.projector.register_forward_hook(keep("visual_tokens")),
        *[layer.register_forward_hook(keep(f"layers.{i}", lambda o: first(o)[0])) for i, layer in enumerate(text.layers)],
        text.rotary_emb.register_forward_hook(keep("cos", lambda o: o[0][0])),
        text.rotary_emb.register_forward_hook(keep("sin", lambda o: o[1][0])),
        text.register_forward_pre_hook(lambda m, args, kwargs: stages.__setitem__("position_ids", kwargs["position_ids"].clone()), with_kwargs=True),
    ]


@torch.no_grad()
def make_case(name, case):
    generator = torch.Generator().manual_seed(len(name))
    model = PaddleOCRVLForConditionalGeneration(make_config(case)).eval()
    model.set_attn_implementation("eager")
    randomise(model, generator)
    if case["tied"]:
        model.tie_weights()
    grids, patch = case["grids"], model.config.vision_config.patch_size
    ids = words(3, generator)
    for h, w in grids:
        ids += [START] + [IMAGE] * (h * w // 4) + [END] + words(4, generator)
    ids = torch.tensor([ids])
    count = sum(h * w for h, w in grids)
    values = (torch.randn(count, 3, patch, patch, generator=generator) * 8).round().clamp(-24, 24) / 8
    thw = torch.tensor([(1, h, w) for h, w in grids])
    inputs = dict(input_ids=ids, pixel_values=values, image_grid_thw=thw, mm_token_type_ids=(ids == IMAGE).long())
    order, stages = merge_order(grids), {}
    handles = hooks(model, stages, order)
    logits = model(**inputs).logits[0, -1]
    for handle in handles:
        handle.remove()
    model.model.rope_deltas = None
    out = model.generate(**inputs, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=32, min_new_tokens=32, eos_token_id=None, pad_token_id=0)
    model.model.rope_deltas = None
    fixture = dict(stages, input_ids=ids[0], pixel_values=values.reshape(count, -1)[order].bfloat16(), image_grid_thw=thw, logits=logits,
                   greedy_ids=out[0, ids.shape[1]:])
    fixture["position_ids"] = fixture["position_ids"][-3:, 0]
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    save_file({k: v.contiguous().clone() for k, v in fixture.items()}, folder / "fixture.safetensors")
    write_model(folder, model, case, name.startswith("flat"))
    opened = PaddleOCRVLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    assert torch.equal(opened(**inputs).logits[0, -1], logits), "the reference reads what was written"


def write_model(folder, model, case, flat):
    tensors = {k: v.bfloat16().contiguous() for k, v in model.state_dict().items() if not (case["tied"] and k == "lm_head.weight")}
    config = json.loads(json.dumps(model.config.to_dict(), default=str))
    if flat:
        for new, old in {"model.language_model.": "model.", "model.visual.": "visual.", "model.projector.": "mlp_AR."}.items():
            tensors = {k.replace(new, old) if k.startswith(new) else k: v for k, v in tensors.items()}
        text = config.pop("text_config")
        rope = text.pop("rope_parameters")
        config |= {k: v for k, v in text.items() if k not in ("model_type", "tie_word_embeddings")}
        config |= dict(rope_theta=rope["rope_theta"], rope_scaling={"type": "default", "rope_type": "default", "mrope_section": rope["mrope_section"]})
        config["vision_config"] |= dict(model_type="paddleocr_vl", temporal_patch_size=2, tokens_per_second=2)
        config["vision_config"].pop("rope_parameters")
        config["tie_word_embeddings"] = False  # the class takes the text's default, which is true
        width = model.config.vision_config.hidden_size
        tensors["visual.vision_model.packing_position_embedding.weight"] = torch.ones(4, width, dtype=torch.bfloat16)  # not read
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


for name, case in CASES.items():
    make_case(name, case)
versions = {"command": "python test/golden/paddleocr_vl/make_golden.py", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=1) + "\n")
