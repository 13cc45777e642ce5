"""Golden numbers of the family: `python training/golden.py` writes test/golden/qwen3_vl_resampler/.

Three tiny random models that differ in everything the loader must tell apart, the model in the box, and the
picture fitting. All numbers are fp32, computed by modeling_qwen3_vl_resampler.py from the weights as stored.
"""
import json
import os
import platform
import sys
import numpy as np
import PIL
import torch
from PIL import Image
import safe
from fit import fit_picture, pixel_values
from modeling_qwen3_vl_resampler import Qwen3VLResampler

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
GOLDEN = os.path.join(ROOT, "test", "golden", "qwen3_vl_resampler")
SEED = 4
CASES = {
    "gqa-tied": {"heads": (4, 2, 8), "tied": True, "vision_heads": 2, "resampler_heads": 4, "hidden": 64},
    "mha-untied": {"heads": (4, 4, 8), "tied": False, "vision_heads": 4, "resampler_heads": 2, "hidden": 32},
    "short-names": {"heads": (3, 1, 16), "tied": True, "vision_heads": 4, "resampler_heads": 4, "hidden": 32, "short": True},
}
WIDTH, INNER, VOCAB = 32, 64, 272


def config_of(case):
    heads, kv, dim = case["heads"]
    return {
        "architectures": ["Qwen3VLResamplerForConditionalGeneration"], "model_type": "qwen3_vl_resampler",
        "image_token_id": 260, "vision_start_token_id": 258, "vision_end_token_id": 259, "eos_token_id": 257,
        "tie_word_embeddings": case["tied"], "dtype": "float32",
        "vision_config": {"depth": 2, "hidden_size": WIDTH, "intermediate_size": INNER, "num_heads": case["vision_heads"], "in_channels": 3,
                          "patch_size": 14, "image_size": 112, "layer_norm_eps": 1e-6, "hidden_act": "gelu_pytorch_tanh"},
        "resampler_config": {"num_queries": 32, "num_hidden_layers": 2, "num_attention_heads": case["resampler_heads"],
                             "hidden_size": WIDTH, "intermediate_size": INNER, "layer_norm_eps": 1e-6},
        "text_config": {"vocab_size": VOCAB, "hidden_size": case["hidden"], "intermediate_size": 3 * WIDTH, "num_hidden_layers": 2,
                        "num_attention_heads": heads, "num_key_value_heads": kv, "head_dim": dim, "rms_norm_eps": 1e-6,
                        "rope_theta": 1000000.0, "max_position_embeddings": 2048, "hidden_act": "silu", "tie_word_embeddings": case["tied"]}}


def random_weights(model, generator):
    """Nothing at its initial value: norms off one, biases off zero, matrices large enough that each part matters."""
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        scale = .2 if p.ndim == 1 else 1.4 / p[0].numel() ** .5
        p.data = noise * scale + (1.0 if p.ndim == 1 and name.endswith("weight") else 0.0)


def short_names(tensors):
    """The other spelling of the family's files: attn.* and gate/up/down."""
    swap = [(".self_attn.", ".attn."), (".mlp.w1.", ".mlp.gate_proj."), (".mlp.w3.", ".mlp.up_proj."), (".mlp.w2.", ".mlp.down_proj.")]
    out = {}
    for name, t in tensors.items():
        if name.startswith("language_model."):
            for a, b in swap:
                name = name.replace(a, b)
        out[name] = t
    return out


def write_json(path, value):
    with open(f"{path}.part", "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=2)
        file.write("\n")
    os.replace(f"{path}.part", path)


@torch.no_grad()
def fixture(model, rows, ids, new_tokens=64):
    """Every intermediate a port is compared on, from one picture and one prompt."""
    model.eval()
    features, visual = model.see(rows[None])
    states = []
    logits = model(ids[None], visual, states)
    out = {"pixel_values": rows, "vision_features": features[0], "visual_tokens": visual[0], "input_ids": ids,
           "inputs_embeds": model.embed(ids[None], visual)[0], "logits": logits[0, -1],
           "greedy_ids": torch.tensor(model.generate(ids[None], visual, new_tokens))}
    return {**out, **{f"hidden_states.{i}": s[0] for i, s in enumerate(states)}}


def random_case(name, case):
    """One tiny model of random weights, and its fixture."""
    generator = torch.Generator().manual_seed(SEED + len(name))
    config = config_of(case)
    model = Qwen3VLResampler(config)
    random_weights(model, generator)
    folder = os.path.join(GOLDEN, name)
    os.makedirs(folder, exist_ok=True)
    tensors = dict(model.state_dict())
    if case.get("short"):
        tensors = short_names(tensors)
        hidden = config["text_config"]["hidden_size"]
        tensors["language_model.embed_positions.weight"] = torch.randn(2048, hidden, generator=generator).to(torch.bfloat16)
    write_json(os.path.join(folder, "config.json"), config)
    safe.save(tensors, os.path.join(folder, "model.safetensors"), {"format": "pt"})
    rows = torch.randn(64, 588, generator=generator)
    words = torch.randint(0, 256, (12,), generator=generator)
    ids = torch.cat([words[:4], torch.tensor([258] + [260] * 32 + [259]), words[4:]])
    safe.save(fixture(model, rows, ids), os.path.join(folder, "fixture.safetensors"))
    return tensors


def bin_case(name, tensors):
    """The same weights as two PyTorch zip files and their index."""
    folder = os.path.join(GOLDEN, f"{name}-bin")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(GOLDEN, name, "config.json"), encoding="utf-8") as file:
        write_json(os.path.join(folder, "config.json"), json.load(file))
    names = list(tensors)
    halves = [names[:len(names) // 2], names[len(names) // 2:]]
    index = {"metadata": {"total_size": sum(t.numel() * t.element_size() for t in tensors.values())}, "weight_map": {}}
    for k, part in enumerate(halves, 1):
        file = f"pytorch_model-{k:05d}-of-00002.bin"
        torch.save({n: tensors[n].clone() for n in part}, os.path.join(folder, file))
        index["weight_map"].update({n: file for n in part})
    write_json(os.path.join(folder, "pytorch_model.bin.index.json"), index)


def test_pictures():
    """Small synthetic pictures of awkward sizes: gradients, an alpha disc, a grey one, a thin one."""
    y, x = np.mgrid[0:75, 0:201]
    yield "wide", Image.fromarray(np.stack([x * 255 // 200, y * 255 // 74, (x * y) % 256], -1).astype(np.uint8))
    y, x = np.mgrid[0:230, 0:61]
    yield "tall", Image.fromarray(np.stack([(x * 4) % 256, (y + x) % 256, 255 - y], -1).astype(np.uint8))
    y, x = np.mgrid[0:90, 0:90]
    disc = ((x - 45) ** 2 + (y - 45) ** 2 < 1600) * 255
    yield "alpha", Image.fromarray(np.stack([x * 2, y * 2, 200 - x, disc // (1 + (x > 45))], -1).astype(np.uint8), "RGBA")
    yield "grey", Image.fromarray(((np.mgrid[0:33, 0:50].sum(0) * 7) % 256).astype(np.uint8), "L")
    yield "thin", Image.fromarray(np.random.default_rng(3).integers(0, 256, (3, 300, 3)).astype(np.uint8))
    yield "exact", Image.fromarray(np.random.default_rng(4).integers(0, 256, (112, 112, 3)).astype(np.uint8))


def preprocessing():
    """fitting/: inputs as PNG, and what Pillow makes of them as 112x112 uint8 with the content's box."""
    folder = os.path.join(GOLDEN, "fitting")
    os.makedirs(folder, exist_ok=True)
    tensors = {}
    for name, image in test_pictures():
        image.save(os.path.join(folder, f"{name}.png"), optimize=True)
        pixels, box = fit_picture(image)
        tensors[f"{name}.pixels"] = torch.from_numpy(pixels.copy())
        tensors[f"{name}.box"] = torch.tensor(box)               # left, top, width, height of the content
        if name == "wide":
            tensors[f"{name}.pixel_values"] = pixel_values(image)
    safe.save(tensors, os.path.join(folder, "fixture.safetensors"))


def model_in_the_box():
    """ocellus-tiny/: the shipped f16 weights widened to fp32, one example picture, one real prompt."""
    from export import load_exported, render
    folder = os.path.join(GOLDEN, "ocellus-tiny")
    os.makedirs(folder, exist_ok=True)
    model, tokenizer = load_exported()
    picture = Image.open(os.path.join(ROOT, "examples", "pictures", "shirt.png"))
    text = render([{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Describe this product."}]}])
    text = text.replace("<|image_pad|>", "<|image_pad|>" * 32)
    ids = torch.tensor(tokenizer.encode(text).ids)
    safe.save(fixture(model, pixel_values(picture), ids), os.path.join(folder, "fixture.safetensors"))
    write_json(os.path.join(folder, "prompt.json"), {"picture": "examples/pictures/shirt.png", "prompt": text})


def main():
    torch.manual_seed(SEED), torch.set_num_threads(2)
    parts = sys.argv[1:] or ["random", "fitting", "box"]
    if "random" in parts:
        tensors = {name: random_case(name, case) for name, case in CASES.items()}
        bin_case("gqa-tied", tensors["gqa-tied"])
    if "fitting" in parts:
        preprocessing()
    if "box" in parts:
        model_in_the_box()
    write_json(os.path.join(GOLDEN, "made-by.json"), {
        "command": "python training/golden.py", "seed": SEED, "python": platform.python_version(), "torch": torch.__version__.split("+")[0],
        "numpy": np.__version__, "pillow": PIL.__version__, "dtype": "float32, from the weights as stored"})


if __name__ == "__main__":
    main()
