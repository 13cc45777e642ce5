"""Golden numbers of the family llama: `python make_golden.py` writes the case folders beside itself.

Reference: Hugging Face transformers' LlamaForCausalLM, small random configs, weights rounded to bf16 and computed in fp32 with
eager attention. made-by.json records the versions. Tensors of a fixture are named after the stage they come out of.
"""
import json
import platform
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).parent
PLAIN = dict(rope_type="default", rope_theta=1e4)
# The five longest of eight wavelengths are stretched, the shortest is not, two lie between the bounds.
LLAMA3 = dict(
    rope_type="llama3", rope_theta=1e4, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
    original_max_position_embeddings=64)
CASES = {
    # heads, kv heads, head dim (None: hidden / heads), tied, biases of attention and of the mlp, rotation
    "tied-gqa": dict(heads=4, kv_heads=2, head_dim=32, tied=True, biases=False, rope=PLAIN),
    "untied-biased": dict(heads=3, kv_heads=None, head_dim=None, tied=False, biases=True, rope=PLAIN),
    "stretched": dict(heads=3, kv_heads=1, head_dim=None, tied=True, biases=False, rope=LLAMA3),
}


def randomise(model, generator):
    """Nothing at its initial value, everything exactly representable in bf16."""
    for name, p in model.named_parameters():
        scale = 0.2 if p.ndim == 1 else 1.4 / p[0].numel() ** 0.5
        p.data = (torch.randn(p.shape, generator=generator) * scale + name.endswith("norm.weight")).bfloat16().float()


def hooked(stages, name):
    def keep(module, args, output):
        stages.setdefault(name, (output[0] if isinstance(output, tuple) else output)[0].clone())

    return keep


@torch.no_grad()
def make_case(name, heads, kv_heads, head_dim, tied, biases, rope):
    generator = torch.Generator().manual_seed(len(name))
    config = LlamaConfig(
        vocab_size=320, hidden_size=48, intermediate_size=96, num_hidden_layers=3, num_attention_heads=heads,
        num_key_value_heads=kv_heads, head_dim=head_dim, max_position_embeddings=512, rope_parameters=dict(rope),
        tie_word_embeddings=tied, attention_bias=biases, mlp_bias=biases, rms_norm_eps=1e-5)
    model = LlamaForCausalLM(config).eval()
    model.set_attn_implementation("eager")
    randomise(model, generator)
    if tied:
        model.tie_weights()
    ids = torch.randint(0, 320, (1, 150), generator=generator)  # twice the original length
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
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    save_file({k: v.contiguous() for k, v in stages.items()}, folder / "fixture.safetensors")
    (folder / "config.json").write_text(json.dumps(model.config.to_dict(), indent=2, default=str) + "\n")


for name in sys.argv[1:] or CASES:
    make_case(name, **CASES[name])
versions = {
    "command": " ".join(["python make_golden.py", *sys.argv[1:]]), "python": platform.python_version(),
    "torch": torch.__version__, "transformers": transformers.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=2) + "\n")
