from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from projects.names import RESERVED, BadName, entity_name_check, project_name_check


def first_segments(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from first_segments(pattern.url_patterns, route)
        else:
            yield route.split("/")[0]


def test_every_first_segment_of_the_site_is_reserved() -> None:
    fixed = {segment for segment in first_segments(get_resolver().url_patterns) if segment and "<" not in segment}
    assert {"sign-in", "healthz", "graphql"} <= fixed
    assert {segment.lower() for segment in fixed} <= RESERVED


def test_only_entities_come_as_a_free_first_segment() -> None:
    free = {segment for segment in first_segments(get_resolver().url_patterns) if "<" in segment}
    assert free == {"<str:entity>"}


@pytest.mark.parametrize("name", sorted(RESERVED) + ["Account", "GRAPHQL"])
def test_no_entity_takes_a_name_of_the_site(name: str) -> None:
    with pytest.raises(BadName):
        entity_name_check(name)


@pytest.mark.parametrize("name", ["a", "ada", "vision-lab", "x_1", "0day", "a" * 64])
def test_plain_names_are_good_for_entities(name: str) -> None:
    entity_name_check(name)


@pytest.mark.parametrize("name", ["", "-a", "_a", "a" * 65, "a b", "a/b", "ä", "a.b", "a\n", "a\0"])
def test_entity_names_that_no_address_carries_are_refused(name: str) -> None:
    with pytest.raises(BadName):
        entity_name_check(name)


@pytest.mark.parametrize("name", ["digits", "my project", "ü", "a.b", "x" * 128, "group-by"])
def test_project_names_are_free_text(name: str) -> None:
    project_name_check(name)


@pytest.mark.parametrize(
    "name", ["", " ", ".", "..", "a/b", "a\\b", "a#b", "a?b", "a%b", "a:b", "a\0", "a\ud800", "x" * 129]
)
def test_project_names_that_break_addresses_are_refused(name: str) -> None:
    with pytest.raises(BadName):
        project_name_check(name)
