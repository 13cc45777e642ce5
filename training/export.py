"""The checkpoint folder: config, tokenizer and generation files, and the weights in 16 bits. Dropped here: the auxiliary heads.

`python training/export.py work/stage-b.pt --folder FOLDER` writes it, `… training/state --tokenizer training/state --dtype bfloat16` the
model in the box from a kept state; also the loader that evaluation and fixtures use.
"""
import argparse
import json
import os
import shutil
import jinja2
import torch
import safe
import tokenizer as tokens
from golden import write_json
from modeling_qwen3_vl_resampler import Qwen3VLResampler
from stage_vision import VISION

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
CHECKPOINT = os.path.join(ROOT, "checkpoints", "ocellus-tiny")


DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def config_of(tokenizer):
    """config.json of the model in the box."""
    ids = tokenizer.token_to_id
    text = {"vocab_size": -(-tokenizer.get_vocab_size() // 64) * 64, "hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 6,
            "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 32, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
            "max_position_embeddings": 2048, "hidden_act": "silu", "tie_word_embeddings": True}
    resampler = {"num_queries": 32, "num_hidden_layers": 2, "num_attention_heads": 6, "hidden_size": 192, "intermediate_size": 768, "layer_norm_eps": 1e-6}
    return {"architectures": ["Qwen3VLResamplerForConditionalGeneration"], "model_type": "qwen3_vl_resampler",
            "image_token_id": ids("<|image_pad|>"), "vision_start_token_id": ids("<|vision_start|>"), "vision_end_token_id": ids("<|vision_end|>"),
            "eos_token_id": ids("<|im_end|>"), "tie_word_embeddings": True, "dtype": "float16",
            "vision_config": VISION, "resampler_config": resampler, "text_config": text}


PREPROCESSOR = {"image_processor_type": "OcellusFitImageProcessor", "size": {"height": 112, "width": 112}, "resample": 3, "do_convert_rgb": True,
                "rescale_factor": 1 / 255, "image_mean": [.5, .5, .5], "image_std": [.5, .5, .5], "pad": "center", "pad_value": 0}


def export(state, config, folder=CHECKPOINT, dtype="float16"):
    """Write config files and 16-bit weights; each file atomically."""
    os.makedirs(folder, exist_ok=True)
    write_json(os.path.join(folder, "config.json"), {**config, "dtype": dtype})
    write_json(os.path.join(folder, "preprocessor_config.json"), PREPROCESSOR)
    ends = [config["eos_token_id"], 0 + tokens.load(folder).token_to_id("<|endoftext|>")]
    write_json(os.path.join(folder, "generation_config.json"), {"do_sample": False, "eos_token_id": ends, "pad_token_id": ends[1], "max_new_tokens": 128})
    safe.save({name: t.to(DTYPES[dtype]) for name, t in state.items()}, os.path.join(folder, "model.safetensors"), {"format": "pt"})


def load_exported(folder=CHECKPOINT):
    """(model in fp32 from the f16 file, tokenizer)."""
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        model = Qwen3VLResampler(json.load(file))
    model.load_state_dict({name: t.float() for name, t in safe.load(os.path.join(folder, "model.safetensors")).items()})
    return model.eval(), tokens.load(folder)


PARTS = "parts.safetensors"


def save_parts(state, folder):
    """What training needs beside the model: heads, probes and the perfect tokens' tables, of a saved state of stage B."""
    parts = {f"{part}/{name}": t for part, tensors in state.items() if part not in ("model", "optimizers") and isinstance(tensors, dict) for name, t in tensors.items()}
    safe.save({name: t.bfloat16() for name, t in parts.items()}, os.path.join(folder, PARTS))


def load_state(folder):
    """A folder written with --parts as a state of stage B, without optimisers."""
    state = {"model": load_exported(folder)[0].state_dict()}
    for name, t in safe.load(os.path.join(folder, PARTS)).items():
        part, _, tensor = name.partition("/")
        state.setdefault(part, {})[tensor] = t.float()
    return state


def saved_state(path):
    """Of a folder or a file."""
    return load_state(path) if os.path.isdir(path) else torch.load(path)


def render(messages, folder=CHECKPOINT):
    """The chat template of the checkpoint, with the assistant's turn opened."""
    with open(os.path.join(folder, "tokenizer_config.json"), encoding="utf-8") as file:
        template = json.load(file)["chat_template"]
    return jinja2.Template(template).render(messages=messages, add_generation_prompt=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", nargs="?", help="a saved state of stage B, or a folder written with --parts; none: untrained weights, for wiring only")
    parser.add_argument("--folder", default=CHECKPOINT)
    parser.add_argument("--tokenizer", default=None, help="folder whose tokenizer files are copied; none: what the folder has, or a tokenizer trained now")
    parser.add_argument("--dtype", default="float16", choices=list(DTYPES))
    parser.add_argument("--parts", action="store_true", help="write what is needed to go on training, too")
    args = parser.parse_args()
    if args.tokenizer:
        os.makedirs(args.folder, exist_ok=True)
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
            shutil.copy(os.path.join(args.tokenizer, name), args.folder)
    elif not os.path.exists(os.path.join(args.folder, "tokenizer.json")):
        tokens.build(args.folder)
    config = config_of(tokens.load(args.folder))
    torch.manual_seed(0)
    saved = saved_state(args.state) if args.state else {"model": Qwen3VLResampler(config).state_dict()}
    state = saved["model"]
    export(state, config, args.folder, args.dtype)
    if args.parts:
        save_parts(saved, args.folder)
    print(sum(t.numel() for t in state.values()), "parameters")


if __name__ == "__main__":
    main()
