"""Which names people and projects may have. Names are path segments of page addresses."""

import re

_ENTITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_PROJECT_FORBIDDEN = re.compile(r"[/\\#?%:\x00-\x1f\x7f\ud800-\udfff]")
_PROJECT_MAX = 128
MAX_TITLE = 100

# First path segments that belong to the site itself; tests hold this list against the URLconf.
RESERVED = frozenset(
    {
        "account", "admin", "api", "artifacts", "artifactsv2", "authorize", "favicon.ico", "files", "graphql",
        "healthz", "inbox", "login", "metrics", "new", "oidc", "robots.txt", "sdk", "search", "settings", "sign-in",
        "sign-out", "sso", "static", "storage", "teams", "theme", "uploads",
    }
)  # fmt: skip


class AnyName:
    """A path converter for the rest of an address: any name, the empty one and one with slashes or line breaks too.

    Browsers take "." and ".." out of a path, however written: a segment that is such has a "~" before it, and another
    one if it has some already.
    """

    regex = r"(?s:.*)"

    def to_python(self, value: str) -> str:
        return "/".join(part.removeprefix("~") if _is_dots(part) else part for part in value.split("/"))

    def to_url(self, value: str) -> str:
        return "/".join(f"~{part}" if _is_dots(part) else part for part in value.split("/"))


def _is_dots(part: str) -> bool:
    return part.lstrip("~") in (".", "..")


class BadName(ValueError):
    """The text says what is wrong, for the person who chose the name."""


def entity_name_check(name: str) -> None:
    if not _ENTITY.fullmatch(name):
        raise BadName(f"{name!r}: a name is 1 to 64 letters, digits, '-' and '_', and starts with a letter or digit")
    if name.lower() in RESERVED:
        raise BadName(f"{name!r} is a name of the site itself")


def title_from(text: str) -> str | None:
    """A name that people give to what they made, such as a view; None if it is none."""
    title = text.strip()
    wrong = any(char < " " or "\ud800" <= char <= "\udfff" for char in title)
    return None if wrong or not 0 < len(title) <= MAX_TITLE else title


def project_name_check(name: str) -> None:
    if not name.strip() or name in {".", ".."} or len(name) > _PROJECT_MAX:
        raise BadName(f"a project name has 1 to {_PROJECT_MAX} characters")
    if _PROJECT_FORBIDDEN.search(name):
        raise BadName(f"{name!r}: a project name has none of / \\ # ? % : and no control characters")
