"""Golden numbers of the family qwen3_5_text: `python make_golden.py` writes the case folders beside itself.

Reference: Hugging Face transformers' Qwen3_5ForCausalLM, small random configs, weights rounded to bf16 and computed in fp32 with
eager attention. made-by.json records the versions. Tensors of a fixture are named after the stage they come out of.
"""
import json
import platform
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig

HERE = Path(__file__).parent
L, F = "linear_attention", "full_attention"
CASES = {
    # kinds of the layers (None: by the interval), linear heads of keys and of values and their columns, heads, kv heads,
    # head dim, share of its columns that turn, MRoPE's sections, tied
    "tied-interval": dict(types=None, linear=(2, 4, 16, 16), heads=(4, 2, 32), rope=(0.25, [2, 1, 1]), tied=True),
    "untied-equal-heads": dict(types=[L, F, L, F], linear=(3, 3, 16, 8), heads=(3, 1, 64), rope=(None, [3, 3, 2]), tied=False),
    "full-first-biased": dict(types=[F, L, L], linear=(1, 3, 8, 24), heads=(2, 2, 16), rope=(0.5, None), tied=True, bias=True),
    "wide-kernel": dict(types=[L, L, F], linear=(2, 6, 24, 16), heads=(6, 2, 16), rope=(1.0, [4, 2, 2]), tied=False, kernel=6),
    "one-layer-each": dict(types=[F, L], linear=(4, 4, 8, 8), heads=(1, 1, 40), rope=(0.25, [2, 2, 1]), tied=False, theta=77.0),
}


def randomise(model, generator):
    """Nothing at its initial value, everything exactly representable in bf16."""
    for name, p in model.named_parameters():
        scale = 0.2 if p.ndim == 1 else 1.4 / p[0].numel() ** 0.5
        noise = torch.randn(p.shape, generator=generator) * scale
        if name.endswith("A_log"):
            p.data = (torch.rand(p.shape, generator=generator) * 4 + 0.05).log().bfloat16().float()
        else:
            p.data = (noise + name.endswith("linear_attn.norm.weight")).bfloat16().float()  # the others count from one


def hooked(stages, name):
    def keep(module, args, output):
        stages.setdefault(name, (output[0] if isinstance(output, tuple) else output)[0].clone())

    return keep


@torch.no_grad()
def make_case(name, types, linear, heads, rope, tied, bias=False, kernel=4, theta=1e7):
    generator = torch.Generator().manual_seed(len(name))
    share, sections = rope
    rope_parameters = dict(rope_type="default", rope_theta=theta, mrope_interleaved=True)
    if share is not None:
        rope_parameters["partial_rotary_factor"] = share
    if sections is not None:
        rope_parameters["mrope_section"] = sections
    config = Qwen3_5TextConfig(
        vocab_size=320, hidden_size=48, intermediate_size=96, num_hidden_layers=len(types) if types else 5, layer_types=types,
        num_attention_heads=heads[0], num_key_value_heads=heads[1], head_dim=heads[2], max_position_embeddings=4096,
        linear_num_key_heads=linear[0], linear_num_value_heads=linear[1], linear_key_head_dim=linear[2],
        linear_value_head_dim=linear[3], linear_conv_kernel_dim=kernel, rope_parameters=rope_parameters,
        tie_word_embeddings=tied, attention_bias=bias, rms_norm_eps=1e-5)
    model = Qwen3_5ForCausalLM(config).eval()
    model.set_attn_implementation("eager")
    randomise(model, generator)
    if tied:
        model.tie_weights()
    ids = torch.randint(1, 320, (1, 75), generator=generator)  # more than one chunk of the reference's 64
    stages = {}
    for i, layer in enumerate(model.model.layers):
        layer.register_forward_hook(hooked(stages, f"layers.{i}"))
    stages["logits"] = model(ids).logits[0, -1]
    stages["input_ids"] = ids[0]
    everything = torch.ones_like(ids)  # left to itself, generate hides the ids that are the pad's
    greedy = model.generate(
        ids, attention_mask=everything, do_sample=False, max_new_tokens=32, min_new_tokens=32, eos_token_id=None, pad_token_id=0)
    stages["greedy_ids"] = greedy[0, ids.shape[1]:]
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    tensors = {k: v.bfloat16().contiguous() for k, v in model.state_dict().items() if not (tied and k == "lm_head.weight")}
    tensors["mtp.norm.weight"] = torch.zeros(48, dtype=torch.bfloat16)  # published files hold a head that guesses ahead
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    save_file({k: v.contiguous() for k, v in stages.items()}, folder / "fixture.safetensors")
    written = model.config.to_dict()
    if types is None:
        del written["layer_types"]  # the class's default
    if share is None:
        written["rope_parameters"].pop("partial_rotary_factor")
    (folder / "config.json").write_text(json.dumps(written, indent=2, default=str) + "\n")


for name in sys.argv[1:] or CASES:
    make_case(name, **CASES[name])
versions = {
    "command": " ".join(["python make_golden.py", *sys.argv[1:]]), "python": platform.python_version(),
    "torch": torch.__version__, "transformers": transformers.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=2) + "\n")
