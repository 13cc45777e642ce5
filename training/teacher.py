"""A small convolutional teacher for the product classes, dropped after training.

It sees the clean 28x28 training photos and hands two things to the student's per-patch heads: soft class
probabilities and a 96-number feature of each photo. Plain labels say 3.3 bits a photo; these say more, and
the student, which has only minutes on two cores, learns faster from them. Test photos are never shown to it.
"""
import argparse
import time
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import photos

WIDTH = 24


def conv(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Teacher(nn.Module):
    """28x28 -> 14x14 -> 7x7 -> mean -> 96 features -> 10 classes."""

    def __init__(self, width=WIDTH):
        super().__init__()
        w = width
        self.body = nn.Sequential(
            nn.Conv2d(1, w, 5, stride=1, padding=2, bias=False), nn.BatchNorm2d(w), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            conv(w, 2 * w), conv(2 * w, 2 * w), nn.MaxPool2d(2),
            conv(2 * w, 4 * w), conv(4 * w, 4 * w))
        self.norm = nn.BatchNorm1d(4 * w)
        self.head = nn.Linear(4 * w, 10)

    def forward(self, x):
        features = self.norm(self.body(x).amax((2, 3)))
        return self.head(F.dropout(features, 0.3, self.training)), features


def augment(x):
    """One flip and one shift of up to two pixels for the whole batch, one erased rectangle."""
    if np.random.rand() < 0.5:
        x = x.flip(-1)
    dy, dx = np.random.randint(-2, 3, 2)
    x = torch.roll(x, (int(dy), int(dx)), (2, 3)).clone()
    top, left = np.random.randint(0, 22, 2)
    half = len(x) // 2
    x[:half, :, top:top + 7, left:left + 7] = float(np.random.rand())
    return x


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        hits = sum((model(a)[0].argmax(1) == b).sum().item() for a, b in zip(x.split(500), y.split(500)))
    model.train()
    return hits / len(y)


def label(model, x):
    """Mean over flips and dropout-free passes: probabilities and features, float16."""
    model.eval()
    logits, features = [], []
    with torch.no_grad():
        for part in x.split(500):
            a, b = model(part), model(part.flip(-1))
            logits.append((a[0] + b[0]) / 2)
            features.append((a[1] + b[1]) / 2)
    return torch.cat(logits), torch.cat(features)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--out", default="work/teacher.npz")
    args = parser.parse_args()
    torch.manual_seed(1), np.random.seed(1), torch.set_num_threads(2)
    data = {s: photos.load(s) for s in ("train", "val")}
    x, y = {}, {}
    for s, (p, l) in data.items():
        x[s] = ((torch.from_numpy(p.copy()).float() / 255 - 0.29) / 0.35)[:, None].contiguous(memory_format=torch.channels_last)
        y[s] = torch.from_numpy(l)
    model = Teacher().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.02)
    start, epoch, batch = time.time(), 0, 128
    while (elapsed := (time.time() - start) / 60 / args.minutes) < 1:
        order = torch.randperm(len(y["train"]))
        for step, index in enumerate(order.split(batch)):
            elapsed = (time.time() - start) / 60 / args.minutes
            if elapsed >= 1:
                break
            optimizer.param_groups[0]["lr"] = 4e-3 * min(1, elapsed * 20 + 0.05) * (1 - elapsed)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported()):
                logits = model(augment(x["train"][index]))[0]
            loss = F.cross_entropy(logits.float(), y["train"][index], label_smoothing=0.05)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            if step % 100 == 0:
                print(f"epoch {epoch} step {step} {(time.time()-start)/60:.1f} min loss {loss.item():.3f}", flush=True)
        epoch += 1
        print(f"epoch {epoch} {(time.time()-start)/60:.1f} min val {accuracy(model, x['val'], y['val']):.4f}", flush=True)
    for s in ("train", "val"):
        logits, features = label(model, x[s])
        np.savez(args.out.replace(".npz", f"-{s}.npz"), logits=logits.half().numpy(), features=features.half().numpy())
        print(s, "accuracy", (logits.argmax(1) == y[s]).float().mean().item())


if __name__ == "__main__":
    main()
