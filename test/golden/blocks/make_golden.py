"""Golden numbers of blocks in src/nn that no family of ours uses yet: `python make_golden.py` writes the fixtures beside itself.

Reference: Hugging Face transformers' modules on small random weights, in fp32 with eager attention. made-by.json records the
versions. A fixture holds the block's weights under the module's own names, its inputs (in.*) and outputs (out.*).
"""
import json
import platform
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLVisionConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLVisionBlock
from transformers.models.qwen3_5.configuration_qwen3_5 import Qwen3_5TextConfig
from transformers.models.qwen3_5.modeling_qwen3_5 import (
    Qwen3_5GatedDeltaNet, causal_conv1d_fn, torch_recurrent_gated_delta_rule)
import torch.nn.functional as F

HERE = Path(__file__).parent


def randomise(module, generator):
    for name, p in module.named_parameters():
        scale = 0.2 if p.ndim == 1 else 1.4 / p[0].numel() ** 0.5
        p.data = torch.randn(p.shape, generator=generator) * scale + name.endswith(("norm1.weight", "norm2.weight", "norm.weight"))


def save(name, module, values):
    tensors = {**module.state_dict(), **values}
    save_file({k: v.contiguous() for k, v in tensors.items()}, HERE / f"{name}.safetensors")


@torch.no_grad()
def windowed_block():
    """Qwen2.5-VL's vision block: RMSNorm, gated mlp with biases, attention within windows of different lengths."""
    generator = torch.Generator().manual_seed(1)
    config = Qwen2_5_VLVisionConfig(hidden_size=32, num_heads=2, intermediate_size=40, depth=1)
    config._attn_implementation = "eager"
    block = Qwen2_5_VLVisionBlock(config).eval()
    randomise(block, generator)
    lengths = [8, 4, 8, 2]
    n = sum(lengths)
    x = torch.randn(n, 32, generator=generator)
    angles = torch.randn(n, 8, generator=generator)
    cos, sin = angles.cos(), angles.sin()
    ends = torch.tensor([0, *lengths]).cumsum(0).int()
    both = (torch.cat([cos, cos], -1), torch.cat([sin, sin], -1))
    out = block(x, cu_seqlens=ends, position_embeddings=both)
    save("windowed-block", block, {"in.x": x, "in.cos": cos, "in.sin": sin, "in.lengths": torch.tensor(lengths), "out.x": out})


@torch.no_grad()
def gated_delta_net():
    """Qwen3.5's linear attention, grouped heads, in two steps: five tokens, then three that go on from their state."""
    generator = torch.Generator().manual_seed(2)
    config = Qwen3_5TextConfig(
        hidden_size=24, num_hidden_layers=1, layer_types=["linear_attention"], linear_num_key_heads=2, linear_num_value_heads=4,
        linear_key_head_dim=8, linear_value_head_dim=16, linear_conv_kernel_dim=4, rms_norm_eps=1e-6)
    layer = Qwen3_5GatedDeltaNet(config, 0).eval()
    randomise(layer, generator)
    x = torch.randn(1, 8, 24, generator=generator)
    values = {"in.x": x, "out.x": layer(x)}
    # The states after the first five tokens, by the functions that the layer itself is made of.
    mixed = layer.in_proj_qkv(x[:, :5]).transpose(1, 2)
    values["out.conv"] = mixed[:, :, -3:]
    mixed = causal_conv1d_fn(mixed, layer.conv1d.weight.squeeze(1), None, activation="silu")[:, :, :5].transpose(1, 2)
    q, k, v = torch.split(mixed, [16, 16, 64], dim=-1)
    heads = lambda value, size: value.reshape(1, 5, -1, size)
    g = -layer.A_log.exp() * F.softplus(layer.in_proj_a(x[:, :5]) + layer.dt_bias)
    _, values["out.recurrent"] = torch_recurrent_gated_delta_rule(
        heads(q, 8), heads(k, 8), heads(v, 16), g=g, beta=layer.in_proj_b(x[:, :5]).sigmoid(), output_final_state=True,
        use_qk_l2norm_in_kernel=True)
    save("gated-delta-net", layer, values)


windowed_block()
gated_delta_net()
versions = {"command": "python make_golden.py", "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
(HERE / "made-by.json").write_text(json.dumps(versions, indent=2) + "\n")
