"""The themes. Status colours are told apart under protan, deutan and tritan sight; figures in the tests."""

from __future__ import annotations

from textual.theme import Theme

DARK, LIGHT, TERMINAL, CONTRAST = "cmo-dark", "cmo-light", "terminal", "high-contrast"


def _theme(name: str, *, ok: str, warn: str, error: str, dim: str, fg: str, bg: str, raised: str, dark: bool) -> Theme:
    return Theme(
        name=name,
        primary=ok,
        secondary=ok,
        accent=ok,
        success=ok,
        warning=warn,
        error=error,
        foreground=fg,
        background=bg,
        surface=bg,
        panel=raised,
        boost=raised,
        dark=dark,
        text_alpha=1.0,
        variables={
            "cmo-ok": ok,
            "cmo-warn": warn,
            "cmo-error": error,
            "cmo-dim": dim,
            "block-cursor-background": fg,
            "block-cursor-foreground": bg,
            "block-cursor-blurred-background": raised,
            "block-cursor-blurred-foreground": fg,
            "input-selection-background": dim,
            "input-selection-foreground": bg,
            "screen-selection-background": dim,
            "screen-selection-foreground": bg,
            "text-disabled": dim,
            "text-muted": dim,
            "input-cursor-background": fg,
            "input-cursor-foreground": bg,
            "footer-key-foreground": fg,
            "scrollbar": dim,
            "scrollbar-background": bg,
        },
    )


_OURS = ("cmo-ok", "cmo-warn", "cmo-error", "cmo-dim")
_GROUNDS = ("ansi-background", "ansi-foreground", "border", "border-blurred", "scrollbar", "scrollbar-background")
_CURSORS = ("block-cursor", "block-cursor-blurred", "input-cursor")
_ANSI = {
    **dict.fromkeys((*_OURS, *_GROUNDS), "ansi_default"),
    **{f"{name}-{ground}": "ansi_default" for name in _CURSORS for ground in ("foreground", "background")},
    **{f"{name}-text-style": "bold reverse" for name in _CURSORS},
}
"""What the terminal theme says besides: no colour of its own, cursors in reverse video."""

THEMES = (
    _theme(
        DARK,
        ok="#7EAEF1", warn="#FFE433", error="#F37168", dim="#A0A0A0",
        fg="#E0E0E0", bg="#121212", raised="#242424", dark=True,
    ),
    _theme(
        LIGHT,
        ok="#0034AD", warn="#886E07", error="#AA0E5C", dim="#5A5A5A",
        fg="#1A1A1A", bg="#FFFFFF", raised="#EDEDED", dark=False,
    ),
    _theme(
        CONTRAST,
        ok="#9CC7FF", warn="#FFE433", error="#FF8F87", dim="#D0D0D0",
        fg="#FFFFFF", bg="#000000", raised="#3A3A3A", dark=True,
    ),
    Theme(
        name=TERMINAL,
        primary="ansi_default",
        secondary="ansi_default",
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        boost="ansi_default",
        success="ansi_default",
        warning="ansi_default",
        error="ansi_default",
        accent="ansi_default",
        ansi=True,
        variables=_ANSI,
    ),
)  # fmt: skip
