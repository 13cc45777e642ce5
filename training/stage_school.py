"""The decoder goes to school: questions about perfect visual tokens, no pictures, from a state of stage B.

Finding an item by its name is a circuit of several attention layers, and it does not form while every visual token is
still half wrong. Here the tokens are made from the records: tables of what the resampler says about a class, a colour, a
digit (least squares on its own tokens), plus noise. The tables learn along; stage B then pulls the resampler's tokens to them.
"""
import argparse
import time
import numpy as np
import torch
import torch.nn.functional as F
import dialogs
import export
import lookups
import optimizer
import oracle
import photos
import scenes
import sequences
import stage_joint
from modeling_qwen3_vl_resampler import LanguageModel
from stage_vision import save


class School:
    def __init__(self, args):
        self.args = args
        self.model, self.tokenizer = export.load_exported()
        self.state = torch.load(args.start)
        self.model.load_state_dict(self.state["model"])
        self.start_anew()
        self.pad = self.tokenizer.token_to_id("<|endoftext|>")
        self.bank = scenes.PhotoBank(*photos.load("train"))
        self.oracle = oracle.Oracle(self.model, self.tokenizer)
        self.rng = np.random.default_rng(args.seed)
        self.maker = sequences.RowMaker(self.tokenizer, self.rng, args.questions)
        self.held = stage_joint.held_out(self.tokenizer, scenes.PhotoBank(*photos.load("val")))
        self.lookups = lookups.Lookups(self.model, self.tokenizer)
        self.optimizers = optimizer.build({"decoder": self.model.language_model, "oracle": self.oracle}, args.lr, args.muon_lr)

    @torch.no_grad()
    def start_anew(self):
        """A fresh decoder: one that learnt beside half-blind tokens has its attention set in habits and learns nothing here."""
        self.model.language_model = LanguageModel(self.model.config["text_config"])
        self.model.language_model.embed_tokens.weight.normal_(std=.2)
        self.model.perceiver_resampler.proj.weight.mul_(.5)         # visual tokens nearer to the size of words

    def plan(self):
        """A scene record, mostly of several items: what has to be looked up."""
        draw = self.rng.random()
        return dialogs.plan_dialog(self.rng) if draw < .12 else scenes.plan_scene(self.rng, self.bank, None if draw < .4 else int(self.rng.integers(2, 5)))

    def step(self, fraction):
        plans = [self.plan() for _ in range(self.args.batch)]
        rows = [self.maker.training_row(p) for p in plans]
        batch = sequences.collate(rows, self.pad)
        logits, targets, *_ = sequences.answer_logits(self.model, batch, self.oracle.tokens(plans))
        looking, found = self.lookups.loss(rows, batch, plans)
        loss = F.cross_entropy(logits, targets) + self.args.look_weight * looking
        for o, _ in self.optimizers:
            o.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.set_rate(self.optimizers, min(1, .05 + fraction / .05) * min(1, (1 - fraction) / .6))
        for o, _ in self.optimizers:
            o.step()
        return loss.item(), looking.item(), found, (logits.argmax(-1) == targets).float().mean().item()

    def report(self, step, minutes):
        told = stage_joint.exact_match(self.model, self.held, lambda batch: self.oracle.tokens(batch["plans"], 0))
        print(f"school step {step} {minutes:.1f} min TOLD {told}", flush=True)

    def run(self):
        self.oracle.look(self.model, self.bank, self.args.seed)
        start = reported = time.time()
        step, recent = 0, []
        while (fraction := (time.time() - start) / 60 / self.args.minutes) < 1:
            recent.append(self.step(fraction))
            step += 1
            if step % 50 == 0:
                loss, looking, found, right = np.mean(recent, 0)
                print(f"school step {step} {(time.time() - start) / 60:.1f} min loss {loss:.3f} looking {looking:.3f} found {found:.3f} right {right:.3f}", flush=True)
                recent = []
            if time.time() - reported > self.args.report * 60:
                self.report(step, (time.time() - start) / 60)
                reported = time.time()
        self.report(step, (time.time() - start) / 60)
        print("SEEN", stage_joint.exact_match(self.model, self.held), flush=True)
        save(f"{self.args.work}/school.pt", **{**self.state, "model": self.model.state_dict(), "oracle": self.oracle.state_dict()})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--report", type=float, default=3, help="minutes between reports")
    parser.add_argument("--work", default="work")
    parser.add_argument("--start", default="work/stage-b.pt", help="a state of stage B")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--questions", type=int, default=5)
    parser.add_argument("--look-weight", type=float, default=.3)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--muon-lr", type=float, default=4e-3)
    args = parser.parse_args()
    torch.manual_seed(args.seed), torch.set_num_threads(2), torch.set_flush_denormal(True)
    School(args).run()


if __name__ == "__main__":
    main()
