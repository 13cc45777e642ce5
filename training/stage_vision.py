"""Stage A: the vision tower alone, under the per-patch heads. Scenes are made on the fly and never repeat.

The schedule is wall-clock time: `--minutes` is the budget and the learning rate knows nothing else.
To spend it on items rather than on empty ground, only `KEEP` of 64 patches are looked at, the covered ones first.
Products run in bf16 (autocast), which processors with AVX512_BF16 do five times as fast; weights and optimisers are fp32.
"""
import argparse
import os
import time
import torch
import clock
import foreign
import heads
import optimizer
import photos
import safe
import sampler
import scenes
from modeling_qwen3_vl_resampler import VisionTower

KEEP = 36
VISION = {"depth": 6, "hidden_size": 192, "intermediate_size": 768, "num_heads": 6, "in_channels": 3, "patch_size": 14, "image_size": 112,
          "layer_norm_eps": 1e-6, "hidden_act": "gelu_pytorch_tanh"}


def chosen_patches(batch, keep):
    """Indices [b, keep]: marked and covered patches first, then half-covered ones, then ground, at random."""
    slots, labels = batch["slots"], batch["labels"]
    marked = (labels["left"] != 10) | (labels["right"] != 10) | (labels["kind"] != 5)
    worth = torch.rand(slots.shape) + 2.0 * marked + .75 * (slots >= 0) + .6 * (slots == -2)
    return worth.topk(keep, 1).indices.sort(1).values


def grown(state, depth):
    """The weights of a shallower tower as those of a deeper one that computes the same: copies of its inner blocks, each
    behind its original, whose last products are zero."""
    old = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
    copied = {1 + n for n in range(depth - old)}
    order = [(n, twin) for n in range(old) for twin in ([False, True] if n in copied else [False])]
    out = {name: t for name, t in state.items() if not name.startswith("blocks.")}
    for new, (n, twin) in enumerate(order):
        prefix = f"blocks.{n}."
        for name, t in state.items():
            if name.startswith(prefix):
                part = name.removeprefix(prefix)
                out[f"blocks.{new}.{part}"] = torch.zeros_like(t) if twin and part.split(".")[1] in ("proj", "fc2") else t.clone()
    return out


def fast():
    """Products in bf16 inside, where the processor has them."""
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported())


def validate(tower, head, source, count=6, size=64):
    tower.eval()
    tally = {}
    with torch.no_grad():
        for batch in source[:count]:
            out = head(tower(sampler.patches(batch["pixels"])))
            for name, (h, t) in heads.score(out, batch["labels"], batch["slots"], batch["plans"]).items():
                old = tally.get(name, (0, 0))
                tally[name] = (old[0] + h, old[1] + t)
    tower.train()
    return heads.percents(tally)


def save(path, **state):
    torch.save(state, path + ".part")
    os.replace(path + ".part", path)


def rate(fraction, warmup=.02, floor=.5):
    """Short warm-up, flat, then a gentle slope: stage B goes on from here."""
    return min(1, .05 + fraction / warmup) * (1 if fraction < .6 else 1 - (1 - floor) * (fraction - .6) / .4)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=36)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", default="work")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--held", type=int, default=8, help="batches of held-out scenes in a report")
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--muon-lr", type=float, default=3e-3)
    parser.add_argument("--resume", default=None, help="start from this stage-a.pt (weights only)")
    parser.add_argument("--from-exported", default=None, help="start from the tower of this checkpoint folder, made deeper if it must be")
    args = parser.parse_args()
    torch.manual_seed(11), torch.set_num_threads(2), torch.set_flush_denormal(True)
    teacher = heads.TeacherLabels.found(f"{args.work}/teacher-train.npz")
    pictures = foreign.training_pictures(f"{args.work}/pictures.npz")
    train = sampler.Replay(sampler.SceneSampler(scenes.PhotoBank(*photos.load("train")), args.seed, .16, foreign=pictures))
    held = sampler.SceneSampler(scenes.PhotoBank(*photos.load("val")), 2, .16, pool=200)
    held = [held.batch(64) for _ in range(args.held)]
    tower, head = VisionTower(VISION), heads.PatchHeads(VISION["hidden_size"])
    if args.resume:
        state = torch.load(args.resume)
        tower.load_state_dict(state["tower"]), head.load_state_dict(state["head"])
    if args.from_exported:
        weights = safe.load(os.path.join(args.from_exported, "model.safetensors"))
        own = {name.removeprefix("vision_tower."): t.float() for name, t in weights.items() if name.startswith("vision_tower.")}
        tower.load_state_dict(grown(own, VISION["depth"]))
    optimizers = optimizer.build({"tower": tower, "head": head}, args.lr, args.muon_lr)
    spent, step, made, shown, saved = clock.Clock(args.minutes), 0, 0.0, time.time(), time.time()
    while (fraction := spent.fraction()) < 1:
        t = time.time()
        batch = train.batch(args.batch)
        made += time.time() - t
        keep = chosen_patches(batch, KEEP)
        labels = {k: v.gather(1, keep) for k, v in batch["labels"].items()}
        with fast():
            features = tower(sampler.patches(batch["pixels"]), keep)
        out = head(features.float())
        loss, parts = heads.loss_of(out, labels, batch["photo"].gather(1, keep), teacher)
        for o, _ in optimizers:
            o.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.set_rate(optimizers, rate(fraction))
        for o, _ in optimizers:
            o.step()
        step += 1
        if step % 50 == 0:
            print(f"A step {step} {spent.minutes:.1f} min {(time.time() - shown) / 50:.3f} s/step (making {made / 50:.3f}) "
                  + " ".join(f"{k} {v.item():.3f}" for k, v in parts.items()), flush=True)
            shown, made = time.time(), 0.0
        if step % 500 == 0:
            print(f"A step {step} held-out {validate(tower, head, held)}", flush=True)
        if time.time() - saved > 150:
            save(f"{args.work}/stage-a.pt", tower=tower.state_dict(), head=head.state_dict(), step=step)
            saved = time.time()
    save(f"{args.work}/stage-a.pt", tower=tower.state_dict(), head=head.state_dict(), step=step)
    print(f"A done: {step} steps, {step * args.batch} scenes, {spent.minutes:.1f} min, held-out {validate(tower, head, held, 8)}", flush=True)


if __name__ == "__main__":
    main()
