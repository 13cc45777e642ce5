"""Golden numbers of quantised checkpoints: `python training/golden_quant.py` writes test/golden/quantize/.

One tiny Qwen3 model, quantised by each library whose files Ocellus opens, as that library's own code packs it, with the
numbers that the same library restores in float32 (`down_proj`) and the logits of a float32 model of them (`logits`).
Needs beside requirements.txt: transformers, bitsandbytes, compressed-tensors, and the sources of auto-gptq and autoawq, of
which only the packing modules are loaded (both are no longer maintained and do not import beside today's transformers):
    pip install transformers bitsandbytes compressed-tensors && pip install --no-deps auto-gptq autoawq
"""
import importlib
import importlib.metadata
import importlib.util
import json
import os
import sys
import types
import torch
import safe
import bitsandbytes.functional as bnb
from compressed_tensors.compressors.pack_quantized import PackedQuantizationCompressor
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from golden import write_json
from transformers import Qwen3Config, Qwen3ForCausalLM
from transformers.integrations.finegrained_fp8 import Fp8Dequantize

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
GOLDEN = os.path.join(ROOT, "test", "golden", "quantize")
SEED = 7
safe.NAMES[torch.float8_e4m3fn] = "F8_E4M3"
CONFIG = {"vocab_size": 64, "hidden_size": 128, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 4,
          "num_key_value_heads": 2, "head_dim": 32, "max_position_embeddings": 512, "rope_theta": 1e6, "tie_word_embeddings": True}


def part_of(package, module):
    """A module of a package whose own __init__ does not import here."""
    for end in range(1, package.count(".") + 2):
        name = ".".join(package.split(".")[:end])
        if name not in sys.modules:
            spec = importlib.util.find_spec(name) if "." not in name else None
            paths = list(spec.submodule_search_locations) if spec else [os.path.join(p, name.rsplit(".", 1)[1]) for p in sys.modules[name.rsplit(".", 1)[0]].__path__]
            sys.modules[name] = types.ModuleType(name)
            sys.modules[name].__path__ = paths
    return importlib.import_module(f"{package}.{module}")


def base_model():
    """Random weights that f16 holds exactly; rows lean to one side here and there, so that zero points matter."""
    torch.manual_seed(SEED)
    model = Qwen3ForCausalLM(Qwen3Config(**CONFIG)).eval()
    for name, p in model.named_parameters():
        scale = .2 if p.ndim == 1 else 1.4 / p[0].numel() ** .5
        lean = torch.rand(p.shape[0], 1) * scale if p.ndim == 2 and "proj" in name else 0
        p.data = (torch.randn(p.shape) * scale + lean + (p.ndim == 1)).half().float()
    return model


def ranges(w, group):
    """Smallest and largest value of each group, zero between them: [rows, groups]."""
    blocks = w.view(w.shape[0], -1, group)
    return blocks.amin(-1).clamp(max=0), blocks.amax(-1).clamp(min=0)


def asymmetric(w, group, lowest=0):
    low, high = ranges(w, group)
    scales = ((high - low) / 15).half().float()
    return scales, (-low / scales).round().clamp(lowest, 15)


def symmetric(w, group, half=8):
    low, high = ranges(w, group)
    return (torch.maximum(-low, high) / (half - .5)).half().float()


def linear_of(w):
    linear = torch.nn.Linear(w.shape[1], w.shape[0], bias=False, dtype=torch.float16)
    linear.weight.data = w.half()
    return linear


def bitsandbytes(quant_type, nested, blocksize=64):
    def quantise(w):
        packed, state = bnb.quantize_4bit(w, blocksize=blocksize, compress_statistics=nested, quant_type=quant_type)
        parts = {f"weight.{k}": v for k, v in state.as_dict(packed=True).items()}
        return {"weight": packed, **parts}, bnb.dequantize_4bit(packed, state)
    return quantise, {"quant_method": "bitsandbytes", "load_in_4bit": True, "load_in_8bit": False, "bnb_4bit_quant_type": quant_type,
                      "bnb_4bit_use_double_quant": nested, "bnb_4bit_compute_dtype": "bfloat16", "bnb_4bit_quant_storage": "uint8"}


def gptq(bits, group, sym, desc_act=False):
    module = part_of("auto_gptq.nn_modules.qlinear", "qlinear_cuda")

    def quantise(w):
        columns = w.shape[1]
        size = columns if group == -1 else group
        order = torch.randperm(columns) if desc_act else torch.arange(columns)
        g_idx = torch.empty(columns, dtype=torch.int32)
        g_idx[order] = (torch.arange(columns) // size).int()
        half = 2 ** (bits - 1)
        if sym:
            scales = symmetric(w[:, order], size, half)
            zeros = torch.full_like(scales, half)
        else:
            scales, zeros = asymmetric(w[:, order], size, lowest=1)  # the packer smears a zero point of 0 over its neighbours
        # AutoGPTQ's packer rounds and does not clamp: GPTQ has done so before
        spread_s, spread_z = scales[:, g_idx.long()], zeros[:, g_idx.long()]
        w = ((w / spread_s).round() + spread_z).clamp(0, 2 * half - 1).sub(spread_z) * spread_s
        linear = linear_of(w)
        linear.weight.data = w
        layer = module.QuantLinear(bits, group, columns, w.shape[0], False, weight_dtype=torch.float32)
        layer.pack(linear, scales, zeros.clone(), g_idx)
        restored = layer.forward(torch.eye(columns)).T
        assert torch.allclose(restored, w, atol=1e-6)
        return {"qweight": layer.qweight, "qzeros": layer.qzeros, "scales": scales.T.half(), "g_idx": g_idx}, restored
    return quantise, {"quant_method": "gptq", "bits": bits, "group_size": group, "sym": sym, "desc_act": desc_act, "checkpoint_format": "gptq"}


def awq(group):
    module = part_of("awq.modules.linear", "gemm")
    module.get_best_device = lambda: "cpu"
    packing = part_of("awq.utils", "packing_utils")

    def quantise(w):
        scales, zeros = asymmetric(w, group)
        clamped = ((w / scales.repeat_interleave(group, 1)).round() + zeros.repeat_interleave(group, 1)).clamp(0, 15)
        w = (clamped - zeros.repeat_interleave(group, 1)) * scales.repeat_interleave(group, 1)
        linear = linear_of(w)
        linear.weight.data = w
        layer = module.WQLinear_GEMM.from_linear(linear, 4, group, scales=scales.T.contiguous(), zeros=zeros.T.contiguous())
        restored = packing.dequantize_gemm(layer.qweight, layer.qzeros, layer.scales.float(), 4, group).T
        assert torch.allclose(restored, w, atol=1e-6)
        return {"qweight": layer.qweight, "qzeros": layer.qzeros, "scales": layer.scales}, restored
    return quantise, {"quant_method": "awq", "bits": 4, "group_size": group, "zero_point": True, "version": "gemm"}


def compressed(bits, group, sym):
    args = QuantizationArgs(num_bits=bits, type="int", symmetric=sym, strategy="channel" if group == -1 else "group", group_size=None if group == -1 else group)
    scheme = QuantizationScheme(targets=["Linear"], weights=args)

    def quantise(w):
        size = w.shape[1] if group == -1 else group
        scales, zeros = (symmetric(w, size, 2 ** (bits - 1)), None) if sym else asymmetric(w, size)
        state = {"weight": w, "weight_scale": scales}
        if zeros is not None:
            state["weight_zero_point"] = (zeros - 8).to(torch.int8)
        packed = PackedQuantizationCompressor.compress(state, scheme)
        restored = PackedQuantizationCompressor.decompress(packed, scheme)["weight"]
        return {**packed, "weight_scale": packed["weight_scale"].half()}, restored
    weights = {"num_bits": bits, "type": "int", "symmetric": sym, "strategy": args.strategy, "group_size": args.group_size, "dynamic": False, "actorder": None}
    return quantise, {"quant_method": "compressed-tensors", "format": "pack-quantized", "quantization_status": "compressed", "ignore": ["lm_head"],
                      "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights, "input_activations": None, "output_activations": None}}}


def fp8(block):
    def quantise(w):
        rows, columns = w.shape
        blocks = w.view(rows // block, block, columns // block, block)
        scales = blocks.abs().amax((1, 3)) / 448
        stored = (blocks / scales[:, None, :, None]).to(torch.float8_e4m3fn).view(rows, columns)
        return {"weight": stored, "weight_scale_inv": scales}, Fp8Dequantize(None)._dequantize_one(stored, scales, torch.float32)
    return quantise, {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [block, block]}


CASES = {
    "bnb-nf4": lambda: bitsandbytes("nf4", False),
    "bnb-nf4-nested": lambda: bitsandbytes("nf4", True),
    "bnb-fp4": lambda: bitsandbytes("fp4", False),
    "bnb-nf4-b128": lambda: bitsandbytes("nf4", False, 128),
    "gptq-g64": lambda: gptq(4, 64, False),
    "gptq-sym-channel": lambda: gptq(4, -1, True),
    "gptq-desc-act": lambda: gptq(4, 32, False, True),
    "gptq-int8": lambda: gptq(8, 128, True),
    "awq-g64": lambda: awq(64),
    "compressed-g32": lambda: compressed(4, 32, True),
    "compressed-g64-asym": lambda: compressed(4, 64, False),
    "compressed-int8-channel": lambda: compressed(8, -1, True),
    "fp8-block": lambda: fp8(64),
}


@torch.no_grad()
def make_case(name):
    quantise, quantization_config = CASES[name]()
    model = base_model()
    torch.manual_seed(SEED)
    tensors, expected = {}, {}
    for key, p in model.named_parameters():
        if p.ndim != 2 or "proj" not in key:
            tensors[key] = p.data.half()
            continue
        parts, restored = quantise(p.data)
        tensors.update({key.removesuffix("weight") + part: t for part, t in parts.items()})
        p.data = restored.contiguous()
        expected[key] = p.data
    ids = torch.randint(0, CONFIG["vocab_size"], (1, 9))
    fixture = {"input_ids": ids[0], "logits": model(ids).logits[0, -1], "down_proj": expected["model.layers.0.mlp.down_proj.weight"]}
    folder = os.path.join(GOLDEN, name)
    os.makedirs(folder, exist_ok=True)
    safe.save(tensors, os.path.join(folder, "model.safetensors"), {"format": "pt"})
    safe.save(fixture, os.path.join(folder, "fixture.safetensors"))
    write_json(os.path.join(folder, "config.json"), {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", **CONFIG, "rms_norm_eps": 1e-6,
                                                     "eos_token_id": 1, "dtype": "float16", "quantization_config": quantization_config})


def nf4_values():
    """What a quantiser must reproduce bit by bit: usual, heavy-tailed and extreme blocks, one of zeros, values on the lines."""
    torch.manual_seed(SEED)
    usual, tailed = torch.randn(48, 128) * .02, torch.randn(16, 128) * .02 / (torch.randn(16, 128).abs() + .05)
    edges = torch.zeros(2, 128)
    code = bnb.get_4bit_type("nf4", device="cpu")
    edges[1, :16], edges[1, 16:31], edges[1, 64:] = code, (code[:-1] + code[1:]) / 2, torch.linspace(-1e-38, 1e-38, 64)
    values = torch.cat([usual, tailed, edges])
    codes, plain = bnb.quantize_4bit(values, quant_type="nf4")
    _, nested = bnb.quantize_4bit(values, quant_type="nf4", compress_statistics=True)
    safe.save({"values": values, "codes": codes.flatten(), "absmax": plain.absmax, "nested_codes": nested.absmax, "nested_absmax": nested.state2.absmax,
               "nested_table": nested.state2.code, "offset": nested.offset.reshape(1), "restored": bnb.dequantize_4bit(codes, nested)},
              os.path.join(GOLDEN, "nf4.safetensors"))


def main():
    os.makedirs(GOLDEN, exist_ok=True)
    nf4_values()
    for name in CASES:
        make_case(name)
    libraries = ["torch", "transformers", "bitsandbytes", "compressed-tensors", "auto-gptq", "autoawq"]
    versions = {}
    for library in libraries:
        try:
            versions[library] = importlib.metadata.version(library).split("+")[0]
        except importlib.metadata.PackageNotFoundError:
            versions[library] = "source only"
    write_json(os.path.join(GOLDEN, "made-by.json"), {"command": "python training/golden_quant.py", "seed": SEED, "python": sys.version.split()[0], **versions})


if __name__ == "__main__":
    main()
