"""Pictures like those of training and unlike them, for the table of what the model knows: `python training/make_familiar.py LIKE UNLIKE`,
then `ocellus familiarity LIKE --unlike UNLIKE`. Like: shop windows and dialogs of the validation photos, square and in frames; none of what
the model refuses. Unlike: the foreign pictures that it was trained to refuse; none of those that it is examined with.
"""
import os
import sys
import numpy as np
import torch
import camera
import foreign
import make_eval
import make_wild

COUNT, UNLIKE = 512, 768


def main(folder, unlike, pictures="work/pictures.npz"):
    torch.manual_seed(make_wild.SEED), torch.set_num_threads(1)
    maker = make_wild.Maker("val")
    maker.source.dialog_share = 0
    os.makedirs(folder, exist_ok=True)
    frames = [camera.random_frame(maker.rng) for _ in range(COUNT)]
    plans = [maker.dialog(frame) if n % 4 == 3 else maker.shop(frame, count=1 + n % 4) for n, frame in enumerate(frames)]
    for n, (plan, pixels) in enumerate(zip(plans, np.concatenate([maker.pixels(plans[at:at + 64]) for at in range(0, COUNT, 64)]))):
        left, top, w, h = camera.frame_of(plan)
        make_eval.image_of(torch.from_numpy(pixels)[:, top:top + h, left:left + w]).save(os.path.join(folder, f"{n:03d}.png"), optimize=True)
    os.makedirs(unlike, exist_ok=True)
    drawn = foreign.Foreign(foreign.load(pictures))
    for n in range(UNLIKE):
        drawn.picture(maker.rng).convert("RGB").save(os.path.join(unlike, f"{n:03d}.png"), optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
