from __future__ import annotations

import re
import tomllib

from tests.live import ROOT


def pinned(path: str) -> set[str]:
    return set(re.findall(r"^(\S+==\S+)", (ROOT / path).read_text(), re.MULTILINE))


def test_a_server_is_locked_to_what_is_tested_and_to_all_that_it_needs() -> None:
    server = pinned("deploy/requirements.lock")
    assert server < pinned("requirements.lock")
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {re.split(r"[\[>=]", each)[0] for each in wanted} <= {each.split("==")[0] for each in server}
