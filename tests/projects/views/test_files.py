import html
import json
import re

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from projects.views import files as shown_files
from runs import ingest
from runs.models import Run
from tests.factories import make_run
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db

TAB = "/lab/digits/runs/r1?tab=files"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    make_run(cast.project, "r1")
    return cast


@pytest.fixture
def browser(cast: Cast) -> Client:
    return cast.as_("viewer")


def put(name: str, data: bytes, content_type: str = "") -> None:
    stored = default_storage.save(f"runs/{name}", ContentFile(data))
    ingest.file_stored(
        run_id=Run.objects.get().id, name=name, stored_as=stored, size=len(data), md5="", content_type=content_type
    )


def cells(page: str) -> list[list[str]]:
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in body.split("<tr>")[1:]]
    return [[html.unescape(cell) for cell in row] for row in rows]


def test_images_are_shown_in_the_list_and_by_themselves(browser: Client) -> None:
    put("media/a b.png", b"png", "image/png")
    page = browser.get(TAB).content.decode()
    assert '<img class="thumb" src="/files/lab/digits/r1/media/a%20b.png" alt="" loading="lazy">' in page
    address = re.search(r'href="(\?[^"]*file=[^"]*)"', page)[1].replace("&amp;", "&")
    shown = browser.get("/lab/digits/runs/r1" + address).content.decode()
    assert '<img src="/files/lab/digits/r1/media/a%20b.png" alt="media/a b.png">' in shown


def test_a_table_is_browsed_page_by_page(browser: Client) -> None:
    image = {"_type": "image-file", "path": "media/x.png"}
    rows = [[n, image, HOSTILE, None, {"a": 1}, float("nan"), "x" * 1000] for n in range(120)]
    put("t.table.json", json.dumps({"columns": ["n", HOSTILE, *"abcde"], "data": rows}).encode())
    page = browser.get(f"{TAB}&file=t.table.json").content.decode()
    assert HOSTILE not in page
    found = cells(page)
    assert [row[0] for row in found] == [str(n) for n in range(50)]
    assert found[0][1] == (
        '<img class="thumb" src="/files/lab/digits/r1/media/x.png" alt="media/x.png" loading="lazy">'
    )
    assert found[0][2:6] == [HOSTILE, "null", '{"a": 1}', "NaN"]
    assert len(found[0][6]) == shown_files.MAX_CELL + 1
    assert "1–50 of 120" in page
    following = re.search(r'rel="next" href="([^"]*)"', page)[1].replace("&amp;", "&")
    assert cells(browser.get("/lab/digits/runs/r1" + following).content.decode())[0][0] == "50"


@pytest.mark.parametrize(("name", "data"), [("a.csv", b'a,b\n1,"x\ny"\n'), ("a.TSV", b'a\tb\n1\t"x\ny"\n')])
def test_separated_values_are_tables(browser: Client, name: str, data: bytes) -> None:
    put(name, data)
    page = browser.get(f"{TAB}&file={name}").content.decode()
    assert '<th scope="col">a</th><th scope="col">b</th>' in page
    assert cells(page) == [["1", "x\ny"]]


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{", b'{"columns": 1, "data": []}', b'{"columns": ["a"], "data": [1]}', b"[" * 100_000, b"\xff\xfe"],
)
def test_what_is_no_table_says_so(browser: Client, data: bytes) -> None:
    put("t.table.json", data)
    assert "no table that can be read" in browser.get(f"{TAB}&file=t.table.json").content.decode()


def test_a_csv_that_is_none_and_a_table_too_large(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    put("empty.csv", b"")
    assert "no table that can be read" in browser.get(f"{TAB}&file=empty.csv").content.decode()
    put("big.csv", b"a\n1\n")
    monkeypatch.setattr(shown_files, "MAX_TABLE_BYTES", 3)
    assert "too large" in browser.get(f"{TAB}&file=big.csv").content.decode()


def test_a_text_is_shown_from_its_beginning(browser: Client) -> None:
    put("a.txt", HOSTILE.encode() + b"\xff" + b"x" * shown_files.MAX_TEXT_BYTES)
    page = browser.get(f"{TAB}&file=a.txt").content.decode()
    assert HOSTILE not in page
    assert "alert(1)" in page
    assert "Only its beginning is shown." in page


def test_html_runs_in_a_sandbox_and_only_where_it_is_asked_for(browser: Client) -> None:
    put("r.html", b"<script>alert(1)</script>", "text/html")
    page = browser.get(f"{TAB}&file=r.html").content.decode()
    assert re.search(r'<iframe [^>]*src="/files/lab/digits/r1/r.html\?show=page" sandbox="allow-scripts"', page)
    answer = browser.get("/files/lab/digits/r1/r.html?show=page")
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none';")
    assert "allow-same-origin" not in policy
    assert (answer["Content-Type"], answer["X-Frame-Options"]) == ("text/html; charset=utf-8", "SAMEORIGIN")
    plain = browser.get("/files/lab/digits/r1/r.html")
    assert plain["Content-Type"] == "application/octet-stream"
    assert plain["Content-Disposition"].startswith("attachment")
    put("r.svg", b"<svg/>", "image/svg+xml")
    assert browser.get("/files/lab/digits/r1/r.svg?show=page")["Content-Type"] == "application/octet-stream"


def test_what_can_not_be_shown_or_is_not_there(cast: Cast, browser: Client) -> None:
    put("model.bin", b"\0")
    assert "model.bin" in browser.get(TAB).content.decode()
    for name in ("model.bin", "missing.txt", "../a.txt", "%00"):
        assert browser.get(f"{TAB}&file={name}").status_code == 404
    put("a.txt", b"x")
    assert cast.as_("stranger").get(f"{TAB}&file=a.txt").status_code == 404
    default_storage.delete("runs/a.txt")
    assert "can’t be read" in browser.get(f"{TAB}&file=a.txt").content.decode()
