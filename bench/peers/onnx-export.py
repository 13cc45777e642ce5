"""Lays out what ONNX Runtime's model builder wrote as transformers.js 4 expects it: FOLDER/onnx/model_q4.onnx in one file, configs beside it.

    python onnx-export.py CHECKPOINT FOLDER        (onnx 1.23)
"""
import json
import shutil
import sys
from pathlib import Path

import onnx

checkpoint, folder = (Path(argument) for argument in sys.argv[1:3])
built = folder / "onnx"
config = json.loads((checkpoint / "config.json").read_text())
head_dim = config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])
model = onnx.load(built / "model.onnx")
for value in [*model.graph.input, *model.graph.output]:
    for size in value.type.tensor_type.shape.dim:
        if size.dim_param == "kv_cache_dim":  # transformers.js makes an empty cache by these shapes
            size.dim_value = head_dim
onnx.save(model, built / "model_q4.onnx")
shutil.copy(checkpoint / "config.json", folder)
shutil.copy(built / "tokenizer.json", folder)
tokenizer = json.loads((built / "tokenizer_config.json").read_text())
template = checkpoint / "chat_template.jinja"
if template.exists():
    tokenizer["chat_template"] = template.read_text()
(folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
ends = {name: config[name] for name in ("bos_token_id", "eos_token_id") if name in config}
(folder / "generation_config.json").write_text(json.dumps(ends))
for path in [*built.glob("*.json"), *built.glob("*.jinja"), *built.glob("model.onnx*")]:
    path.unlink()
