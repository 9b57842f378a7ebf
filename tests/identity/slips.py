"""Numbers as fingers, copying and malice spoil them: a hundred to a seed, so that Hypothesis can find ten thousand."""

from __future__ import annotations

import random
from collections.abc import Iterator

SEEDS_MADE_OF = 100
_STRANGE = "0123456789XxＸ０٠०𝟎oOIl -+()\u200b\x00\u202e测🔑"


def spoiled(right: str, seed: int) -> Iterator[str]:
    """The number with one to three slips: a character changed, put in, left out, or two neighbours swapped."""
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    for _ in range(SEEDS_MADE_OF):
        typed = right
        for _ in range(dice.randint(1, 3)):
            typed = _slip(typed, dice)
        yield typed


def made_up(alphabet: str, longest: int, seed: int) -> Iterator[str]:
    """Text of an alphabet and, now and then, of a character that is not in it."""
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    for _ in range(SEEDS_MADE_OF):
        typed = "".join(dice.choices(alphabet, k=dice.randint(0, longest)))
        yield _slip(typed, dice) if typed and dice.random() < 0.3 else typed


def _slip(typed: str, dice: random.Random) -> str:
    place = dice.randrange(max(len(typed), 1))
    character = dice.choice(_STRANGE) if dice.random() < 0.8 else chr(dice.choice((dice.randrange(0xD800), 0x1F600)))
    before, after = typed[:place], typed[place:]
    return dice.choice(
        (
            before + character + after[1:],
            before + character + after,
            before + after[1:],
            before + after[1:2] + after[:1] + after[2:],
        )
    )
