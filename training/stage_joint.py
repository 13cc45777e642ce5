"""Stage B: the whole model on questions and answers, the auxiliary heads kept.

From stage A's tower it first teaches the resampler to see; from a state of stage_school.py it also pulls the first eight visual
tokens to those the decoder was schooled on, and for the first minutes goes on showing the decoder the perfect ones. The
schedule is wall-clock time; the rate falls linearly to zero at the end of `--minutes`, or at the time of day `--until`. Every few
minutes: held-out exact match, a saved state and (with --export) a refreshed checkpoint folder.
"""
import argparse
import os
import time
import numpy as np
import torch
import torch.nn.functional as F
import clock
import compare
import exam
import export
import foreign
import heads
import lookups
import oracle
import optimizer
import photos
import sampler
import scenes
import sequences
import tokenizer as tokens
from modeling_qwen3_vl_resampler import Qwen3VLResampler
from stage_vision import chosen_patches, fast, save, validate


def held_out(bank, pictures, count=224, seed=5):
    """(records with pairs, pixels) of held-out photos; the foreign pictures are those kept for tests."""
    source = sampler.SceneSampler(bank, seed, .2, pool=150, foreign=pictures)
    batch = source.batch(count)
    plans, pixels = batch["plans"], batch["pixels"]
    return asked_plans(plans, [n for n, p in enumerate(plans) if p.get("twin")]), pixels, batch


def asked_plans(plans, twins):
    """Records and pairs, in the order of the pictures: a twin makes a pair with the one before it."""
    out = []
    for n, plan in enumerate(plans):
        if n in twins and plans[n - 1]["items"]:
            out[-1] = {"type": "pair", "plans": [plans[n - 1], plan], "items": [], "tag": None}
        else:
            out.append(plan)
    return out


def rate(fraction, warmup=.015):
    return min(1, .05 + fraction / warmup) * min(1, (1 - fraction) / .85)


def keep_of(fraction):
    """Patches looked at: most of them at first, all of them for the last stretch."""
    return 40 if fraction < .85 else 64


class Trainer:
    def __init__(self, args):
        self.args, self.used, self.steps = args, 0.0, 0
        self.tokenizer = tokens.load(args.folder)
        self.config = export.config_of(self.tokenizer)
        self.pad = self.tokenizer.token_to_id("<|endoftext|>")
        self.model = Qwen3VLResampler(self.config)
        self.heads = heads.PatchHeads(self.config["vision_config"]["hidden_size"])
        self.token_heads = heads.TokenHeads(self.config["text_config"]["hidden_size"])
        self.slot_heads = heads.SlotHeads(self.config["text_config"]["hidden_size"])
        torch.nn.init.normal_(self.model.language_model.embed_tokens.weight, std=.2)
        self.oracle = oracle.Oracle(self.model, self.tokenizer).requires_grad_(False)
        self.comparer = compare.Comparer(self.model, self.config["image_token_id"])
        self.bank = scenes.PhotoBank(*photos.load("train"))
        state = self.load()
        self.lookups = lookups.Lookups(self.model, self.tokenizer)
        self.teacher = heads.TeacherLabels.found(f"{args.work}/teacher-train.npz")
        pictures = foreign.training_pictures(f"{args.work}/pictures.npz")
        self.source = sampler.Replay(sampler.SceneSampler(self.bank, args.seed + self.steps, .2, foreign=pictures), uses=args.uses)
        self.maker = sequences.RowMaker(self.tokenizer, np.random.default_rng(args.seed + 1 + self.steps), args.questions)
        plans, self.held, self.held_batch = held_out(scenes.PhotoBank(*photos.load("val")), foreign.Foreign([p for _, p in foreign.test_pictures()]), args.held)
        self.exam = exam.Exam(self.tokenizer, plans, phrasings=("plain", "held"))
        sight = {"tower": self.model.vision_tower, "resampler": self.model.perceiver_resampler}
        rest = {"decoder": self.model.language_model, "heads": self.heads, "token_heads": self.token_heads, "slot_heads": self.slot_heads, "comparer": self.comparer}
        self.sight, self.talk = optimizer.build(sight, args.lr * args.sight_rate, args.muon_lr * args.sight_rate), optimizer.build(rest, args.lr, args.muon_lr)
        for (o, _), saved in zip(self.sight + self.talk, state.get("optimizers", [])):
            o.load_state_dict(saved)

    def load(self):
        """Stage A's tower, or a state of this stage or of the school, or a folder that export.py wrote with --parts; with --resume a state's optimisers, steps and time too."""
        state = export.saved_state(self.args.start)
        if "model" in state:
            self.model.load_state_dict(state["model"])
        else:
            self.model.vision_tower.load_state_dict(state["tower"])
        self.schooled = "oracle" in state
        for name, module in self.parts().items():
            if name in state and name != "model":
                module.load_state_dict(state[name])
        if not self.args.resume:
            return {}
        self.used, self.steps = state["used"], state["step"]
        return state

    def parts(self):
        """What a saved state holds."""
        parts = {"model": self.model, "head": self.heads, "token_head": self.token_heads, "slot_head": self.slot_heads, "comparer": self.comparer}
        return {**parts, "oracle": self.oracle} if self.schooled else parts

    def step(self, fraction, still, settling):
        """One optimisation step; returns the losses to print. While new heads settle, they learn alone."""
        batch = self.source.batch(self.args.batch)
        keep = chosen_patches(batch, keep_of(fraction))
        talked = self.args.talked
        asked = asked_plans(batch["plans"][:talked], range(1, 2 * batch["pairs"], 2))
        rows = [self.maker.training_row(p) for p in asked]
        rows += [self.maker.small_talk()] if self.maker.rng.random() < .2 else []
        collated = sequences.collate(rows, self.pad)
        with fast():
            features = self.model.vision_tower(sampler.patches(batch["pixels"]), keep)
            visual = self.model.perceiver_resampler(features[:self.args.mapped]).float()
            shown = self.oracle.tokens(batch["plans"][:talked]) if still and self.schooled else visual[:talked]
            logits, targets, *_ = sequences.answer_logits(self.model, collated, shown)
        words = F.cross_entropy(logits.float(), targets)
        looking, found = self.lookups.loss(rows, collated, asked)
        comparing, compared = self.comparer.loss(rows, asked)
        labels = {k: v.gather(1, keep) for k, v in batch["labels"].items()}
        read, spoken = (features.detach(), visual.detach()) if settling else (features, visual)
        aux, parts = heads.loss_of(self.heads(read.float()), labels, batch["photo"].gather(1, keep), self.teacher)
        tokens_said, token_parts = self.token_loss(spoken, batch, keep)
        slots, slot_parts = self.slot_heads.loss(spoken, batch["plans"][:len(visual)])
        far = self.oracle.distance(visual, batch["plans"][:len(visual)]) if self.schooled else torch.zeros(())
        total = words * self.args.word_weight + aux + self.args.token_weight * tokens_said + self.args.slot_weight * slots
        self.update(total + self.args.look_weight * looking + self.args.far_weight * far + self.args.compare_weight * comparing, fraction)
        return {"words": words, "right": (logits.argmax(-1) == targets).float().mean(), **{k: parts[k] for k in ("class", "soft", "feature", "left") if k in parts},
                "far": far, "found": torch.tensor(found), "compared": torch.tensor(compared), **{f"token-{k}": token_parts[k] for k in ("class", "left")}, **slot_parts}

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

    @torch.no_grad()
    def report(self, minutes):
        self.model.eval()
        with fast():
            visual = torch.cat([self.model.see(sampler.patches(part))[1] for part in self.held.split(64)]).float()
            marks = self.exam.marks(self.model, visual)
            seen = validate(self.model.vision_tower, self.heads, [self.held_batch])
        self.model.train()
        print(f"B step {self.steps} {minutes:.1f} min HELD-OUT heads {seen}\n{exam.table(marks)}", flush=True)
        self.save(minutes)
        if self.args.export:
            export.export(self.model.state_dict(), self.config, self.args.folder)

    def save(self, minutes):
        save(f"{self.args.work}/stage-b.pt", step=self.steps, used=minutes * 60, optimizers=[o.state_dict() for o, _ in self.sight + self.talk],
             **{name: part.state_dict() for name, part in self.parts().items()})

    def run(self):
        spent = clock.Clock(self.args.minutes, self.used, self.args.until)
        shown = reported = saved = time.time()
        while (fraction := spent.fraction()) < 1:
            parts = self.step(fraction, spent.minutes < self.args.still, spent.minutes < self.args.settle)
            self.steps += 1
            if self.steps % 25 == 0:
                print(f"B step {self.steps} {spent.minutes:.1f} min {(time.time() - shown) / 25:.3f} s/step "
                      + " ".join(f"{k} {v.item():.3f}" for k, v in parts.items()), flush=True)
                shown = time.time()
            if time.time() - saved > 150:
                self.save(spent.minutes)
                saved = time.time()
            if time.time() - reported > self.args.report * 60:
                self.report(spent.minutes)
                reported = shown = time.time()
        self.report(spent.minutes)
        print(f"B done: {self.steps} steps, {self.steps * self.args.batch} scenes", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--still", type=float, default=0, help="minutes in which a schooled decoder goes on looking at perfect tokens")
    parser.add_argument("--report", type=float, default=6, help="minutes between reports")
    parser.add_argument("--work", default="work")
    parser.add_argument("--start", default="work/stage-a.pt", help="stage A's weights, or a state of the school or of this stage, or a folder of export.py --parts")
    parser.add_argument("--resume", action="store_true", help="go on where the state of this stage was left: its optimisers, steps and time")
    parser.add_argument("--until", default=None, help="HH:MM at which to stop in any case")
    parser.add_argument("--folder", default="work/checkpoint", help="folder of the tokenizer, and of what --export writes")
    parser.add_argument("--settle", type=float, default=0, help="minutes in which new heads learn without moving what they read")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--uses", type=int, default=3, help="times that a scene is learnt from, on average")
    parser.add_argument("--sight-rate", type=float, default=.7, help="the learning rate of tower and resampler, as a share of the rest's")
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--talked", type=int, default=40, help="scenes of a batch that are asked about; the heads learn from all")
    parser.add_argument("--mapped", type=int, default=80, help="scenes of a batch whose visual tokens are supervised")
    parser.add_argument("--held", type=int, default=224, help="held-out scenes in a report")
    parser.add_argument("--token-weight", type=float, default=1.0)
    parser.add_argument("--slot-weight", type=float, default=1.0)
    parser.add_argument("--look-weight", type=float, default=.2)
    parser.add_argument("--compare-weight", type=float, default=.5)
    parser.add_argument("--far-weight", type=float, default=3.0)
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--muon-lr", type=float, default=3e-3)
    parser.add_argument("--word-weight", type=float, default=1.5)
    parser.add_argument("--export", action="store_true", help="refresh the checkpoint folder at each report")
    args = parser.parse_args()
    torch.manual_seed(args.seed), torch.set_num_threads(args.threads), torch.set_flush_denormal(True)
    Trainer(args).run()


if __name__ == "__main__":
    main()
