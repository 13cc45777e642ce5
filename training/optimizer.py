"""Muon for the hidden matrices, AdamW for the rest, behind one object; lr is set per step from the clock."""
import torch


def orthogonalize(x, steps=4):
    """The nearest semi-orthogonal matrices, about, of a stack [n, rows <= columns]: Newton-Schulz (Jordan et al. 2024), in bf16 where that is fast."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = x / (x.flatten(1).norm(dim=1)[:, None, None] + 1e-7)
    x = x.bfloat16() if torch.cpu._is_avx512_bf16_supported() else x
    for _ in range(steps):
        s = x @ x.mT
        x = a * x + (b * s + c * s @ s) @ x
    return x.float()


class Muon(torch.optim.Optimizer):
    """Momentum whose direction is orthogonalised; step size scaled so that AdamW's learning rates fit."""

    def __init__(self, params, lr, momentum=.95, weight_decay=.05):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            stacks = {}
            for p in group["params"]:
                if p.grad is not None:
                    m = self.state[p].setdefault("momentum", torch.zeros_like(p.grad))
                    m.lerp_(p.grad, 1 - group["momentum"])
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    direction = torch.lerp(p.grad, m, group["momentum"])
                    for part, grad in zip(p.chunk(group["fused"]), direction.chunk(group["fused"])):
                        flat = part.shape[0] <= part.shape[1]
                        stacks.setdefault(tuple(sorted(part.shape)), []).append((part if flat else part.mT, grad if flat else grad.mT))
            for shape, pairs in stacks.items():
                steps = orthogonalize(torch.stack([grad for _, grad in pairs]))
                for (part, _), direction in zip(pairs, steps):
                    part.sub_(direction, alpha=group["lr"] * .2 * shape[1] ** .5)


def fused_parts(name):
    return 3 if ".qkv." in name else 2 if ".to_kv." in name else 1


def build(modules, lr, muon_lr):
    """Optimisers for named parameters: matrices inside blocks and layers to Muon, everything else to AdamW.

    The gains of q and k are the sharpness of attention: at the common rate they would need thousands of steps to double."""
    groups, rest, gains = {}, [], []
    for prefix, module in modules.items():
        for name, p in module.named_parameters():
            hidden = p.ndim == 2 and (".blocks." in f".{name}" or ".layers." in f".{name}")
            if hidden:
                groups.setdefault(fused_parts(name), []).append(p)
            elif "q_norm" in name or "k_norm" in name:
                gains.append(p)
            else:
                rest.append(p)
    muon = Muon([{"params": ps, "fused": n} for n, ps in groups.items()], lr=muon_lr)
    decayed = [p for p in rest if p.ndim > 1]
    adam = torch.optim.AdamW([{"params": decayed, "weight_decay": .05}, {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.},
                              {"params": gains, "weight_decay": 0., "pace": 10}], lr=lr, betas=(.9, .98))
    return [(muon, muon_lr), (adam, lr)]


def set_rate(optimizers, factor):
    for optimizer, peak in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = peak * factor * group.get("pace", 1)
