"""Figures about colours: contrast as WCAG 2.1 counts it, distance in CIELAB, sight that lacks a cone."""

from __future__ import annotations

from collections.abc import Mapping
from math import dist

Rgb = tuple[float, float, float]
"""Red, green, blue from 0 to 1, as a screen takes them."""

SIGHTS: Mapping[str, tuple[Rgb, Rgb, Rgb] | None] = {
    "normal": None,
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""Sight -> rows of the matrix over linear light; severity 1.0.

Source: Machado, Oliveira, Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009,
https://www.inf.ufrgs.br/~oliveira/pubs_files/CVD_Simulation/CVD_Simulation.html
"""
_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_WHITE = (0.95047, 1.0, 1.08883)


def rgb(colour: str) -> Rgb:
    """`#7EAEF1` as three parts."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def contrast(one: Rgb, other: Rgb) -> float:
    """From 1 (the same) to 21 (black on white).

    Source: https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio
    """
    low, high = sorted(_apply(_TO_XYZ, _linear(colour))[1] for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def distance(one: Rgb, other: Rgb, sight: str = "normal") -> float:
    """How far apart two colours look (CIE76: about 2 can just be told apart)."""
    return dist(_lab(one, sight), _lab(other, sight))


def _linear(colour: Rgb) -> Rgb:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour)
    return red, green, blue


def _apply(matrix: tuple[Rgb, Rgb, Rgb], colour: Rgb) -> Rgb:
    first, second, third = (sum(weight * part for weight, part in zip(row, colour, strict=True)) for row in matrix)
    return first, second, third


def _lab(colour: Rgb, sight: str) -> Rgb:
    light, matrix = _linear(colour), SIGHTS[sight]
    if matrix is not None:
        red, green, blue = (min(1.0, max(0.0, part)) for part in _apply(matrix, light))
        light = red, green, blue
    x, y, z = (_curve(part / white) for part, white in zip(_apply(_TO_XYZ, light), _WHITE, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _curve(part: float) -> float:
    return float(part ** (1 / 3)) if part > 216 / 24389 else (24389 / 27 * part + 16) / 116
