"""What each token of gqa-tied's prompt looks at: `python test/golden/qwen3_vl_resampler/make_token_attention.py`.

Writes gqa-tied/token_attention.safetensors, layers.N [heads, tokens, tokens], for the embeddings of the fixture there, in
fp32. The reference attends by scaled_dot_product_attention, which keeps its probabilities to itself: they are computed here
from the same q, k and mask, and must give the output that the reference gave.
"""
import json
import os
import sys
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../training"))
import modeling_qwen3_vl_resampler as reference  # noqa: E402
import safe  # noqa: E402

CASE = os.path.join(HERE, "gqa-tied")


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    with open(os.path.join(CASE, "config.json"), encoding="utf-8") as file:
        model = reference.Qwen3VLResampler(json.load(file)).eval()
    model.load_state_dict(safe.load(os.path.join(CASE, "model.safetensors")), strict=False)
    seen, plain = [], reference.attend

    def recorded(q, k, v, mask=None):
        output = plain(q, k, v, mask)
        weights = torch.softmax((q @ k.transpose(-1, -2) / q.shape[-1] ** .5).masked_fill(~mask, float("-inf")), -1)
        assert torch.allclose(weights @ v, output, atol=1e-5)
        seen.append(weights[0])
        return output

    reference.attend = recorded
    model.decode(safe.load(os.path.join(CASE, "fixture.safetensors"))["inputs_embeds"][None])
    safe.save({f"layers.{i}": w.contiguous() for i, w in enumerate(seen)}, os.path.join(CASE, "token_attention.safetensors"),
              {"made_by": "make_token_attention.py", "torch": torch.__version__.split("+")[0]})


main()
