import json
import math
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from projects.models import Project, Visibility
from projects.views import console_lines
from projects.views.run_console import CONSOLE_LINES
from projects.views.trees import MAX_DEPTH, MAX_NODES, Node, tree
from runs import ingest
from runs.models import ConsoleLine, Run, RunFile, State, Stream, StreamName
from tests.factories import log_run, make_run, set_values
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"
TABS = ["overview", "charts", "system", "console", "files"]
ADDRESS = "/lab/digits/runs/r1"
STAMP = "2026-01-02T03:04:05.678901"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def run(cast: Cast) -> Run:
    return make_run(cast.project, "r1", display_name="brave-ocean-7")


@pytest.fixture
def browser(cast: Cast, run: Run) -> Client:
    return cast.as_("owner")


def put_console(run: Run, lines: list[str], offset: int = 0, writer: str = "") -> None:
    request = ingest.StreamRequest(console=ingest.Lines(offset=offset, lines=lines))
    ingest.stream_accept(run_id=run.id, writer=writer, request=request)


def numbers(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'data-number="(\d+)"', page)]


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("who", ["owner", "teammate", "viewer"])
def test_members_see_every_tab(cast: Cast, run: Run, who: str, tab: str) -> None:
    page = cast.as_(who).get(f"{ADDRESS}?tab={tab}")
    assert page.status_code == 200
    assert "brave-ocean-7" in page.content.decode()


@pytest.mark.parametrize("part", ["", "?tab=console", "/console", "/version"])
@pytest.mark.parametrize("who", ["stranger", "anonymous"])
def test_a_stranger_gets_the_404_of_a_missing_run(cast: Cast, run: Run, who: str, part: str) -> None:
    def masked(address: str) -> bytes:
        response = cast.as_(who).get(address)
        assert response.status_code == 404
        return re.sub(rb'value="[^"]*"|next=[^"]*', b"", response.content)

    assert masked(ADDRESS + part) == masked("/lab/digits/runs/nothing" + part) == masked("/no/where/runs/r1" + part)


def test_a_public_run_is_seen_without_signing_in(cast: Cast, run: Run) -> None:
    Project.objects.update(visibility=Visibility.PUBLIC)
    for part in ("", "/console", "/version"):
        assert cast.as_("anonymous").get(ADDRESS + part).status_code == 200


def test_a_deleted_run_and_a_tab_there_is_not_are_not_found(browser: Client, run: Run) -> None:
    assert browser.get(f"{ADDRESS}?tab=<script>").status_code == 404
    Run.objects.update(deleted_at=timezone.now())
    assert browser.get(ADDRESS).status_code == 404


def test_the_overview_says_what_is_known(browser: Client, run: Run) -> None:
    now = timezone.now()
    Run.objects.update(
        state=State.FAILED,
        exit_code=3,
        created_at=now - timedelta(hours=2, minutes=5),
        ended_at=now,
        group="lr: 0.1",
        job_type="train",
        tags=["baseline"],
        user_name="olga",
        host="gpu-04",
        git_remote="https://example.org/digits",
        git_commit="9f2c1e7",
        client_info={
            "cli_version": "0.31.0",
            "python_version": "3.11.7",
            "e": {"w": {"program": "train.py", "args": ["--note", "two words"], "os": "Linux"}},
        },
    )
    page = browser.get(ADDRESS).content.decode()
    known = [
        "Failed",
        "exit code 3",
        "2 h 05 min",
        "lr: 0.1",
        "train",
        "baseline",
        "olga",
        "gpu-04",
        "9f2c1e7",
        "0.31.0",
    ]
    known += ["3.11.7", "python train.py --note &#x27;two words&#x27;", 'href="https://example.org/digits"']
    for text in known:
        assert text in page


def test_only_web_addresses_become_links(browser: Client) -> None:
    Run.objects.update(git_remote="javascript:alert(1)")
    page = browser.get(ADDRESS).content.decode()
    assert "javascript:alert(1)" in page
    assert 'href="javascript' not in page


@pytest.mark.parametrize(
    "info",
    [{"e": 5}, {"e": {}}, {"e": {"w": 5}}, {"e": {"w": {"program": 5, "args": "x"}}}, {"cli_version": {"a": 1}}, [], 7,
     {"e": {"w": {"program": "\ud800", "args": [None, {}]}}}, {"python_version": "\ud800"}],
)  # fmt: skip
def test_any_client_entry_is_survived(browser: Client, info: object) -> None:
    Run.objects.update(client_info=info)
    assert browser.get(ADDRESS).status_code == 200


@pytest.mark.parametrize("tab", TABS)
def test_hostile_texts_are_text_on_every_tab(browser: Client, run: Run, tab: str) -> None:
    Run.objects.update(
        display_name=HOSTILE, notes=HOSTILE, group=HOSTILE, job_type=HOSTILE, tags=[HOSTILE], host=HOSTILE,
        program=HOSTILE, user_name=HOSTILE, git_commit=HOSTILE, sweep=HOSTILE,
        config={HOSTILE: {HOSTILE: HOSTILE}}, summary={HOSTILE: [HOSTILE]},
        client_info={"cli_version": HOSTILE, "e": {HOSTILE: {"program": HOSTILE, "args": [HOSTILE]}}},
    )  # fmt: skip
    put_console(run, [f"{STAMP} {HOSTILE}", f"ERROR {STAMP} \x1b[31m{HOSTILE}", HOSTILE])
    RunFile.objects.create(run=run, name=f"{HOSTILE}/a\nb", size=1, stored_as="x", uploaded_at=timezone.now())
    RunFile.objects.create(run=run, name=HOSTILE, size=1, stored_as="x", uploaded_at=timezone.now())
    page = browser.get(f"{ADDRESS}?tab={tab}").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_config_values_keep_their_types_apart(browser: Client) -> None:
    Run.objects.update(config={"a": 1, "b": "1", "c": True, "d": None, "e": [1, "x"], "f": math.nan, "g": {}})
    page = browser.get(ADDRESS).content.decode()
    found = re.findall(r'<span class="key">(\w)</span><span class="value (\w+)">(.*?)</span>', page)
    assert [(key, kind, text.replace("&quot;", '"')) for key, kind, text in found] == [
        ("a", "number", "1"), ("b", "text", "1"), ("c", "bool", "true"), ("d", "null", "null"),
        ("e", "list", '[1, "x"]'), ("f", "number", "NaN"), ("g", "object", "{}"),
    ]  # fmt: skip


def test_half_a_surrogate_pair_is_no_reason_to_fail(browser: Client) -> None:
    Run.objects.update(config={"\ud800": "\ud800", "deep": {"\udfff": ["\ud800"]}})
    assert browser.get(ADDRESS).status_code == 200


def test_a_tree_is_bounded_in_depth_and_width() -> None:
    deep: dict[str, object] = {}
    for _ in range(200):
        deep = {"k": deep}
    node, depth = tree(deep, "config").root, 0
    while node.children:
        node, depth = node.children[0], depth + 1
    assert depth == MAX_DEPTH
    assert node.text.startswith('{"k": {"k"')
    wide = tree({f"k{i}": i for i in range(5000)}, "config").root
    assert len(wide.children) + wide.left_out == 5000
    assert len(wide.children) == MAX_NODES
    nested = tree({f"b{i}": {f"k{j}": j for j in range(100)} for i in range(100)}, "config").root
    assert len(nested.children) == 100
    assert nested.size <= MAX_NODES + 1
    assert sum(len(branch.children) + branch.left_out for branch in nested.children) == 10_000
    assert all(branch.children for branch in nested.children)


def test_keys_come_in_natural_order_with_the_clients_own_last() -> None:
    keys = [node.key for node in tree({"_step": 1, "layer10": 1, "layer9": 1, "Alpha": 1}, "summary").root.children]
    assert keys == ["Alpha", "layer9", "layer10", "_step"]


def leaves(node: Node, before: str = "") -> list[str]:
    """Dotted keys of the values shown."""
    below = [leaf for child in node.children for leaf in leaves(child, f"{before}{child.key}.")]
    return below if node.children else [before.rstrip(".")]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("optim lr", ["model.optimizer.lr"]),
        ("LR", ["lr", "model.optimizer.lr"]),
        ("adam", ["model.optimizer.kind"]),
        ("mdlopk", ["model.optimizer.kind"]),
        ("zebra", []),
    ],
)
def test_a_search_means_words_of_dotted_keys_and_values_or_letters_in_order(search: str, found: list[str]) -> None:
    values = {"lr": 0.1, "model": {"optimizer": {"lr": 0.2, "kind": "Adam"}, "depth": 3}}
    shown = tree(values, "config", search)
    assert (shown.keys, shown.found) == (4, len(found))
    assert (leaves(shown.root) if found else []) == found


def test_one_of_ten_thousand_keys_is_found_where_not_all_are_shown(browser: Client, run: Run) -> None:
    set_values(run, config={f"layer{i}": {"width": i} for i in range(10_000)})
    page = browser.get(ADDRESS).content.decode()
    assert page.count('class="value') <= MAX_NODES
    assert "Search 10000 keys" in page
    page = browser.get(f"{ADDRESS}?config=layer9876&summary=x").content.decode()
    assert re.findall(r'class="value number">(\d+)<', page) == ["9876"]
    assert "1 of 10000 keys" in page
    assert re.search(r'type="hidden" name="summary" value="x"', page)


def test_a_forked_run_leads_to_its_parent_and_a_rewound_one_to_nobody(cast: Cast, browser: Client) -> None:
    make_run(cast.project, "parent", display_name="old-sea-1")
    Run.objects.filter(name="r1").update(client_info={"branch_point": {"run_id": "parent", "step": 40}})
    page = browser.get(ADDRESS).content.decode()
    assert re.search(r'<a href="/lab/digits/runs/parent"[^>]*>old-sea-1, step 40</a>', page)
    Run.objects.filter(name="r1").update(client_info={"branch_point": {"run_id": "gone", "step": 1.0}})
    assert "gone, step 1.0" in browser.get(ADDRESS).content.decode()
    Run.objects.filter(name="r1").update(client_info={"branch_point": {"run_id": "r1", "step": 40}})
    assert "Forked from" not in browser.get(ADDRESS).content.decode()


def test_a_run_leads_to_those_before_and_after_it_in_its_group(cast: Cast, browser: Client) -> None:
    now, group = timezone.now(), "g" * 300
    for number, name in enumerate("abc"):
        make_run(cast.project, name, group=group, created_at=now)
        make_run(cast.project, f"other-{name}", group=f"{group}x", created_at=now + timedelta(seconds=number))
    ordered = list(Run.objects.filter(group=group).order_by("id").values_list("name", flat=True))

    def neighbours(name: str) -> list[tuple[str, str]]:
        page = browser.get(f"/lab/digits/runs/{name}?tab=files").content.decode()
        return re.findall(r'rel="(prev|next)" href="/lab/digits/runs/(\w+)\?tab=files"', page)

    assert neighbours(ordered[0]) == [("next", ordered[1])]
    assert neighbours(ordered[1]) == [("prev", ordered[0]), ("next", ordered[2])]
    assert neighbours(ordered[2]) == [("prev", ordered[1])]


def test_the_console_opens_at_its_end_and_leads_to_earlier_lines(browser: Client, run: Run) -> None:
    put_console(run, [f"{STAMP} line {i}" for i in range(CONSOLE_LINES + 500)])
    page = browser.get(f"{ADDRESS}?tab=console").content.decode()
    assert numbers(page) == list(range(500, CONSOLE_LINES + 500))
    assert 'data-before="500"' in page
    earlier = browser.get(f"{ADDRESS}/console?before=500").content.decode()
    assert numbers(earlier) == list(range(500))
    assert "data-before" not in earlier


def test_the_tail_is_asked_for_by_number(browser: Client, run: Run) -> None:
    put_console(run, [f"{STAMP} line {i}" for i in range(10)])
    piece = browser.get(f"{ADDRESS}/console?after=7").content.decode()
    assert numbers(piece) == [8, 9]
    assert 'data-count="10"' in piece
    assert 'data-later="no"' in piece
    assert "<html" not in piece
    put_console(run, [f"{STAMP} line {i}" for i in range(10, CONSOLE_LINES + 50)], offset=10)
    first = browser.get(f"{ADDRESS}/console?after=-1").content.decode()
    assert 'data-later="yes"' in first
    assert numbers(first) == list(range(CONSOLE_LINES))


def test_a_log_that_is_live_is_not_sent_again_with_its_page(browser: Client, run: Run) -> None:
    put_console(run, [f"{STAMP} line 0"])
    piece = browser.get(f"{ADDRESS}?tab=console", headers={"HX-Request": "true"}).content.decode()
    assert 'id="run-head"' in piece
    assert "<html" not in piece
    assert numbers(piece) == []


def test_a_search_of_the_log_finds_lines_wherever_they_are_and_leads_to_them(browser: Client, run: Run) -> None:
    put_console(run, [f"{STAMP} line {i}{' Loss <b>' if i % 1000 == 3 else ''}" for i in range(2500)])
    page = browser.get(f"{ADDRESS}?tab=console&q=loss+%3CB").content.decode()
    assert numbers(page) == [3, 1003, 2003]
    assert 'href="?tab=console&amp;writer=&amp;before=1203#line-1003"' in page
    there = browser.get(f"{ADDRESS}?tab=console&before=1203").content.decode()
    assert 'id="line-1003"' in there
    assert numbers(browser.get(f"{ADDRESS}/console?q=loss&after=1003").content.decode()) == [2003]
    assert "No line holds “zebra”" in browser.get(f"{ADDRESS}?tab=console&q=zebra").content.decode()
    assert browser.get(f"{ADDRESS}/console?q=%00%25_").status_code == 200


def test_the_log_is_downloaded_whole_writer_by_writer(browser: Client, run: Run) -> None:
    lines = [f"{STAMP} line {i}" for i in range(CONSOLE_LINES * 2)]
    put_console(run, lines)
    put_console(run, [f"{STAMP} other"], writer="rank1")
    answer = browser.get(f"{ADDRESS}/console.log")
    assert b"".join(answer.streaming_content).decode().splitlines() == lines
    assert answer["Content-Disposition"] == 'attachment; filename="r1.log"'
    other = browser.get(f"{ADDRESS}/console.log?writer=rank1")
    assert b"".join(other.streaming_content).decode() == f"{STAMP} other\n"


@pytest.mark.parametrize("query", ["after=x", "before=", "after=1e3", "before=" + "9" * 40])
def test_a_line_number_that_is_none_is_refused(browser: Client, query: str) -> None:
    assert browser.get(f"{ADDRESS}/console?{query}").status_code == 400


def test_each_writer_has_a_log_of_its_own(browser: Client, run: Run) -> None:
    for writer in ("rank0", "rank1"):
        put_console(run, [f"{STAMP} hello from {writer}"], writer=writer)
    page = browser.get(f"{ADDRESS}?tab=console").content.decode()
    assert "hello from rank0" in page
    assert "hello from rank1" not in page
    assert "writer=rank1" in page
    assert "hello from rank1" in browser.get(f"{ADDRESS}/console?writer=rank1").content.decode()
    assert browser.get(f"{ADDRESS}/console?writer=%00").status_code == 200


def test_lines_show_clock_and_errors_apart() -> None:
    plain = console_lines.line(0, f"{STAMP} hello  world")
    assert (plain.clock, plain.stamp, plain.error, plain.html) == ("03:04:05", STAMP, False, "hello  world")
    assert console_lines.line(1, f"ERROR {STAMP} oh").error
    bare = console_lines.line(2, "no stamp")
    assert (bare.clock, bare.html) == ("", "no stamp")
    assert console_lines.line(3, f"{STAMP} ").html == ""


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("\x1b[31mred\x1b[0m plain", '<span class="ansi-red">red</span> plain'),
        ("\x1b[1;32mok\x1b[m", '<span class="ansi-green bold">ok</span>'),
        ("\x1b[1mb\x1b[22mn", '<span class="bold">b</span>n'),
        ("\x1b[91mx\x1b[39my", '<span class="ansi-red">x</span>y'),
        ("\x1b[38;5;31mx", "x"),
        ("\x1b[38;2;31;1;1mx", "x"),
        ("\x1b[2K\x1b[1Ax", "x"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x07\x08b", "ab"),
        ("10%\r20%\r", "20%"),
        ('\x1b[31m<b>&"', '<span class="ansi-red">&lt;b&gt;&amp;&quot;</span>'),
        ("\x1b", ""),
        ("\x1b[", ""),
        ("\x1b[999999999999999999999mx", "x"),
    ],
)
def test_terminal_codes_become_classes_or_nothing(text: str, html: str) -> None:
    assert console_lines.coloured(text) == html


def test_a_very_long_line_is_cut(browser: Client, run: Run) -> None:
    put_console(run, [f"{STAMP} {'x' * 1_000_000}"])
    page = browser.get(f"{ADDRESS}?tab=console")
    assert len(page.content) < 30_000
    assert "x …" in page.content.decode()


def test_files_are_listed_with_their_download(browser: Client, run: Run) -> None:
    now = timezone.now()
    RunFile.objects.create(run=run, name="media/images/a b.png", size=2048, stored_as="x", uploaded_at=now)
    RunFile.objects.create(run=run, name="not-here-yet.txt")
    page = browser.get(f"{ADDRESS}?tab=files").content.decode()
    assert 'href="/files/lab/digits/r1/media/images/a%20b.png"' in page
    assert "2.0\xa0KB" in page
    assert "not-here-yet" not in page


def test_the_version_moves_with_the_run_and_with_its_silence(browser: Client, run: Run, settings) -> None:
    first = browser.get(f"{ADDRESS}/version").json()
    assert first["live"]
    assert browser.get(f"{ADDRESS}/version").json() == first
    put_console(run, [f"{STAMP} hello"])
    second = browser.get(f"{ADDRESS}/version").json()
    assert second["version"] != first["version"]
    Run.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=settings.CRASHED_AFTER_SECONDS + 1))
    third = browser.get(f"{ADDRESS}/version").json()
    assert third["version"] != second["version"]
    assert not third["live"]


def test_the_charts_are_those_of_the_runs_own_metrics(cast: Cast, browser: Client, run: Run) -> None:
    def log(of: Run, lines: list[str], **summary: object) -> None:
        request = ingest.StreamRequest(history=ingest.Lines(offset=0, lines=lines), summary=summary)
        ingest.stream_accept(run_id=of.id, writer="", request=request)

    log(run, ['{"_step": 0, "train/loss": 1.5, "val/acc": 0.5, "note": "text"}'], **{"train/loss": 1.5, "val/acc": 0.5})
    log(make_run(cast.project, "r2"), ['{"_step": 0, "test/f1": 0.5}'], **{"test/f1": 0.5})
    page = browser.get(f"{ADDRESS}?tab=charts").content.decode()
    assert re.findall(r'data-metric="([^"]*)"', page) == ["train/loss", "val/acc"]
    query = re.search(r'data-query="([^"]*)"', page)[1].replace("&amp;", "&")
    figure = browser.get(f"/lab/digits/line-plot?metric=train/loss&{query}").json()
    assert len(figure["data"]) == 1


def test_a_panel_of_several_metrics_is_there_for_a_run_that_logged_any_of_them(cast: Cast, browser: Client) -> None:
    log_run(cast.project, "r1", [{"train/loss": 1.0, "val/acc": 0.5}])
    log_run(cast.project, "r2", [{"other/x": 1.0, "val/f1": 0.5}])

    def settings(metric: str, **spec: object) -> None:
        address = f"/lab/digits/line-plot/settings?metric={metric}"
        assert cast.as_("owner").post(address, json.dumps(spec), content_type="application/json").status_code == 200

    def add(**spec: object) -> None:
        body = json.dumps({"do": "add", "settings": spec, "section": "several"})
        assert cast.as_("owner").post("/lab/digits/panels", body, content_type="application/json").status_code == 200

    def panels(run: str) -> list[str]:
        page = browser.get(f"/lab/digits/runs/{run}?tab=charts").content.decode()
        return re.findall(r'data-metric="([^"]*)"', page)

    add(metricRegex="^(train|val)/")  # called by train/loss
    add(metrics=["val/f1", "val/acc"])
    add(metrics=["other/x"])
    assert panels("r1") == ["train/loss", "val/acc", "train/loss", "val/f1"]
    assert panels("r2") == ["other/x", "val/f1", "train/loss", "val/f1", "other/x"]
    settings("train/loss", metricRegex="f1$")
    assert panels("r1") == ["val/acc", "train/loss", "val/f1"]
    assert panels("r2") == ["other/x", "train/loss", "val/f1", "train/loss", "val/f1", "other/x"]


@pytest.mark.parametrize("sealed", [False, True])
def test_what_the_client_measured_of_the_machine_is_charted_by_time(browser: Client, run: Run, sealed: bool) -> None:
    lines = [
        json.dumps({"system": {"cpu": 10 + n, "gpu": {"0": {"temp": 60 + n}}}, "_runtime": 15.0 * n, "_timestamp": n})
        for n in range(3)
    ]
    events = ingest.Lines(offset=0, lines=lines)
    ingest.stream_accept(run_id=run.id, writer="", request=ingest.StreamRequest(events=events, complete=sealed))
    page = browser.get(f"{ADDRESS}?tab=system").content.decode()
    assert re.findall(r'data-section="([^"]*)"', page) == ["cpu", "gpu.0"]
    assert re.findall(r'data-metric="([^"]*)"', page) == ["system.cpu", "system.gpu.0.temp"]
    assert 'data-do="edit"' not in page
    query = re.search(r'data-query="([^"]*)"', page)[1].replace("&amp;", "&")
    assert len(browser.get(f"/lab/digits/line-plot?metric=system.cpu&{query}").json()["data"]) == 1
    csv = b"".join(browser.get(f"/lab/digits/line-plot.csv?metric=system.cpu&{query}").streaming_content).decode()
    points = [[float(text) for text in line.split(",")[1:3]] for line in csv.splitlines()[1:]]
    assert points == [[0, 10], [15, 11], [30, 12]]
    assert browser.get("/lab/digits/line-plot?metric=system.cpu&scope=x").status_code == 400


@pytest.mark.parametrize("sealed", [False, True])
def test_a_metric_the_summary_does_not_tell_of_is_charted(browser: Client, run: Run, sealed: bool) -> None:
    lines = ingest.Lines(offset=0, lines=['{"_step": 0, "quiet": NaN, "deep": {"er": 1.5}}'])
    ingest.stream_accept(run_id=run.id, writer="", request=ingest.StreamRequest(history=lines, complete=sealed))
    page = browser.get(f"{ADDRESS}?tab=charts").content.decode()
    assert re.findall(r'data-metric="([^"]*)"', page) == ["deep.er", "quiet"]


@pytest.mark.parametrize("part", ["?tab=overview", "?tab=charts", "?tab=console", "?tab=files", "/console", "/version"])
def test_a_long_run_asks_no_more_than_a_short_one(
    browser: Client, run: Run, django_assert_max_num_queries, part: str
) -> None:
    ConsoleLine.objects.bulk_create(ConsoleLine(run=run, number=i, text=f"{STAMP} {i}") for i in range(3000))
    Stream.objects.create(run=run, stream=StreamName.CONSOLE, lines=3000)
    RunFile.objects.bulk_create(
        RunFile(run=run, name=f"f{i}", size=1, stored_as="x", uploaded_at=timezone.now()) for i in range(600)
    )
    with django_assert_max_num_queries(10):
        assert browser.get(ADDRESS + part).status_code == 200
