"""The drawings of matplotlib with a fraction of their bytes, and the same to the eye.

Points are rounded to a tenth of a point, the thin curves of a setting become one path, and groups, styles and
rotations that do nothing go.
"""

import re
from xml.etree import ElementTree

_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_FONTS = re.compile(r"font-family: [^;]*;? ?")
_NAMESPACE = re.compile(r' xmlns(?::\w+)?="[^"]*"')


def compact(body: str) -> str:
    """Return the elements of an SVG, shortened; `body` is what stands between its `<svg>` and `</svg>`."""
    root = ElementTree.fromstring(f"<svg>{body}</svg>")
    _shorten(root)
    text = "".join(ElementTree.tostring(child, encoding="unicode") for child in root)
    return _NAMESPACE.sub("", text).replace(" />", "/>")


def _shorten(parent: ElementTree.Element) -> None:
    """Shorten the elements below one, which keep their order: what is drawn later covers what came before."""
    kept: list[ElementTree.Element] = []
    for child in [*parent]:
        child.tail = None
        _shorten(child)
        _round(child)
        if child.tag == "g" and not child.attrib:
            found = [*child]
        elif (child.tag == "path" and child.get("style") == "fill: none") or (child.tag == "g" and not len(child)):
            found = []  # a frame without a line, a group of nothing
        else:
            found = [child]
        for each in found:
            if kept and _one_stroke(kept[-1], each):
                kept[-1].set("d", kept[-1].get("d", "") + each.get("d", ""))
            else:
                kept.append(each)
    if parent.text is not None and not parent.text.strip():
        parent.text = None
    parent[:] = kept


def _one_stroke(before: ElementTree.Element, after: ElementTree.Element) -> bool:
    """Whether two paths are lines of one look, so that one path can draw both."""
    return (
        before.tag == after.tag == "path"
        and "fill: none" in before.get("style", "")
        and {**before.attrib, "d": ""} == {**after.attrib, "d": ""}
    )


def _round(element: ElementTree.Element) -> None:
    for name in ("x", "y", "width", "height", "transform"):
        if (value := element.get(name)) is not None:
            element.set(name, _NUMBER.sub(_tenths, value))
    if (path := element.get("d")) is not None:
        element.set("d", _path(path))
    if re.fullmatch(r"rotate\(-?0 [^)]*\)", element.get("transform", "")):
        del element.attrib["transform"]
    if (style := element.get("style")) is not None:
        element.set("style", _FONTS.sub("", style).rstrip("; "))


def _path(data: str) -> str:
    """A path's data, rounded; straight lines as steps from point to point, which are shorter than places."""
    words = _NUMBER.sub(_tenths, data).split()
    steps = {word for word in words if word.isalpha()} <= {"M", "L", "z"}
    found, last, here = list[str](), "", (0, 0)
    numbers = list[str]()
    for word in words:
        if word.isalpha():
            implied = word == "L" and last in (("L",) if steps else ("M", "L"))
            last = word
            if not implied:
                found.append("l" if steps and word == "L" else word)
            continue
        numbers.append(word)
        if steps and len(numbers) == 2:
            there = (round(10 * float(numbers[0])), round(10 * float(numbers[1])))
            if last == "L":
                numbers = [_of_tenths(new - old) for new, old in zip(there, here, strict=True)]
            here = there
        if not steps or len(numbers) == 2:
            for number in numbers:
                separator = "" if found[-1].isalpha() or number.startswith("-") else " "
                found.append(separator + number)
            numbers = []
    return "".join(found)


def _of_tenths(number: int) -> str:
    return f"{number / 10:.1f}".removesuffix(".0")


def _tenths(number: re.Match[str]) -> str:
    rounded = f"{float(number[0]):.1f}".removesuffix(".0")
    return "0" if rounded == "-0" else rounded
