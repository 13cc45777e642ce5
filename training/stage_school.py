"""The decoder's school: questions about perfect visual tokens, no pictures.

Finding an item by its name is a circuit of several attention layers, and it does not form while every visual token is
still half wrong. Here the tokens are made from the records: tables of what the resampler says about a class, a colour, a
digit (least squares on its own tokens), plus noise. The tables learn along; stage B then pulls the resampler's tokens to them.

From a state of stage B the decoder starts fresh (one that learnt beside half-blind tokens has its attention set in habits); from a
finished checkpoint folder, whose decoder went to school before, it is grown and goes on (warm.py), or just goes on where it is
grown already and the folder has its parts (export.py --parts).
"""
import argparse
import os
import time
import numpy as np
import torch
import torch.nn.functional as F
import clock
import compare
import dialogs
import exam
import export
import lookups
import optimizer
import oracle
import pairs
import photos
import scenes
import sequences
import tokenizer as tokens
import warm
from modeling_qwen3_vl_resampler import LanguageModel, Qwen3VLResampler
from stage_vision import fast, save

FOREIGN = {"type": "foreign", "items": [], "tag": None, "band": 0}
SHARES = {"dialog": .13, "foreign": .04, "pair": .45, "any": .16}        # the rest: scenes of several items, what has to be looked up
UNCLEAR = .1                           # of dialogs and of price tags


def plan_of(rng, bank):
    """A scene record, or a pair."""
    draw, edges = rng.random(), np.cumsum(list(SHARES.values()))
    if draw < edges[0]:
        return {**dialogs.plan_dialog(rng), "unclear": bool(rng.random() < UNCLEAR)}
    if draw < edges[1]:
        return FOREIGN
    if draw < edges[2]:
        pair = pairs.plan_pair(rng, bank)
        return {**pair, "plans": [FOREIGN, pair["plans"][1]]} if rng.random() < .04 else pair
    plan = scenes.plan_scene(rng, bank, None if draw < edges[3] else int(rng.integers(2, 5)))
    return {**plan, "unclear": bool(plan["tag"] and rng.random() < UNCLEAR)}


class School:
    def __init__(self, args):
        self.args, self.used, self.steps = args, 0.0, 0
        bank = scenes.PhotoBank(*photos.load("train"))
        state = self.load(args, bank)
        self.pad = self.tokenizer.token_to_id("<|endoftext|>")
        self.bank = bank
        self.rng = np.random.default_rng(args.seed + self.steps)
        self.maker = sequences.RowMaker(self.tokenizer, self.rng, args.questions)
        held, val = np.random.default_rng(5), scenes.PhotoBank(*photos.load("val"))
        self.exam = exam.Exam(self.tokenizer, [plan_of(held, val) for _ in range(args.held)])
        self.lookups = lookups.Lookups(self.model, self.tokenizer)
        self.comparer = compare.Comparer(self.model, self.model.config["image_token_id"])
        self.optimizers = optimizer.build({"decoder": self.model.language_model, "oracle": self.oracle, "comparer": self.comparer}, args.lr, args.muon_lr)
        if "comparer" in state:
            self.comparer.load_state_dict(state["comparer"])
        for (o, _), saved in zip(self.optimizers, state.get("optimizers", [])):
            o.load_state_dict(saved)

    def load(self, args, bank):
        """A saved school to resume, a checkpoint folder, or a state of stage B (its decoder starts fresh)."""
        known = os.path.isdir(args.start) and os.path.exists(os.path.join(args.start, export.PARTS))
        if os.path.isdir(args.start) and not known:
            self.model, self.tokenizer = warm.load(args.start, args.folder)
            self.oracle = oracle.Oracle(self.model, self.tokenizer)
            self.oracle.look(self.model, bank, args.seed, schooled=True, batches=args.look)
            return {}
        state = export.load_state(args.start) if known else torch.load(args.start)
        self.tokenizer = tokens.load(args.start if known else args.folder)
        self.model = Qwen3VLResampler(export.config_of(self.tokenizer))
        self.model.load_state_dict(state["model"])
        self.oracle = oracle.Oracle(self.model, self.tokenizer)
        if args.resume or known:
            self.oracle.load_state_dict(state["oracle"])
            self.used, self.steps = state.get("used", 0.0), state.get("step", 0)
            return state
        self.start_anew()
        self.oracle.look(self.model, bank, args.seed, batches=args.look)
        return {}

    @torch.no_grad()
    def start_anew(self):
        """A fresh decoder."""
        self.model.language_model = LanguageModel(self.model.config["text_config"])
        self.model.language_model.embed_tokens.weight.normal_(std=.2)
        self.model.perceiver_resampler.proj.weight.mul_(.5)         # visual tokens nearer to the size of words

    def step(self, fraction):
        plans = [plan_of(self.rng, self.bank) for _ in range(self.args.batch)]
        rows = [self.maker.training_row(p) for p in plans]
        batch = sequences.collate(rows, self.pad)
        with fast():
            logits, targets, *_ = sequences.answer_logits(self.model, batch, self.oracle.tokens([p for plan in plans for p in sequences.plans_of(plan)]))
        logits = logits.float()
        looking, found = self.lookups.loss(rows, batch, plans)
        comparing, compared = self.comparer.loss(rows, plans)
        loss = F.cross_entropy(logits, targets) + self.args.look_weight * looking + self.args.compare_weight * comparing
        for o, _ in self.optimizers:
            o.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.set_rate(self.optimizers, min(1, .05 + fraction / .05) * min(1, (1 - fraction) / .6))
        for o, _ in self.optimizers:
            o.step()
        return loss.item(), looking.item(), found, compared, (logits.argmax(-1) == targets).float().mean().item()

    def report(self, minutes):
        self.model.eval()
        with fast():
            marks = self.exam.marks(self.model, self.oracle.tokens(self.exam.pictures, 0))
        self.model.train()
        print(f"school step {self.steps} {minutes:.1f} min TOLD\n{exam.table(marks)}", flush=True)
        save(f"{self.args.work}/school.pt", model=self.model.state_dict(), oracle=self.oracle.state_dict(), comparer=self.comparer.state_dict(), optimizers=[o.state_dict() for o, _ in self.optimizers],
             used=minutes * 60, step=self.steps)

    def run(self):
        spent, recent = clock.Clock(self.args.minutes, self.used, self.args.until), []
        self.report(spent.minutes)
        shown = reported = time.time()
        while (fraction := spent.fraction()) < 1:
            recent.append(self.step(fraction))
            self.steps += 1
            if self.steps % 25 == 0:
                loss, looking, found, compared, right = np.mean(recent, 0)
                print(f"school step {self.steps} {spent.minutes:.1f} min {(time.time() - shown) / 25:.3f} s/step loss {loss:.3f} looking {looking:.3f} found {found:.3f} compared {compared:.3f} right {right:.3f}", flush=True)
                recent, shown = [], time.time()
            if time.time() - reported > self.args.report * 60:
                self.report(spent.minutes)
                reported = shown = time.time()
        self.report(spent.minutes)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--until", default=None, help="HH:MM at which to stop in any case")
    parser.add_argument("--report", type=float, default=3, help="minutes between reports")
    parser.add_argument("--work", default="work")
    parser.add_argument("--folder", default="work/checkpoint", help="folder of the tokenizer")
    parser.add_argument("--start", default="work/stage-b.pt", help="a state of stage B, a finished checkpoint folder, or with --resume a saved school")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--held", type=int, default=256, help="held-out records in a report")
    parser.add_argument("--look", type=int, default=40, help="batches of scenes from which the perfect tokens are read")
    parser.add_argument("--questions", type=int, default=5)
    parser.add_argument("--look-weight", type=float, default=.3)
    parser.add_argument("--compare-weight", type=float, default=.5)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--muon-lr", type=float, default=4e-3)
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    torch.manual_seed(args.seed), torch.set_num_threads(args.threads), torch.set_flush_denormal(True)
    School(args).run()


if __name__ == "__main__":
    main()
