"""Every field of the reference's config classes, with its default: `python make_golden.py` writes fields.json beside itself.

`read` are the names that the reference's modelling code takes from a config, fields or not; `aliases` other spellings that
the class itself maps to a field; `generation` the ways of decoding, with their defaults, which the class removes from a
config before the model sees it.
"""
import dataclasses
import inspect
import json
import re
from importlib import import_module
from pathlib import Path

import transformers
from transformers import (
    CLIPConfig, Dinov2Config, Dinov2WithRegistersConfig, GenerationConfig, Idefics2Config, Idefics3Config, InternVLConfig, LlamaConfig, MiniCPMOcrConfig, MiniCPMV4_6Config, PaddleOCRVLConfig, PreTrainedConfig, Qwen2_5_VLConfig, Qwen2VLConfig, Qwen3_5Config,
    Qwen3_5TextConfig, Qwen3Config, Qwen3VLConfig, Siglip2Config, SiglipConfig, SmolVLMConfig, ViTConfig)

HERE = Path(__file__).parent
CONFIGS = {
    "clip": CLIPConfig, "dinov2": Dinov2Config, "dinov2_with_registers": Dinov2WithRegistersConfig, "idefics2": Idefics2Config, "idefics3": Idefics3Config, "internvl": InternVLConfig, "llama": LlamaConfig, "minicpm_ocr": MiniCPMOcrConfig, "minicpmv4_6": MiniCPMV4_6Config, "paddleocr_vl": PaddleOCRVLConfig, "qwen2_5_vl": Qwen2_5_VLConfig, "qwen2_vl": Qwen2VLConfig,
    "qwen3": Qwen3Config, "qwen3_5": Qwen3_5Config, "qwen3_5_text": Qwen3_5TextConfig, "qwen3_vl": Qwen3VLConfig,
    "siglip": SiglipConfig, "siglip2": Siglip2Config, "smolvlm": SmolVLMConfig, "vit": ViTConfig}
# Modelling files that hold more than the class's model: what is another's.
OTHERS = {"qwen3_5_text": [Qwen3_5Config, *Qwen3_5Config.sub_configs.values()]}
PATTERN = re.compile(r"""(?:\bconfig\.|\bconfig, ["'])([a-z]\w*)""")


def plain(value):
    return list(value) if isinstance(value, tuple) else value


def own_names(cls):
    return [f.name for f in dataclasses.fields(cls)]


def names_read(cls, model_type):
    """Of the whole modelling file: which class of it reads a section's config cannot be told from its text."""
    source = inspect.getsource(import_module(cls.__module__.replace("configuration_", "modeling_")))
    methods = {name for name in dir(PreTrainedConfig) if callable(getattr(PreTrainedConfig, name, None))}
    own = set(own_names(cls))
    others = {name for other in OTHERS.get(model_type, []) for name in [*own_names(other), *other.sub_configs]} - own
    computed = {name for part in [cls, *cls.sub_configs.values()] for name, value in vars(part).items() if isinstance(value, property)}
    return sorted(set(PATTERN.findall(source)) - methods - others - computed)


def section(config):
    """The fields of a config as the reference makes it by default."""
    cls, made = type(config), config.to_dict()
    parts = set(cls.sub_configs)
    fields = {f.name: plain(made.get(f.name, f.default)) for f in dataclasses.fields(cls) if f.name not in parts}
    rope = "rope_parameters" in fields
    return dict(fields=fields, aliases=dict(cls.attribute_map), **({"default_theta": cls.default_theta} if rope else {}))


def family(model_type, cls):
    whole = cls()
    sections = {"": section(whole), **{name: section(getattr(whole, name)) for name in cls.sub_configs}}
    return dict(read=names_read(cls, model_type), sections=sections)


golden = dict(
    transformers=transformers.__version__,
    generation=GenerationConfig._get_default_generation_params(),
    families={name: family(name, cls) for name, cls in CONFIGS.items()},
)
(HERE / "fields.json").write_text(json.dumps(golden, indent=1, default=str) + "\n")
