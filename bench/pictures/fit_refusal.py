"""Fits what tells digits from other ink: ``python bench/pictures/fit_refusal.py [--seed N]``.

Digits are MNIST's training images, pens and the fonts named below; what is no digit is made here: letters and signs,
random strokes, blots, several digits, mirrored digits, and the kinds of ``negatives.py`` for fitting. No picture of
``make_set.py`` and no test image takes part. Writes ``mnistbench/pictures/refusal.json``: a network of one hidden
layer, and the threshold that lets the wanted share of held-out digits pass.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter

sys.path.insert(0, str(Path(__file__).parents[1]))
import mnistbench
from mnistbench.data.dataset import load_dataset
from mnistbench.files import write_json
from mnistbench.pictures.clean import keep_strokes
from mnistbench.pictures.features import all_features, shape_features
from mnistbench.pictures.ink import find_ink
from mnistbench.pictures.normalise import normalise
from mnistbench.pictures.refuse import JUDGES, REFUSAL
from pictures.glyphs import find_fonts, glyph
from pictures.negatives import FITTED_DRAWINGS, FITTED_SURFACES, TRIANGLE, smooth_noise, star
from pictures.strokes import drawn_digit, pen, scribble

FAMILIES = ("Liberation", "STIXGeneral", "cmr10", "cmss10", "cmtt10", "cmb10")
LETTERS = "ACEFGHJKMNPRTUVWXYacdefhjkmnprtuvwxy" * 2 + "#@&%?$+=*{}~<>^"
"""Without O, D, Q, I, L, S, Z, B and their small twins, which are digits in one hand or another."""

OTHER_SCRIPTS = "ЖШЩЮЯФДЛЙЦЫЪИΩΔΛΠΣΦΨΞГЭ"
SURFACES = 3
"""Surfaces made for each round of the other kinds."""

HIDDEN = 32
PASSING = 0.993
"""Share of held-out digits that the threshold lets pass."""


def as_ink(picture: Image.Image, random: np.random.Generator) -> np.ndarray:
    """Turned by up to 12 degrees, perhaps blurred, then normalised: the way of a picture, without paper."""
    picture = picture.convert("L").rotate(random.uniform(-12, 12), Image.Resampling.BICUBIC, expand=True)
    if random.random() < 0.6:
        picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.3, max(picture.size) / 60 + 0.3)))
    return normalise(keep_strokes(np.asarray(picture, dtype=np.float64)).ink)


def fonts() -> list[Path]:
    """Of the system and, where it is installed, of matplotlib."""
    import matplotlib as mpl

    more = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return [*find_fonts("Liberation"), *(p for p in sorted(more.glob("*.ttf")) if p.name.startswith(FAMILIES))]


def digits(count: int, random: np.random.Generator) -> list[np.ndarray]:
    """Three fifths MNIST's training images, whose hands vary most, and a fifth each pens and fonts."""
    images, faces = load_dataset().train_images, fonts()
    chosen = random.choice(len(images), 3 * count // 5, replace=False)
    made = [as_ink(Image.fromarray(images[i]), random) if random.random() < 0.5 else images[i] for i in chosen]
    made += [as_ink(drawn_digit(int(random.integers(10)), 60, random), random) for _ in range(count // 5)]
    for _ in range(count // 5):
        font = faces[random.integers(len(faces))]
        made.append(as_ink(glyph(str(random.integers(10)), font, int(random.integers(24, 90))), random))
    return made


def others(count: int, random: np.random.Generator) -> list[np.ndarray]:
    """Letters, drawings and surfaces in turns: of 22 pictures six are letters, five drawings of a listed kind."""
    images, faces = load_dataset().train_images, fonts()
    labels = load_dataset().train_labels

    def letter() -> Image.Image:
        text = LETTERS if random.random() < 0.8 else OTHER_SCRIPTS
        font = faces[random.integers(len(faces))]
        if "cm" in font.name[:2]:
            text = LETTERS
        return glyph(text[random.integers(len(text))], font, int(random.integers(24, 90)))

    def strokes() -> Image.Image:
        lines = [
            [tuple(random.uniform(0, 1, 2)) for _ in range(random.integers(2, 5))] for _ in range(random.integers(2, 6))
        ]
        return pen(lines, 60, random.uniform(0.04, 0.14), random.uniform(0.6, 1.3), 0.0)

    def polygon() -> Image.Image:
        corners = [(float(x), float(y)) for x, y in random.uniform(0, 1, (random.integers(3, 8), 2))]
        # Sorted by angle around the middle they make a form without crossings.
        around = sorted(corners, key=lambda c: float(np.arctan2(c[1] - 0.5, c[0] - 0.5)))
        turns = np.sort(random.uniform(0, 2 * np.pi, random.integers(4, 9)))
        convex = [(0.5 + 0.5 * float(np.cos(turn)), 0.5 + 0.5 * float(np.sin(turn))) for turn in turns]
        corners = [TRIANGLE, star(int(random.integers(4, 10))), corners, around, convex, convex][random.integers(6)]
        canvas = Image.new("L", (160, 160))
        draw = ImageDraw.Draw(canvas)
        scaled = [(10 + 140 * x, 10 + 140 * y * 0.9) for x, y in corners]
        if random.random() < 0.5:
            draw.polygon(scaled, fill=255)
        else:
            draw.line([*scaled, scaled[0]], fill=255, width=int(random.integers(5, 18)), joint="curve")
        return canvas.resize((int(random.integers(45, 100)), 80), Image.Resampling.BOX)

    def blot() -> Image.Image:
        field = smooth_noise(random, 60, random.uniform(3, 12))
        return Image.fromarray((255 * (field > np.quantile(field, random.uniform(0.4, 0.9)))).astype(np.uint8))

    def several() -> Image.Image:
        chosen = images[random.choice(len(images), random.integers(2, 5))]
        cropped = [
            one[:, max(0, int(np.flatnonzero(one.any(0))[0]) - 1) : int(np.flatnonzero(one.any(0))[-1]) + 2]
            for one in chosen
        ]
        return Image.fromarray(np.concatenate(cropped, axis=1))

    def twisted() -> Image.Image:
        i = int(random.integers(len(images)))
        while labels[i] not in (2, 3, 4, 5, 7):
            i = int(random.integers(len(images)))
        image = images[i]
        if random.random() < 0.5 and labels[i] in (3, 4, 7):
            return Image.fromarray(image[:, ::-1])
        return Image.fromarray(np.rot90(image, 1 + 2 * int(random.integers(2)))) if labels[i] in (3, 4) else blot()

    def surface() -> np.ndarray:
        make = list(FITTED_SURFACES.values())[random.integers(len(FITTED_SURFACES))]
        grey = np.asarray(make(random).convert("L").resize((64, 64)), dtype=np.float64)
        return normalise(keep_strokes(find_ink(grey).values).ink)

    drawings = list(FITTED_DRAWINGS.values())
    kinds = [letter] * 6 + [strokes, polygon, blot, several, twisted]
    kinds += [polygon, blot, lambda: scribble(60, random, turns=int(random.integers(5, 18)))]
    kinds += [lambda: drawings[random.integers(len(drawings))](random)] * 5
    made = []
    for i in range(count):
        kind = i % (len(kinds) + SURFACES)
        made.append(surface() if kind >= len(kinds) else as_ink(kinds[kind](), random))
    return [image for image in made if image.any()]


def fit(x: torch.Tensor, y: torch.Tensor, seed: int) -> torch.nn.Sequential:
    """A network of one hidden layer, by full batches of L-BFGS with weight decay."""
    torch.manual_seed(seed)
    net = torch.nn.Sequential(torch.nn.Linear(x.shape[1], HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, 1)).double()
    optimiser = torch.optim.LBFGS(net.parameters(), max_iter=300, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(x)[:, 0], y)
        loss = loss + 1e-4 * sum((p**2).sum() for p in net.parameters())
        loss.backward()
        return loss

    optimiser.step(closure)
    return net


def main() -> None:
    """Make the images, fit, choose the threshold on images held out, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--digits", type=int, default=16000)
    parser.add_argument("--others", type=int, default=18000)
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    yes, no = digits(arguments.digits, random), others(arguments.others, random)
    images = np.stack([*yes, *no])
    truth = np.array([1.0] * len(yes) + [0.0] * len(no))
    logits = [mnistbench.load(name, num_threads=1).predict_logits(images) for name in JUDGES]
    features = all_features(np.array([shape_features(image) for image in images]), logits)
    held = random.random(len(truth)) < 0.25
    mean, spread = features[~held].mean(0), features[~held].std(0) + 1e-2
    x = torch.tensor((features - mean) / spread)
    net = fit(x[~held], torch.tensor(truth[~held]), arguments.seed)
    scores = net(x)[:, 0].detach().numpy()
    threshold = float(np.quantile(scores[held & (truth == 1)], 1 - PASSING))
    refused = float((scores[held & (truth == 0)] < threshold).mean())
    print(
        f"fitted on {int((~held).sum())}, held out {int(held.sum())}: "
        f"{PASSING:.1%} of digits pass, {refused:.1%} of others refused"
    )
    first, second = net[0], net[2]
    write_json(
        REFUSAL,
        {
            "schema_version": 1,
            "kind": "refusal",
            "judges": list(JUDGES),
            "fit": {
                "seed": arguments.seed,
                "num_images": int((~held).sum()),
                "passing": PASSING,
                "others_refused": round(refused, 3),
            },
            "threshold": round(threshold, 2),
            "mean": rounded(mean),
            "spread": rounded(spread),
            "hidden_weights": [rounded(row) for row in first.weight.detach().numpy()],
            "hidden_bias": rounded(first.bias.detach().numpy()),
            "output_weights": rounded(second.weight.detach().numpy()[0]),
            "output_bias": round(float(second.bias.detach()[0]), 4),
        },
    )


def rounded(values: np.ndarray) -> list[float]:
    """Four digits are enough and make no difference to any decision but by chance."""
    return [round(float(value), 4) for value in values]


if __name__ == "__main__":
    main()
