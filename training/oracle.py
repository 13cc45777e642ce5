"""What perfect visual tokens would be: made from scene records instead of pictures, for training only."""
import torch
import torch.nn as nn
import torch.nn.functional as F
import heads
import sampler
import talk

NOISE = .3                            # share of the resampler's own spread added to the tokens
GAIN = 4.                             # length of a word's embedding in an item's token


def features_of(plans):
    """One-hot rows of what tokens 0..3 (items), 4..6 (digits) and 7 (scene) should say: [b, 8, features]."""
    items, digits, scene = heads.slot_targets(plans)
    b = len(plans)
    one_hot = lambda t, n: F.one_hot(t, n).float()
    place = items["place"].masked_fill(items["place"] < 0, heads.ITEM_SIZES["place"] - 1)
    of_items = torch.cat([one_hot({**items, "place": place}[n], size) for n, size in heads.ITEM_SIZES.items()], -1)
    of_digits = (one_hot(digits, 11)[:, :, None] * torch.eye(3)[:, :, None]).flatten(2)
    of_scene = torch.cat([one_hot(scene[n], size) for n, size in heads.SCENE_SIZES.items()], -1)[:, None]
    parts = [torch.cat([torch.eye(4).expand(b, 4, 4), of_items], -1), of_digits, of_scene]
    width = [p.shape[-1] for p in parts]
    return torch.cat([F.pad(p, (sum(width[:n]), sum(width[n + 1:]))) for n, p in enumerate(parts)], 1)


class Oracle(nn.Module):
    """Visual tokens from scene records: a table row for each fact, summed. Tokens 8 to 31 are constants.

    To an item's token the word embeddings of its class, colour, pattern and place are added, both languages, so that a
    question's word and the token it is about are alike before any attention has learnt to look."""

    def __init__(self, model, tokenizer):
        super().__init__()
        self.words, self.model = words_of(tokenizer), [model]                  # a list: its parameters are not this module's
        hidden = model.config["text_config"]["hidden_size"]
        features = 4 + sum(heads.ITEM_SIZES.values()) + 33 + sum(heads.SCENE_SIZES.values())
        self.facts = nn.Parameter(torch.zeros(features, hidden))
        self.others = nn.Parameter(torch.zeros(24, hidden), requires_grad=False)
        self.spread = nn.Parameter(torch.zeros(8, hidden), requires_grad=False)

    @torch.no_grad()
    def look(self, model, bank, seed, schooled=False, batches=40):
        """Fit the tables on what a model's resampler says now."""
        source, tokens, plans = sampler.SceneSampler(bank, seed, .25, pool=400, plain=True), [], []
        for _ in range(batches):
            batch = source.batch(64)
            tokens.append(model.see(sampler.patches(batch["pixels"]))[1])
            plans += batch["plans"]
        self.fit(torch.cat(tokens), plans, schooled)

    @torch.no_grad()
    def fit(self, tokens, plans, schooled=False):
        """Tables that predict the resampler's tokens [b, 32, hidden] best; `spread` is what they leave unsaid.

        Tokens of a schooled model hold the names already: they are not counted twice."""
        rows = features_of(plans)
        x, y = rows.flatten(0, 1), tokens[:, :8].flatten(0, 1)
        self.facts.copy_(torch.linalg.solve(x.T @ x + .5 * torch.eye(x.shape[1]), x.T @ y))
        self.spread.copy_((tokens[:, :8] - rows @ self.facts).std(0))
        self.others.copy_(tokens[:, 8:].mean(0))
        at = rows.shape[-1] - sum(heads.SCENE_SIZES.values()) + heads.SCENE_SIZES["count"]
        currency, foreign, unclear = at, at + heads.SCENE_SIZES["currency"] + 6, rows.shape[-1] - 1
        if schooled:
            self.facts -= self.named()
        else:
            self.facts[currency:currency + 3] *= 3          # faint in the tokens so far, and faint facts are learnt slowly
        for new in (foreign, unclear):
            if not rows[..., new].any():                    # never shown so far: a direction of its own
                size = self.facts[foreign - 6:foreign].norm(dim=-1).mean()
                self.facts[new] = size * F.normalize(torch.randn(self.facts.shape[1]), dim=0)

    def named(self):
        """What each fact is called: [features, hidden], zero where it has no word."""
        rows, embeddings = torch.zeros_like(self.facts), self.model[0].language_model.embed_tokens.weight
        for feature, spellings in self.words.items():
            means = torch.stack([embeddings[torch.tensor(ids)].mean(0) for ids in spellings])
            rows[feature] = GAIN * F.normalize(means, dim=-1).sum(0)
        return rows

    def forward(self, plans):
        """What the first eight visual tokens should be: [b, 8, hidden]."""
        return features_of(plans) @ (self.facts + self.named())

    def distance(self, visual, plans):
        """How far the resampler's tokens [b, 32, hidden] are from the perfect ones, relative to their size."""
        with torch.no_grad():
            wanted = self(plans)
        return F.mse_loss(visual[:, :8], wanted) / wanted.square().mean()

    def tokens(self, plans, noise=NOISE):
        clean = self(plans)
        return torch.cat([clean + noise * self.spread * torch.randn_like(clean), self.others.expand(len(plans), -1, -1)], 1)


def words_of(tokenizer):
    """{feature: [token ids of its name in each language]} for the facts of items."""
    names = {"class": talk.ITEMS, "colour": talk.TINT, "pattern": talk.PATTERN, "place": {l: [t[p] for p in heads.PLACES] for l, t in talk.PLACE.items()}}
    out, at = {}, 4
    for field, size in heads.ITEM_SIZES.items():
        for n, (en, zh) in enumerate(zip(names[field]["en"], names[field]["zh"])):
            out[at + n] = [tokenizer.encode(" " + en).ids, tokenizer.encode(zh).ids]
        at += size
    return out
