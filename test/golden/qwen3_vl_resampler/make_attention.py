"""Attention of the resampler's queries in mha-untied: `python test/golden/qwen3_vl_resampler/make_attention.py`.

Writes mha-untied/attention.safetensors, layers.N [heads, queries, patches + queries], for the pixel values of the fixture
there, in fp32. The reference attends by scaled_dot_product_attention, which keeps its probabilities to itself: they are
computed here from the same inputs of each cross_attn, and must give the output that the reference gave.
"""
import json
import os
import sys
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../training"))
import safe  # noqa: E402
from modeling_qwen3_vl_resampler import Qwen3VLResampler  # noqa: E402

CASE = os.path.join(HERE, "mha-untied")


@torch.no_grad()
def main():
    torch.set_num_threads(2)
    with open(os.path.join(CASE, "config.json"), encoding="utf-8") as file:
        model = Qwen3VLResampler(json.load(file)).eval()
    model.load_state_dict(safe.load(os.path.join(CASE, "model.safetensors")))
    seen = []

    def record(attention, inputs, output):
        latents, features = inputs
        k, v = attention.to_kv(torch.cat([features, latents], 1)).chunk(2, -1)
        q, k, v = attention.split(attention.to_q(latents)), attention.split(k), attention.split(v)
        weights = torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** .5, -1)
        again = attention.to_out((weights @ v).transpose(1, 2).flatten(2))
        assert torch.allclose(again, output, atol=1e-5), (again - output).abs().max()
        seen.append(weights[0])

    for layer in model.perceiver_resampler.layers:
        layer.cross_attn.register_forward_hook(record)
    model.see(safe.load(os.path.join(CASE, "fixture.safetensors"))["pixel_values"][None])
    safe.save({f"layers.{i}": w for i, w in enumerate(seen)}, os.path.join(CASE, "attention.safetensors"),
              {"made_by": "make_attention.py", "torch": torch.__version__.split("+")[0]})


main()
