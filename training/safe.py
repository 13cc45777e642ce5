"""safetensors, both ways, in forty lines: so that fixtures need numpy and torch only and the bytes are ours to order."""
import json
import os
import struct
import torch

NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32", torch.uint8: "U8"}


def save(tensors, path, metadata=None):
    """Write atomically; tensors in order of name, header padded to eight bytes."""
    header, offset, parts = {}, 0, []
    if metadata:
        header["__metadata__"] = metadata
    for name in sorted(tensors):
        t = tensors[name].detach().contiguous()
        data = t.view(torch.uint8).numpy().tobytes() if t.numel() and t.ndim else t.reshape(-1).view(torch.uint8).numpy().tobytes()
        header[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
        parts.append(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(f"{path}.part", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
    os.replace(f"{path}.part", path)


def load(path):
    """All tensors of a file."""
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    dtypes = {v: k for k, v in NAMES.items()}
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    return {name: torch.frombuffer(bytearray(data[8 + size + e["data_offsets"][0]:8 + size + e["data_offsets"][1]]), dtype=dtypes[e["dtype"]]).view(e["shape"])
            for name, e in header.items()}
