"""HTML and SVG as nested calls. Plain strings are text and are escaped; only what these functions return is markup."""

import html
from typing import Final

_VOID: Final = {"meta"}


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def element(tag: str, *content: str | None, **attributes: str | float | None) -> Html:
    """An element. None leaves a child or an attribute out; `class_` is class, `aria_label` is aria-label.

    >>> element("p", "a < b", element("b", "!"), class_="note")
    '<p class="note">a &lt; b<b>!</b></p>'
    """
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(_number(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Html(f"<{tag}{named}>")
    return Html(f"<{tag}{named}>{joined(*content)}</{tag}>")


def joined(*content: str | None) -> Html:
    """Concatenated, without a surrounding element."""
    return Html("".join(part if isinstance(part, Html) else html.escape(part) for part in content if part is not None))


def _number(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
