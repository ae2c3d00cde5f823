"""How well a colour stands out from its ground, as WCAG 2 measures it."""

ENOUGH = 4.5  # for text, at level AA
LIGHT = ("#ffffff", "#f4f6f5")
"""What the page is painted in by day: its panels, and the ground between them."""
DARK = ("#14191c", "#0c1012")
"""The same by night."""


def contrast(one: str, other: str) -> float:
    """From 1, the same, to 21, black on white."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def least(value: str, grounds: tuple[str, ...]) -> float:
    return min(contrast(value, ground) for ground in grounds)


def _luminance(value: str) -> float:
    red, green, blue = (_linear(int(value[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
