"""Names for runs whose client sent none."""

import hashlib
import uuid

_FIRST, _SECOND = (words.split() for words in ("""
amber bold brave bright calm clear crisp deep eager fair fleet gentle glad golden keen kind lively
lucid merry mild neat noble pale plain proud quick quiet rapid silver smooth solid sunny swift tidy
vivid warm wise young
""", """
ash bay birch brook cedar cliff cloud coast comet cove dale dawn delta dune elm fern field fjord
flame forest frost glade grove harbor heath hill isle lagoon lake leaf maple marsh meadow mesa moon
oak ocean peak pine plain pond rain reef ridge river sage shore sky snow spring star stone stream
sun tide vale wave willow wind wood
"""))  # fmt: skip


def display_name(run_id: uuid.UUID) -> str:
    """Two words and a number, always the same for the same run."""
    rest = int.from_bytes(hashlib.blake2b(run_id.bytes, digest_size=8).digest(), "big")
    rest, first = divmod(rest, len(_FIRST))
    rest, second = divmod(rest, len(_SECOND))
    return f"{_FIRST[first]}-{_SECOND[second]}-{rest % 999 + 1}"
