"""Gradients of every family's small model: `python make_golden.py [family…]` writes gradients.json beside itself.

Reference: PyTorch's autograd through Hugging Face transformers (or the reference code of a family that transformers lacks), fp32 with eager
attention, on the checkpoints and inputs of the families' golden folders.

The loss of a language model is the mean cross-entropy of its last five tokens; that of an encoder is the sum of its outputs times
sin 1, sin 2, …; of a classifier the cross-entropy of its last label. Of each parameter's gradient: its norm, its largest value, and the values
at four places spread over it. `inputs` are gradients of what is no parameter. made-by.json records the versions.
"""
import json
import math
import platform
import re
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

HERE = Path(__file__).parent
GOLDEN = HERE.parent
ANSWER = 5


def planes(rows, side, patch):
    """Rows of patches [n, 3·p·p] of square images → [images, 3, side, side]; what no patch covers is zero."""
    n = side // patch
    values = rows.float().reshape(-1, n, n, 3, patch, patch).permute(0, 3, 1, 4, 2, 5).reshape(-1, 3, n * patch, n * patch)
    out = torch.zeros(len(values), 3, side, side)
    out[..., : n * patch, : n * patch] = values
    return out


def first(size):
    return size[0] if isinstance(size, (list, tuple)) else size


def tiled(model, fixture):
    vision = model.config.vision_config
    values = planes(fixture["pixel_values"], first(vision.image_size), first(vision.patch_size))
    return dict(pixel_values=values if model.config.model_type == "internvl" else values[None])


def merged_patches(model, fixture):
    ids = fixture["input_ids"][None]
    return dict(
        pixel_values=fixture["pixel_values"].float(), image_grid_thw=fixture["image_grid_thw"],
        mm_token_type_ids=(ids == model.config.image_token_id).long())


def paddle(model, fixture):
    """Rows in merge order back to raster order, as planes."""
    inputs, patch, start, order = merged_patches(model, fixture), model.config.vision_config.patch_size, 0, []
    for _, h, w in fixture["image_grid_thw"].tolist():
        order.append(start + torch.arange(h * w).reshape(h // 2, 2, w // 2, 2).transpose(1, 2).reshape(-1))
        start += h * w
    rows = torch.empty_like(inputs["pixel_values"])
    rows[torch.cat(order)] = inputs["pixel_values"]
    return inputs | dict(pixel_values=rows.reshape(-1, 3, patch, patch))


def padded_views(model, fixture):
    patch, at = model.config.vision_config.patch_size, 0
    grids = fixture["view_grids"].tolist()
    height, width = max(r for r, _ in grids) * patch, max(c for _, c in grids) * patch
    values, mask = torch.zeros(1, len(grids), 3, height, width), torch.zeros(1, len(grids), height, width, dtype=torch.long)
    for n, (r, c) in enumerate(grids):
        rows = fixture["pixel_values"][at:at + r * c].float()
        values[0, n, :, : r * patch, : c * patch] = rows.reshape(r, c, 3, patch, patch).permute(2, 0, 3, 1, 4).reshape(3, r * patch, c * patch)
        mask[0, n, : r * patch, : c * patch] = 1
        at += r * c
    return dict(pixel_values=values, pixel_attention_mask=mask)


def views_of(fixture):
    """(rows, columns) of each view of each image."""
    images = []
    for rows, columns, *sizes in fixture["view_grids"].tolist():
        images.append([tuple(sizes[:2])] + [tuple(sizes[2:])] * (rows * columns))
    return images


def sliced(model, fixture):
    patch = model.config.vision_config.patch_size
    rows = fixture["pixel_values"].float()
    packed = rows.view(-1, 3, patch, patch).permute(1, 2, 0, 3).reshape(1, 3, patch, -1)
    sizes = [view for views in views_of(fixture) for view in views]
    return dict(pixel_values=packed, target_sizes=torch.tensor(sizes, dtype=torch.int32), attention_mask=torch.ones(1, len(fixture["input_ids"]), dtype=torch.long))


def auto(kind, inputs=lambda model, fixture: {}):
    def run(folder, fixture):
        model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        logits = model(input_ids=fixture["input_ids"][None], use_cache=False, **inputs(model, fixture)).logits[0]
        return model, answer_loss(logits, fixture["input_ids"])
    return run


def answer_loss(logits, ids):
    return torch.nn.functional.cross_entropy(logits[-ANSWER - 1:-1], ids[-ANSWER:])


def resampler(folder, fixture):
    sys.path.insert(0, str(GOLDEN.parent.parent / "training"))
    from modeling_qwen3_vl_resampler import Qwen3VLResampler
    model = Qwen3VLResampler(json.loads((folder / "config.json").read_text())).eval()
    model.load_state_dict({k: v.float() for k, v in load_file(folder / "model.safetensors").items()}, strict=False)
    _, visual = model.see(fixture["pixel_values"][None])
    return model, answer_loss(model(fixture["input_ids"][None], visual)[0], fixture["input_ids"])


def minicpmv(folder, fixture):
    sys.path.insert(0, str(GOLDEN / "minicpmv"))
    from reference import MARKS, MiniCPMV
    config = json.loads((folder / "config.json").read_text())
    if "rope_theta" in config:
        config["rope_parameters"] = dict(config.pop("rope_scaling") or {"rope_type": "default"}, rope_theta=config.pop("rope_theta"))
    names = DECODER_FIELDS & set(config)
    vision = {k: v for k, v in config["vision_config"].items() if k in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "image_size", "patch_size", "hidden_act", "layer_norm_eps")}
    model = MiniCPMV(config["version"], {k: config[k] for k in names}, vision, config["query_num"]).eval()
    model.load_state_dict({k: v.float() for k, v in load_file(folder / "model.safetensors").items()})
    patch, at, images = vision["patch_size"], 0, []
    for views in views_of(fixture):
        own = []
        for r, c in views:
            rows = fixture["pixel_values"][at:at + r * c].float()
            own.append(rows.reshape(r, c, 3, patch, patch).permute(2, 0, 3, 1, 4).reshape(3, r * patch, c * patch))
            at += r * c
        images.append(own)
    filler = 300 + MARKS.index("<unk>")
    logits = model.llm(inputs_embeds=model.embeds(fixture["input_ids"].tolist(), images, filler), use_cache=False).logits[0]
    return model, answer_loss(logits, fixture["input_ids"])


DECODER_FIELDS = {
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
    "rms_norm_eps", "max_position_embeddings", "tie_word_embeddings", "attention_bias", "mlp_bias", "rope_parameters"}


def sines(values):
    flat = values.flatten()
    return (flat * torch.arange(1, len(flat) + 1, dtype=torch.float32).sin()).sum()


def encoder(name, inputs, out):
    def run(folder, fixture):
        model = getattr(transformers, name).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        return model, out(model, inputs(fixture))
    return run


def vit_loss(model, pixels):
    logits = model(pixels).logits
    return torch.nn.functional.cross_entropy(logits, torch.tensor([logits.shape[-1] - 1]))


def clip_loss(model, inputs):
    """Of the first image and the first text, neither made of unit length."""
    pixels, ids = inputs
    vision = model.visual_projection(model.vision_model(pixels[:1]).pooler_output)
    return sines(vision) + sines(model.text_projection(model.text_model(ids).pooler_output))


def siglip_loss(model, inputs):
    pixels, ids = inputs
    return sines(model.vision_model(pixels[:1]).pooler_output) + sines(model.text_model(ids).pooler_output)


def siglip2_loss(model, fixture):
    """Of the first image. The reference's rows are in the order y, x, channel."""
    rows, columns = fixture["grids"][0].tolist()
    patch = model.config.vision_config.patch_size
    own = fixture["pixel_values"][: rows * columns].float().reshape(-1, 3, patch, patch).permute(0, 2, 3, 1).flatten(1)
    image = model.vision_model(own[None], torch.ones(1, rows * columns), torch.tensor([[rows, columns]])).pooler_output
    return sines(image) + sines(model.text_model(fixture["ids.0"][None]).pooler_output)


def pixels_and_ids(fixture):
    return fixture["pixel_values"].float(), fixture["ids.0"][None]


def dinov2_loss(model, pixels):
    return sines(model(pixels).pooler_output)


CASES = {
    "qwen3_vl_resampler/gqa-tied": resampler,
    "qwen3_vl_resampler/mha-untied": resampler,
    "llama/tied-gqa": auto(AutoModelForCausalLM),
    "llama/untied-biased": auto(AutoModelForCausalLM),
    "qwen3/biased": auto(AutoModelForCausalLM),
    "qwen3_5_text/wide-kernel": auto(AutoModelForCausalLM),
    "qwen3_vl/untied-two-pictures": auto(AutoModelForImageTextToText, merged_patches),
    "qwen2_vl/tied-gqa": auto(AutoModelForImageTextToText, merged_patches),
    "qwen2_5_vl/edge-windows": auto(AutoModelForImageTextToText, merged_patches),
    "qwen3_5/untied-two-images": auto(AutoModelForImageTextToText, merged_patches),
    "idefics3/remainder": auto(AutoModelForImageTextToText, tiled),
    "smolvlm/tied-gqa": auto(AutoModelForImageTextToText, tiled),
    "internvl/qwen3-norms": auto(AutoModelForImageTextToText, tiled),
    "internvl/qwen2-two-images": auto(AutoModelForImageTextToText, tiled),
    "idefics2/quarters": auto(AutoModelForImageTextToText, padded_views),
    "paddleocr_vl/untied-biases": auto(AutoModelForImageTextToText, paddle),
    "minicpmv4_6/v-two-images": auto(AutoModelForImageTextToText, sliced),
    "minicpmv4_6/ocr-two-images": auto(AutoModelForImageTextToText, sliced),
    "minicpmv/4.5-two-turns": minicpmv,
    "vit/gelu": encoder("ViTForImageClassification", lambda f: f["pixel_values.0"][None], vit_loss),
    "clip/quick-gelu-old-end": encoder("CLIPModel", pixels_and_ids, clip_loss),
    "siglip/unigram": encoder("SiglipModel", pixels_and_ids, siglip_loss),
    "siglip2/larger-grids": encoder("Siglip2Model", lambda f: f, siglip2_loss),
    "dinov2/larger": encoder("Dinov2Model", lambda f: f["pixel_values"][:1], dinov2_loss),
    "dinov2_with_registers/smaller": encoder("Dinov2WithRegistersModel", lambda f: f["pixel_values"][:1], dinov2_loss),
}


def stored_name(name, model_type):
    """As files spell it, where the class spells it otherwise."""
    if model_type not in ("vit", "dinov2", "dinov2_with_registers"):
        return name
    pairs = [(r"(^|\.)layers\.", r"\1encoder.layer."), (r"attention\.q_proj", "attention.attention.query"), (r"attention\.k_proj", "attention.attention.key"),
             (r"attention\.v_proj", "attention.attention.value"), (r"attention\.o_proj", "attention.output.dense")]
    if model_type == "vit":
        pairs += [(r"mlp\.fc1", "intermediate.dense"), (r"mlp\.fc2", "output.dense")]
    for pattern, ours in pairs:
        name = re.sub(pattern, ours, name)
    return name


def digest(gradient):
    flat = gradient.double().flatten()
    places = [i * (len(flat) - 1) // 3 for i in range(4)]
    return [float(f"{v:.7g}") for v in [flat.norm().item(), flat.abs().max().item(), *flat[places].tolist()]]


def make_case(path):
    torch.manual_seed(0)
    folder = GOLDEN / path
    model, loss = CASES[path](folder, load_file(folder / "fixture.safetensors"))
    assert math.isfinite(loss.item())
    loss.backward()
    kind = path.split("/")[0]
    grads = {stored_name(name, kind): digest(p.grad) for name, p in model.named_parameters() if p.grad is not None}
    unread = [name for name, p in model.named_parameters() if p.grad is None]
    print(path, float(loss.detach()), len(grads), "without:", unread)
    return dict(loss=float(loss.detach()), gradients=grads)


def main():
    target = HERE / "gradients.json"
    made = json.loads(target.read_text()) if target.exists() else {}
    for path in CASES:
        if not sys.argv[1:] or path.split("/")[0] in sys.argv[1:] or path in sys.argv[1:]:
            made[path] = make_case(path)
    lines = []
    for path in CASES:
        if path in made:
            rows = ",\n".join(f"   {json.dumps(k)}: {json.dumps(v)}" for k, v in made[path]["gradients"].items())
            lines.append(f' {json.dumps(path)}: {{"loss": {made[path]["loss"]!r}, "gradients": {{\n{rows}}}}}')
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    versions = {"command": "python test/golden/gradients/make_golden.py", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
    (HERE / "made-by.json").write_text(json.dumps(versions, indent=1) + "\n")


main()
