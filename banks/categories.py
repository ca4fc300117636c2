"""Category names: the path of a file becomes a name of the bank."""

import re
from hashlib import blake2b
from unicodedata import normalize

MAX_CATEGORY = 48
_HASH = 6
_CONTEXT = re.compile(r"\$[a-z0-9]+\$")
_VALID = re.compile(rf"[a-z0-9-]{{1,{MAX_CATEGORY}}}")


def category_name(given: str, notices: list[str]) -> str | None:
    """Return the bank's name for a category, and report a change.

    `World History` becomes `world-history`, `$course$/top/Physics/Optics` becomes
    `physics-optics`. Names that differ stay different: a long one ends with a hash of all of it.
    A path without a category of its own, such as `$course$/top`, is none, and so is a name without
    any Latin letter or digit.
    """
    path = _path(given)
    if len(path) <= 1 and (not path or _VALID.fullmatch(path[0])):
        return path[0] if path else None
    name = _slug(path)
    if not name:
        notices.append(f"category '{given[:100]}' has no Latin letter or digit and is left out")
        return None
    notices.append(f"category '{given[:100]}' becomes '{name}'")
    return name


def _path(given: str) -> list[str]:
    """Return the parts of a path, without Moodle's roots; `//` is a slash within a name."""
    parts = [part.strip() for part in re.split(r"(?<!/)/(?!/)", given.strip())]
    if _CONTEXT.fullmatch(parts[0]):
        parts = parts[1:]
        if parts and parts[0] == "top":
            parts = parts[1:]
    return [part for part in parts if part]


def _slug(path: list[str]) -> str:
    plain = normalize("NFKD", " ".join(path).replace("ß", "ss")).casefold()
    letters = "".join(c for c in plain if not 0x300 <= ord(c) < 0x370)
    slug = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")
    if len(slug) <= MAX_CATEGORY:
        return slug
    digest = blake2b("/".join(path).encode(), digest_size=_HASH // 2).hexdigest()
    return f"{slug[: MAX_CATEGORY - _HASH - 1].rstrip('-')}-{digest}"
