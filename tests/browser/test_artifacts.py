"""From a project to its artifacts, to a version's files and lineage, and back to the runs, in a real Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_access_for_all import findings
from tests.live import LiveServer, client_environment, run_script

pytestmark = pytest.mark.browser

LOGGED = """
import wandb
quiet = dict(settings=wandb.Settings(silent=True, x_disable_stats=True, console="off"))
for number in range(2):
    with wandb.init(project="seen-artifacts", name=f"make-{number}", **quiet) as run:
        data = wandb.Artifact("my-data", type="dataset", description="Pictures.", metadata={"rows": 1797})
        with data.new_file("sub/a.txt") as file:
            file.write(f"content {number}")
        run.log_artifact(data, aliases=["best"] if number == 0 else []).wait()
with wandb.init(project="seen-artifacts", name="use", **quiet) as run:
    run.use_artifact("my-data:best")
    model = wandb.Artifact("net", type="model")
    with model.new_file("weights.bin") as file:
        file.write("1234")
    run.log_artifact(model).wait()
"""


@pytest.fixture(scope="module")
def project(live: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    done = run_script(LOGGED, client_environment(live, tmp_path_factory.mktemp("client")), timeout=240)
    assert done.returncode == 0, done.stderr
    return f"{live.url}/ada/seen-artifacts"


def test_from_the_project_to_a_file_and_to_the_runs_that_made_and_used_it(page: Page, project: str) -> None:
    page.goto(project)
    page.get_by_role("navigation", name="Project").get_by_role("link", name="Artifacts").click()
    rows = page.get_by_role("table").locator("tbody tr")
    expect(rows).to_have_count(2)
    page.get_by_role("navigation", name="Types").get_by_role("link", name="dataset").click()
    expect(rows).to_have_count(1)
    rows.get_by_role("link", name="my-data").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("my-data:v1")
    versions = page.get_by_role("navigation", name="Versions").get_by_role("link")
    expect(versions).to_have_text(["v1", "v0"])
    versions.last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("my-data:v0")
    expect(page.get_by_role("region", name="Metadata")).to_contain_text("1797")
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="sub/a.txt").click()
    assert Path(downloaded.value.path()).read_text() == "content 0"
    lineage = page.get_by_role("region", name="Lineage").get_by_role("link")
    expect(lineage).to_have_text(["make-0", "use"])
    lineage.last.click()
    page.get_by_role("link", name="Artifacts", exact=True).last.click()
    expect(page.get_by_role("region", name="Produced").locator("tbody tr")).to_have_text(["net:v0model14 bytes"])
    expect(page.get_by_role("region", name="Used").locator("tbody tr")).to_have_text(["my-data:v0dataset19 bytes"])


def test_the_pages_are_named_and_legible_and_fit_a_telephone(page: Page, project: str, shots: Path) -> None:
    found = {}
    for name, part in {"list": "artifacts", "one": "artifacts/dataset/my-data/best"}.items():
        for width, height in ((1440, 900), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            page.goto(f"{project}/{part}")
            found[name, width] = findings(page, f"{shots}/artifacts-{name}-{width}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert found == dict.fromkeys(found, [])
