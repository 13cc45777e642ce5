"""The family qwen3_vl_resampler in plain PyTorch: ViT -> Perceiver resampler -> Qwen3 decoder.

The reference for parity tests and the model that train.py trains. Module names give the checkpoint's tensor
names; spellings that only exist on disk (attn.*, gate_proj, an unused position table) are export.py's affair.
Not here: any cache. Generation recomputes the sequence, which is slow and obviously right.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F


def attend(q, k, v, mask=None):
    """softmax(q kT / sqrt d) v in fp32, also where training runs the products in bf16: PyTorch's bf16 backward pass of it is ten times slower."""
    with torch.autocast("cpu", enabled=False):
        return F.scaled_dot_product_attention(q.float(), k.float(), v.float(), attn_mask=mask)


# ---------------------------------------------------------------- vision tower

class VisionAttention(nn.Module):
    """Full attention over the 64 patches; rows of qkv are q, k, v."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        return self.proj(attend(q, k, v).transpose(1, 2).reshape(b, n, d))


class VisionMlp(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class VisionBlock(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, width, heads, inner, eps):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps)
        self.attn = VisionAttention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps)
        self.mlp = VisionMlp(width, inner)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    """The convolution of stride = kernel = patch, applied to patches already cut out as rows (channel, y, x)."""

    def __init__(self, channels, width, patch):
        super().__init__()
        self.proj = nn.Conv2d(channels, width, patch, patch)

    def forward(self, rows):
        return F.linear(rows, self.proj.weight.flatten(1), self.proj.bias)


class VisionTower(nn.Module):
    """pixel_values [b, 64, 588] -> features [b, 64, width]."""

    def __init__(self, config):
        super().__init__()
        width = config["hidden_size"]
        positions = (config["image_size"] // config["patch_size"]) ** 2
        self.patch_embed = PatchEmbed(config["in_channels"], width, config["patch_size"])
        self.pos_embed = nn.Parameter(torch.randn(positions, width) * 0.02)
        self.blocks = nn.ModuleList(VisionBlock(width, config["num_heads"], config["intermediate_size"], config["layer_norm_eps"])
                                    for _ in range(config["depth"]))
        self.norm = nn.LayerNorm(width, config["layer_norm_eps"])

    def forward(self, pixel_values, keep=None):
        """`keep` [b, k] picks patches to look at: training only, to save time on empty ground."""
        if keep is None:
            x = self.patch_embed(pixel_values) + self.pos_embed
        else:
            rows = pixel_values.gather(1, keep[..., None].expand(-1, -1, pixel_values.shape[-1]))
            x = self.patch_embed(rows) + self.pos_embed[keep]
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


# ---------------------------------------------------------------- Perceiver resampler

class CrossAttention(nn.Module):
    """Latents ask; keys and values come from the features followed by the latents themselves (Flamingo)."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_kv = nn.Linear(width, 2 * width, bias=False)
        self.to_out = nn.Linear(width, width, bias=False)

    def split(self, x):
        b, n, d = x.shape
        return x.view(b, n, self.heads, d // self.heads).transpose(1, 2)

    def forward(self, latents, features):
        k, v = self.to_kv(torch.cat([features, latents], 1)).chunk(2, -1)
        y = attend(self.split(self.to_q(latents)), self.split(k), self.split(v))
        return self.to_out(y.transpose(1, 2).flatten(2))


class ResamplerFfn(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.fc1 = nn.Linear(width, inner, bias=False)
        self.fc2 = nn.Linear(inner, width, bias=False)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class ResamplerLayer(nn.Module):
    def __init__(self, width, heads, inner, eps):
        super().__init__()
        self.norm_features = nn.LayerNorm(width, eps)
        self.norm_queries = nn.LayerNorm(width, eps)
        self.cross_attn = CrossAttention(width, heads)
        self.norm_ffn = nn.LayerNorm(width, eps)
        self.ffn = ResamplerFfn(width, inner)

    def forward(self, latents, features):
        latents = latents + self.cross_attn(self.norm_queries(latents), self.norm_features(features))
        return latents + self.ffn(self.norm_ffn(latents))


class PerceiverResampler(nn.Module):
    """features [b, 64, width] -> visual tokens [b, 32, text_hidden]."""

    def __init__(self, config, text_hidden):
        super().__init__()
        width = config["hidden_size"]
        self.query = nn.Parameter(torch.randn(config["num_queries"], width) * .5)
        self.layers = nn.ModuleList(ResamplerLayer(width, config["num_attention_heads"], config["intermediate_size"], config["layer_norm_eps"])
                                    for _ in range(config["num_hidden_layers"]))
        self.norm = nn.LayerNorm(width, config["layer_norm_eps"])
        self.proj = nn.Linear(width, text_hidden, bias=False)

    def forward(self, features):
        latents = self.query.expand(len(features), -1, -1)
        for layer in self.layers:
            latents = layer(latents, features)
        return self.proj(self.norm(latents))


# ---------------------------------------------------------------- decoder

class RMSNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x.float(), self.weight.shape, self.weight, self.eps)


def rotary(position_ids, head_dim, theta):
    """cos and sin [b, 1, n, head_dim], both halves alike."""
    frequencies = theta ** (-torch.arange(0, head_dim, 2).float() / head_dim)
    angles = position_ids[..., None].float() * frequencies
    angles = torch.cat([angles, angles], -1)[:, None]
    return angles.cos(), angles.sin()


def rotate_half(x):
    a, b = x.chunk(2, -1)
    return torch.cat([-b, a], -1)


class SelfAttention(nn.Module):
    """Grouped-query attention; q and k are normalised per head, then rotated."""

    def __init__(self, c):
        super().__init__()
        hidden, self.dim, eps = c["hidden_size"], c["head_dim"], c["rms_norm_eps"]
        self.heads, self.kv_heads = c["num_attention_heads"], c["num_key_value_heads"]
        self.q_proj = nn.Linear(hidden, self.heads * self.dim, bias=False)
        self.k_proj = nn.Linear(hidden, self.kv_heads * self.dim, bias=False)
        self.v_proj = nn.Linear(hidden, self.kv_heads * self.dim, bias=False)
        self.o_proj = nn.Linear(self.heads * self.dim, hidden, bias=False)
        self.q_norm, self.k_norm = RMSNorm(self.dim, eps), RMSNorm(self.dim, eps)

    def forward(self, x, cos, sin, mask):
        b, n, _ = x.shape
        q = self.q_norm(self.q_proj(x).view(b, n, self.heads, self.dim)).transpose(1, 2)
        k = self.k_norm(self.k_proj(x).view(b, n, self.kv_heads, self.dim)).transpose(1, 2)
        v = self.v_proj(x).view(b, n, self.kv_heads, self.dim).transpose(1, 2)
        q, k = q * cos + rotate_half(q) * sin, k * cos + rotate_half(k) * sin
        share = self.heads // self.kv_heads
        k, v = k.repeat_interleave(share, 1), v.repeat_interleave(share, 1)
        y = attend(q, k, v, mask)
        return self.o_proj(y.transpose(1, 2).flatten(2))


class GatedMlp(nn.Module):
    """w1 gate, w3 up, w2 down."""

    def __init__(self, hidden, inner):
        super().__init__()
        self.w1 = nn.Linear(hidden, inner, bias=False)
        self.w2 = nn.Linear(inner, hidden, bias=False)
        self.w3 = nn.Linear(hidden, inner, bias=False)

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class DecoderLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.input_layernorm = RMSNorm(c["hidden_size"], c["rms_norm_eps"])
        self.self_attn = SelfAttention(c)
        self.post_attention_layernorm = RMSNorm(c["hidden_size"], c["rms_norm_eps"])
        self.mlp = GatedMlp(c["hidden_size"], c["intermediate_size"])

    def forward(self, x, cos, sin, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class LanguageModel(nn.Module):
    """Embeddings, decoder layers and the last norm; the head is the family's (tied or not)."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config["num_hidden_layers"]))
        self.norm = RMSNorm(config["hidden_size"], config["rms_norm_eps"])

    def forward(self, embeds, position_ids, mask, states=None):
        """`mask` is boolean [b or 1, 1, n, n], true where attention is allowed. `states` collects each layer's output."""
        cos, sin = rotary(position_ids, self.config["head_dim"], self.config["rope_theta"])
        x = embeds
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
            if states is not None:
                states.append(x)
        return self.norm(x)


# ---------------------------------------------------------------- the whole

class Qwen3VLResampler(nn.Module):
    """pixel_values and token ids to logits. State-dict names are the checkpoint's tensor names."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        text = config["text_config"]
        self.vision_tower = VisionTower(config["vision_config"])
        self.perceiver_resampler = PerceiverResampler(config["resampler_config"], text["hidden_size"])
        self.language_model = LanguageModel(text)
        self.lm_head = None if config["tie_word_embeddings"] else nn.Linear(text["hidden_size"], text["vocab_size"], bias=False)

    def head(self, hidden):
        weight = self.language_model.embed_tokens.weight if self.lm_head is None else self.lm_head.weight
        return F.linear(hidden, weight)

    def see(self, pixel_values):
        """(features [b, 64, width], visual tokens [b, 32, hidden])."""
        features = self.vision_tower(pixel_values)
        return features, self.perceiver_resampler(features)

    def embed(self, input_ids, visual_tokens=None):
        """Token embeddings with the image-pad rows replaced by the visual tokens, in order."""
        embeds = self.language_model.embed_tokens(input_ids)
        if visual_tokens is None:
            return embeds
        pads = (input_ids == self.config["image_token_id"])[..., None].expand_as(embeds)
        return embeds.masked_scatter(pads, visual_tokens.to(embeds.dtype))

    def decode(self, embeds, states=None):
        """Plain causal pass over [b, n, hidden]: logits [b, n, vocab]."""
        n = embeds.shape[1]
        mask = torch.ones(n, n, dtype=torch.bool).tril()[None, None]
        return self.head(self.language_model(embeds, torch.arange(n).expand(len(embeds), -1), mask, states))

    def forward(self, input_ids, visual_tokens=None, states=None):
        return self.decode(self.embed(input_ids, visual_tokens), states)

    @torch.no_grad()
    def generate(self, input_ids, visual_tokens=None, max_new_tokens=64, eos=None):
        """Greedy continuation of one sequence [1, n]; list of new ids. A generated image-pad token is a plain token."""
        embeds, new = self.embed(input_ids, visual_tokens), []
        for _ in range(max_new_tokens):
            new.append(int(self.decode(embeds)[0, -1].argmax()))
            if new[-1] == eos:
                break
            embeds = torch.cat([embeds, self.language_model.embed_tokens(torch.tensor([new[-1:]]))], 1)
        return new
