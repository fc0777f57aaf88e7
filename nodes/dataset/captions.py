"""Captions in the ways people write prompts.

The word order of a prompt should not matter, so a picture gets several captions: with and without
the style, with the background before or after it, with an article and without.
"""

from typing import NamedTuple

from numpy.random import Generator

from .concepts import PLURAL, STYLES, Concept

#: Captions a picture gets; one is drawn each time the picture is seen.
EACH = 5
_CHEER = ("happy", "really happy", "very happy", "cheerful", "smiling", "joyful")
_LEAD = ("a picture of {}", "an image of {}", "a drawing of {}", "an illustration of {}")


class Caption(NamedTuple):
    """What there is to say: `background` is a kind, `phrases` name it; `colour` may be unsaid."""

    concept: Concept
    style: str
    background: str
    phrases: tuple[str, ...]
    colour: str | None
    happy: bool


def article(words: str) -> str:
    """`words` with "a" or "an", where they take one."""
    if words in PLURAL or (words.rsplit(" ", 1)[-1] in PLURAL and not words.startswith("bunch")):
        return words
    return ("an " if words[0] in "aeiou" and not words.startswith("u") else "a ") + words


def _pick(choices: tuple[str, ...], rng: Generator) -> str:
    return choices[rng.integers(len(choices))]


def _subject(what: Caption, rng: Generator) -> str:
    name = what.concept.words[0] if rng.random() < 0.6 else _pick(what.concept.words, rng)
    if what.colour:
        name = f"{what.colour} {name}"
    living = what.concept.group == "animal"
    if what.happy and rng.random() < 0.9:
        return _cheerful(name, rng)
    if living and not what.happy and what.concept.label != "lovebird" and rng.random() < 0.12:
        name = f"{_pick(('cute', 'happy'), rng)} {name}"
    return article(name) if rng.random() < 0.75 else name


def _cheerful(name: str, rng: Generator) -> str:
    word = _pick(_CHEER[:3], rng) if rng.random() < 0.75 else _pick(_CHEER, rng)
    if rng.random() < 0.5:
        return article(f"{word} {name}") if rng.random() < 0.8 else f"{word} {name}"
    return f"{article(name)} {_pick(('that is', 'who is', 'that looks'), rng)} {word}"


def _ground(what: Caption, rng: Generator) -> str:
    """The background's words with their joint, or nothing: a white one is seldom mentioned."""
    if what.background == "white" and rng.random() < 0.85:
        return ""
    phrase = _pick(what.phrases, rng)
    form = ("{} with {a}", "{} with {a}", "{} with {a}", "{} on {a}", "{} in front of {a}",
            "{}, {n}", "{} with {n}")  # fmt: skip
    return _pick(form, rng)[2:].format(a=article(phrase), n=phrase)


def _style(what: Caption, rng: Generator) -> str:
    """The style's words; the 3D look is the default and mostly goes without saying."""
    quiet = {"3d": 0.65, "glossy": 0.65}.get(what.style, 0.0)
    if what.concept.label == "lovebird":
        quiet /= 2
    return "" if rng.random() < quiet else _pick(STYLES[what.style], rng)


def _caption(what: Caption, rng: Generator) -> str:
    subject, ground, style = _subject(what, rng), _ground(what, rng), _style(what, rng)
    if rng.random() < 0.08:
        subject = _pick(_LEAD, rng).format(subject)
    if not style:
        return subject + ground
    form = rng.random()
    if form < 0.55:
        return f"{subject} in {style}{ground}"
    if form < 0.75:
        return f"{subject}{ground} in {style}"
    if form < 0.9:
        return f"{subject}{ground}, {style}"
    return f"{style} {subject.removeprefix('a ').removeprefix('an ')}{ground}"


def captions(what: Caption, rng: Generator) -> list[str]:
    """Up to `EACH` different captions of a picture."""
    return list(dict.fromkeys(_caption(what, rng) for _ in range(EACH)))
