"""Golden numbers of the family qwen3 (text only): `python make_golden.py` writes the case folders beside itself.

Reference: Hugging Face transformers' Qwen3ForCausalLM, small random configs, weights rounded to bf16 and computed in fp32 with
eager attention. made-by.json records the versions. Tensors of a fixture are named after the stage they come out of.
"""
import json
import platform
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import Qwen3Config, Qwen3ForCausalLM

HERE = Path(__file__).parent
CASES = {
    # name: (heads, kv heads, head dim, tied, rope theta, attention bias)
    "tied-gqa": (4, 2, 32, True, 1e6, False),
    "untied-mha": (3, 3, 16, False, 1e4, False),
    "biased": (4, 2, 16, False, 1e4, True),
}


def randomise(model, generator):
    """Nothing at its initial value, everything exactly representable in bf16."""
    for name, p in model.named_parameters():
        scale = 0.2 if p.ndim == 1 else 1.4 / p[0].numel() ** 0.5
        p.data = (torch.randn(p.shape, generator=generator) * scale + (p.ndim == 1)).bfloat16().float()


def hooked(stages, name):
    def keep(module, args, output):
        stages.setdefault(name, (output[0] if isinstance(output, tuple) else output)[0].clone())

    return keep


@torch.no_grad()
def make_case(name, heads, kv_heads, head_dim, tied, theta, bias):
    generator = torch.Generator().manual_seed(len(name))
    config = Qwen3Config(
        vocab_size=320, hidden_size=48, intermediate_size=96, num_hidden_layers=3, num_attention_heads=heads,
        num_key_value_heads=kv_heads, head_dim=head_dim, max_position_embeddings=4096, rope_theta=theta, tie_word_embeddings=tied, attention_bias=bias)
    model = Qwen3ForCausalLM(config).eval()
    model.set_attn_implementation("eager")
    randomise(model, generator)
    if tied:
        model.tie_weights()
    ids = torch.randint(0, 320, (1, 23), generator=generator)
    stages = {}
    for i, layer in enumerate(model.model.layers):
        layer.register_forward_hook(hooked(stages, f"layers.{i}"))
    stages["logits"] = model(ids).logits[0, -1]
    stages["input_ids"] = ids[0]
    greedy = model.generate(ids, do_sample=False, max_new_tokens=32, min_new_tokens=32, eos_token_id=None, pad_token_id=0)
    stages["greedy_ids"] = greedy[0, ids.shape[1]:]
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    tensors = {k: v.bfloat16().contiguous() for k, v in model.state_dict().items() if not (tied and k == "lm_head.weight")}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    save_file({k: v.contiguous() for k, v in stages.items()}, folder / "fixture.safetensors")
    (folder / "config.json").write_text(json.dumps(model.config.to_dict(), indent=2, default=str) + "\n")


for name in sys.argv[1:] or CASES:
    make_case(name, *CASES[name])
versions = {"command": " ".join(["python make_golden.py", *sys.argv[1:]]), "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
made_by = HERE / sys.argv[1] if len(sys.argv) == 2 else HERE  # a case that was added later has versions of its own
(made_by / "made-by.json").write_text(json.dumps(versions, indent=2) + "\n")
