"""Pictures like those of training, for the table of what the model knows: `python training/make_familiar.py FOLDER`, then
`ocellus familiarity FOLDER`. Shop windows and dialogs of the validation photos, square and in frames; none of what the model refuses.
"""
import os
import sys
import numpy as np
import torch
import camera
import make_eval
import make_wild

COUNT = 512


def main(folder):
    torch.manual_seed(make_wild.SEED), torch.set_num_threads(1)
    maker = make_wild.Maker("val")
    maker.source.dialog_share = 0
    os.makedirs(folder, exist_ok=True)
    frames = [camera.random_frame(maker.rng) for _ in range(COUNT)]
    plans = [maker.dialog(frame) if n % 4 == 3 else maker.shop(frame, count=1 + n % 4) for n, frame in enumerate(frames)]
    for n, (plan, pixels) in enumerate(zip(plans, np.concatenate([maker.pixels(plans[at:at + 64]) for at in range(0, COUNT, 64)]))):
        left, top, w, h = camera.frame_of(plan)
        make_eval.image_of(torch.from_numpy(pixels)[:, top:top + h, left:left + w]).save(os.path.join(folder, f"{n:03d}.png"), optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
