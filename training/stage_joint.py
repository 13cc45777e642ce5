"""Stage B: the whole model on questions and answers, the auxiliary heads kept.

From stage A's tower it first teaches the resampler to see; from a state of stage_school.py it also pulls the first eight visual
tokens to those the decoder was schooled on, and for the first minutes goes on showing the decoder the perfect ones. The
schedule is wall-clock time; the rate falls linearly to zero at the end of `--minutes`. Every few minutes: held-out exact
match, a saved state and (with --export) a refreshed checkpoint folder.
"""
import argparse
import os
import time
import numpy as np
import torch
import torch.nn.functional as F
import clock
import export
import heads
import lookups
import oracle
import optimizer
import photos
import sampler
import scenes
import sequences
import talk
import tokenizer as tokens
from modeling_qwen3_vl_resampler import Qwen3VLResampler
from stage_vision import VISION, chosen_patches, fast, grown, save, validate


def held_out(tokenizer, bank, count=256):
    """Fixed validation rows: scenes of held-out photos, four questions each, smooth phrasing."""
    source = sampler.SceneSampler(bank, 5, .2, pool=100)
    rng = np.random.default_rng(6)
    maker = sequences.RowMaker(tokenizer, rng, rough=False)
    pad, out = tokenizer.token_to_id("<|endoftext|>"), []
    for _ in range(count // 64):
        batch = source.batch(64)
        asked = [[talk.ask(p, rng) for _ in range(4)] for p in batch["plans"]]
        out.append((batch, asked, sequences.collate([maker.question_row(q) for q in asked], pad)))
    return out


@torch.no_grad()
def exact_match(model, held, tokens=None):
    """{kind/scene: per cent} of questions whose greedy answer is exactly right (teacher-forced argmax says the same).

    `tokens` makes visual tokens of a batch otherwise than by looking at its pictures."""
    model.eval()
    tally = {}
    for batch, asked, rows in held:
        visual = tokens(batch) if tokens else model.see(sampler.patches(batch["pixels"]))[1]
        logits, targets, row, column = sequences.answer_logits(model, rows, visual)
        wrong = set(zip(row[(bad := logits.argmax(-1) != targets)].tolist(), rows["segments"][row[bad], column[bad]].tolist()))
        for n, questions in enumerate(asked):
            scene = "desk" if not batch["plans"][n]["items"] else "one" if len(batch["plans"][n]["items"]) == 1 else "crowd"
            for s, q in enumerate(questions, 1):
                name = f"{q['kind']}/{scene}" if q["kind"] in ("class", "describe") else q["kind"]
                hits, total = tally.get(name, (0, 0))
                tally[name] = (hits + ((n, s) not in wrong), total + 1)
    model.train()
    return heads.percents(tally)


def rate(fraction, warmup=.015):
    return min(1, .05 + fraction / warmup) * min(1, (1 - fraction) / .85)


def keep_of(fraction):
    """Patches looked at: most of them at first, all of them for the last stretch."""
    return 40 if fraction < .85 else 64


class Trainer:
    def __init__(self, args):
        self.args = args
        self.tokenizer = tokens.load(export.CHECKPOINT)
        self.config = export.config_of(self.tokenizer)
        self.pad = self.tokenizer.token_to_id("<|endoftext|>")
        self.model = Qwen3VLResampler(self.config)
        self.heads = heads.PatchHeads(self.config["vision_config"]["hidden_size"])
        self.token_heads = heads.TokenHeads(self.config["text_config"]["hidden_size"])
        self.slot_heads = heads.SlotHeads(self.config["text_config"]["hidden_size"])
        torch.nn.init.normal_(self.model.language_model.embed_tokens.weight, std=.2)
        self.oracle = oracle.Oracle(self.model, self.tokenizer).requires_grad_(False)
        self.schooled = False
        self.bank = scenes.PhotoBank(*photos.load("train"))
        self.load()
        self.lookups = lookups.Lookups(self.model, self.tokenizer)
        self.teacher = heads.TeacherLabels(f"{args.work}/teacher-train.npz")
        self.source = sampler.Replay(sampler.SceneSampler(self.bank, args.seed, .2, self.teacher))
        self.maker = sequences.RowMaker(self.tokenizer, np.random.default_rng(args.seed + 1), args.questions)
        self.held = held_out(self.tokenizer, scenes.PhotoBank(*photos.load("val")))
        self.sight = optimizer.build({"tower": self.model.vision_tower, "heads": self.heads}, args.lr * .7, args.muon_lr * .7)
        self.talk = optimizer.build({"resampler": self.model.perceiver_resampler, "decoder": self.model.language_model, "token_heads": self.token_heads, "slot_heads": self.slot_heads}, args.lr, args.muon_lr)

    def load(self):
        """Stage A's tower, a state of this stage or the school, or an exported folder (see there)."""
        if os.path.isdir(self.args.start):
            return self.load_exported()
        state = torch.load(self.args.start)
        if "model" in state:
            self.model.load_state_dict(state["model"])
        else:
            self.model.vision_tower.load_state_dict(state["tower"])
        self.schooled = "oracle" in state
        for name, module in self.parts().items():
            if name in state and name != "model":
                module.load_state_dict(state[name])

    def load_exported(self):
        """A finished checkpoint, its tower made deeper or replaced by stage A's. The heads start new, and the tokens its decoder
        was schooled on are read off its own: they stay where they are while the tower changes."""
        finished = export.load_exported(self.args.start)[0]
        self.oracle.model = [finished]
        self.oracle.look(finished, self.bank, self.args.seed, schooled=True)
        self.schooled = True
        told = exact_match(finished, held_out(self.tokenizer, scenes.PhotoBank(*photos.load("val"))), lambda batch: self.oracle.tokens(batch["plans"], 0))
        print("told the truth:", told, flush=True)
        state = finished.state_dict()
        tower = {n.removeprefix("vision_tower."): t for n, t in state.items() if n.startswith("vision_tower.")}
        rest = {n: t for n, t in state.items() if not n.startswith("vision_tower.")}
        if self.args.tower:
            seen = torch.load(self.args.tower)
            tower = seen["tower"]
            self.heads.load_state_dict(seen["head"])
        self.model.load_state_dict({**rest, **{f"vision_tower.{n}": t for n, t in grown(tower, VISION["depth"]).items()}})
        self.oracle.model = [self.model]

    def parts(self):
        """What a saved state holds."""
        parts = {"model": self.model, "head": self.heads, "token_head": self.token_heads, "slot_head": self.slot_heads}
        return {**parts, "oracle": self.oracle} if self.schooled else parts

    def step(self, fraction, still):
        """One optimisation step; returns the losses to print."""
        batch = self.source.batch(self.args.batch)
        keep = chosen_patches(batch, keep_of(fraction))
        talked = self.args.talked
        rows = [self.maker.training_row(p) for p in batch["plans"][:talked]]
        rows += [self.maker.small_talk()] if self.maker.rng.random() < .2 else []
        collated = sequences.collate(rows, self.pad)
        with fast():
            features = self.model.vision_tower(sampler.patches(batch["pixels"]), keep)
            visual = self.model.perceiver_resampler(features[:self.args.mapped]).float()
            shown = self.oracle.tokens(batch["plans"][:talked]) if still and self.schooled else visual[:talked]
            logits, targets, *_ = sequences.answer_logits(self.model, collated, shown)
        words = F.cross_entropy(logits.float(), targets)
        looking, found = self.lookups.loss(rows, collated, batch["plans"])
        labels = {k: v.gather(1, keep) for k, v in batch["labels"].items()}
        aux, parts = heads.loss_of(self.heads(features), labels, batch["photo"].gather(1, keep), self.teacher)
        tokens, token_parts = self.token_loss(visual, batch, keep)
        slots, slot_parts = self.slot_heads.loss(visual, batch["plans"][:len(visual)])
        far = self.oracle.distance(visual, batch["plans"][:len(visual)]) if self.schooled else torch.zeros(())
        total = words * self.args.word_weight + aux + self.args.token_weight * tokens + self.args.slot_weight * slots
        self.update(total + self.args.look_weight * looking + self.args.far_weight * far, fraction)
        return {"words": words, "right": (logits.argmax(-1) == targets).float().mean(), **{k: parts[k] for k in ("class", "soft", "feature", "left")},
                "far": far, "found": torch.tensor(found), **{f"token-{k}": token_parts[k] for k in ("class", "left")}, **slot_parts}

    def token_loss(self, visual, batch, keep):
        """What the visual tokens say about their two patches; patches that were not looked at do not count."""
        n = len(visual)
        seen = torch.zeros(batch["slots"].shape, dtype=torch.bool).scatter(1, keep, True)[:n]
        labels = {k: torch.where(seen, v[:n], -100) for k, v in batch["labels"].items()}
        return heads.loss_of(self.token_heads(visual), labels, torch.where(seen, batch["photo"][:n], -1), None)

    def update(self, loss, fraction):
        moving = self.talk + self.sight
        for o, _ in moving:
            o.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.set_rate(moving, rate(fraction))
        for o, _ in moving:
            o.step()

    def report(self, step, minutes):
        seen = validate(self.model.vision_tower, self.heads, [b for b, _, _ in self.held])
        print(f"B step {step} {minutes:.1f} min HELD-OUT {exact_match(self.model, self.held)} | heads {seen}", flush=True)
        save(f"{self.args.work}/stage-b.pt", step=step, **{name: part.state_dict() for name, part in self.parts().items()})
        if self.args.export:
            export.export(self.model.state_dict(), self.config)

    def run(self):
        spent, step = clock.Clock(self.args.minutes), 0
        shown = reported = time.time()
        while (fraction := spent.fraction()) < 1:
            parts = self.step(fraction, spent.minutes < self.args.still)
            step += 1
            if step % 25 == 0:
                print(f"B step {step} {spent.minutes:.1f} min {(time.time() - shown) / 25:.3f} s/step "
                      + " ".join(f"{k} {v.item():.3f}" for k, v in parts.items()), flush=True)
                shown = time.time()
            if time.time() - reported > self.args.report * 60:
                self.report(step, spent.minutes)
                reported = shown = time.time()
        self.report(step, spent.minutes)
        print(f"B done: {step} steps, {step * self.args.batch} scenes", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--still", type=float, default=0, help="minutes in which a schooled decoder goes on looking at perfect tokens")
    parser.add_argument("--report", type=float, default=6, help="minutes between reports")
    parser.add_argument("--work", default="work")
    parser.add_argument("--start", default="work/stage-a.pt", help="stage A's weights, a stage B state, or an exported checkpoint folder to go on from")
    parser.add_argument("--tower", default=None, help="with an exported folder: stage A's tower and heads in place of its own")
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--talked", type=int, default=40, help="scenes of a batch that are asked about; the heads learn from all")
    parser.add_argument("--mapped", type=int, default=80, help="scenes of a batch whose visual tokens are supervised")
    parser.add_argument("--token-weight", type=float, default=1.0)
    parser.add_argument("--slot-weight", type=float, default=1.0)
    parser.add_argument("--look-weight", type=float, default=.2)
    parser.add_argument("--far-weight", type=float, default=3.0)
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--muon-lr", type=float, default=3e-3)
    parser.add_argument("--word-weight", type=float, default=1.5)
    parser.add_argument("--export", action="store_true", help="refresh the checkpoint folder at each report")
    args = parser.parse_args()
    torch.manual_seed(args.seed), torch.set_num_threads(2), torch.set_flush_denormal(True)
    Trainer(args).run()


if __name__ == "__main__":
    main()
