"""The weights of a finished checkpoint as those of a larger one that computes the same: more tokens, more decoder layers, wider feed-forward.

New layers are copies whose last products are zero, new columns likewise, so nothing changes until training moves them. A new token
starts as the mean of the two it is melted from.
"""
import json
import torch
import export
import tokenizer as tokens
from modeling_qwen3_vl_resampler import Qwen3VLResampler

COPIED = (0, 0)                        # old layers that get a silent copy behind them: where a question's words are understood, before it is looked up


def new_layers(count):
    """[(old layer, silent copy)] of the grown decoder."""
    return [(n, silent) for n in range(count) for silent in [False] + [True] * COPIED.count(n)]


def embeddings(old, old_tokenizer, new_tokenizer, rows):
    """[rows, hidden]: by the token's text."""
    known = old_tokenizer.get_vocab()
    parts = {a + b: (a, b) for a, b in merges_of(new_tokenizer)}
    row = lambda token: old[known[token]] if token in known else (row(parts[token][0]) + row(parts[token][1])) / 2
    out = old[:1].repeat(rows, 1) * 0
    for token, n in new_tokenizer.get_vocab().items():
        out[n] = row(token)
    return out


def merges_of(tokenizer):
    return json.loads(tokenizer.to_str())["model"]["merges"]


def widened(state, inner):
    """w1, w2, w3 of one layer for a wider feed-forward: new units hear something and say nothing."""
    out = dict(state)
    for name in ("mlp.w1.weight", "mlp.w3.weight"):
        old = state[name]
        out[name] = torch.cat([old, torch.randn(inner - len(old), old.shape[1]) * old.std()])
    old = state["mlp.w2.weight"]
    out["mlp.w2.weight"] = torch.cat([old, torch.zeros(len(old), inner - old.shape[1])], 1)
    return out


def grown_decoder(state, config, old_tokenizer, new_tokenizer):
    """State of the language model with `config`'s sizes from a smaller one's."""
    count = 1 + max(int(n.split(".")[1]) for n in state if n.startswith("layers."))
    out = {"norm.weight": state["norm.weight"], "embed_tokens.weight": embeddings(state["embed_tokens.weight"], old_tokenizer, new_tokenizer, config["vocab_size"])}
    for new, (n, silent) in enumerate(new_layers(count)):
        layer = widened({k.removeprefix(f"layers.{n}."): t.clone() for k, t in state.items() if k.startswith(f"layers.{n}.")}, config["intermediate_size"])
        for name in ("self_attn.o_proj.weight", "mlp.w2.weight") if silent else ():
            layer[name] = torch.zeros_like(layer[name])
        out.update({f"layers.{new}.{k}": t for k, t in layer.items()})
    return out


def load(folder, into):
    """(larger model, extended tokenizer) from the checkpoint in `folder`; the tokenizer's files are written to `into`."""
    finished, old = export.load_exported(folder)
    tokenizer = tokens.build(into, folder)
    config = export.config_of(tokenizer)
    model, state = Qwen3VLResampler(config), finished.state_dict()
    prefix = "language_model."
    decoder = grown_decoder({n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}, config["text_config"], old, tokenizer)
    rest = {n: t for n, t in state.items() if not n.startswith(prefix)}
    model.load_state_dict({**rest, **{prefix + n: t for n, t in decoder.items()}})
    return model, tokenizer
