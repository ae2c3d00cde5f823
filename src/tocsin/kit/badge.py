"""A small picture with two words in it, for other people's pages. What it shows is written in it, and said to whoever
cannot see it: the colour only repeats it."""

from html import escape

LETTER, PADDING, HEIGHT = 7, 8, 20  # pixels


def badge(left: str, right: str, fill: str) -> str:
    """SVG of `left` on grey and `right` on this colour, which must be dark enough for white letters."""
    first, second = (len(text) * LETTER + 2 * PADDING for text in (left, right))
    label = escape(f"{left}: {right}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{first + second}" height="{HEIGHT}" role="img" '
        f'aria-label="{label}"><title>{label}</title>'
        f'<rect width="{first}" height="{HEIGHT}" fill="#4a555a"/>'
        f'<rect x="{first}" width="{second}" height="{HEIGHT}" fill="{fill}"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f"{_words(left, PADDING)}{_words(right, first + PADDING)}</g></svg>"
    )


def _words(text: str, x: int) -> str:
    width = len(text) * LETTER
    return f'<text x="{x}" y="14" textLength="{width}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
