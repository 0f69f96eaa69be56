"""What the pages say exists: links lead somewhere, commands and make targets are there, TOML is good configuration."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from gateway.cli.app import app
from gateway.config import load_config
from tests.architecture.source import ROOT

TOP_PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
# Where a command begins: at the start of a line, behind a prompt, in a substitution or a chain; maybe with its path.
PROGRAM = re.compile(
    r"(?:^\s*|^\$ |\$\(|[;&|]\s*|\bdo\s+|\bsudo\s+(?:\w+=\S+\s+)?)(?:[\w./-]*/)?mcp-gateway"
    r"(?P<words>(?:[ \t]+[a-z][a-z-]*(?=[\s|;&)]|$))*)(?P<rest>[^|;&)]*)"
)
TARGET = re.compile(r"(?:^|^\$ |&&\s*)make((?:[ \t]+[a-z][a-z-]*)+)")
FLAG = re.compile(r"(?<!\S)--?[a-z][a-z-]*")
# /srv, /etc, /opt, /run and /var are where examples put a user's things; these are where ours lie while we write.
MACHINE_PATH = re.compile(r"/(?:work|tmp|root|home|Users)/[\w.-]+")
OWN_HOSTS = {"127.0.0.1", "localhost", "api.smithery.ai", "smithery.run", "registry.modelcontextprotocol.io"}
EXAMPLE_HOST = re.compile(r"(^|\.)example\.(com|org|net)$")
STANDARDS = {"keepachangelog.com", "semver.org"}  # what the changelog follows
HOST = re.compile(r"https?://([A-Za-z0-9.-]+)")


@cache
def pages() -> dict[str, str]:
    """Every page for people, by its path below the project."""
    paths = [ROOT / name for name in TOP_PAGES] + sorted((ROOT / "docs").rglob("*.md"))
    found = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}
    assert len(found) > 20, "the pages were not found"
    return found


def blocks(text: str, *languages: str) -> list[str]:
    """The contents of a page's code blocks in these languages."""
    return [body for language, body in FENCE.findall(text) if language in languages]


def code_lines(text: str) -> Iterator[str]:
    """Every line that one could type: of shell blocks, behind a prompt in others, and inline. Comments are prose."""
    for body in blocks(text, "sh"):
        yield from (re.sub(r"(^|\s)#\s.*", "", line) for line in body.splitlines())
    for body in blocks(text, ""):
        yield from (re.sub(r"\s#\s.*", "", line) for line in body.splitlines() if line.startswith("$ "))
    yield from INLINE.findall(FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """The names of a page's headings, as hosting sites make them."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def verb_problem(words: list[str]) -> str | None:
    """What is wrong with `mcp-gateway WORDS`; words after a verb that takes arguments are its arguments."""
    command: click.Command = app
    for word in words:
        if not isinstance(command, click.Group):
            return None
        found = command.get_command(click.Context(command), word)
        if found is None:
            return f"there is no {word!r} in `{' '.join(['mcp-gateway', *words])}`"
        command = found
    return None


def command_of(words: list[str]) -> click.Command:
    """The command that a line of words names."""
    command: click.Command = app
    for word in words:
        if not isinstance(command, click.Group):
            break
        found = command.get_command(click.Context(command), word)
        if found is None:
            break
        command = found
    return command


def option_names(command: click.Command) -> set[str]:
    """The options that a command takes."""
    own = {name for param in command.params for name in (*param.opts, *param.secondary_opts) if name.startswith("-")}
    return own | {"--help", "-h"}


def mentioned(text: str) -> list[tuple[list[str], str]]:
    """Each command line with our program on a page: the words right after it, and the rest."""
    return [
        (match["words"].split(), match["rest"])
        for line in code_lines(text)
        for match in PROGRAM.finditer(line)
        if not match["rest"] or match["rest"][0].isspace()
    ]


WRITTEN = sorted(page for page in pages() if not page.startswith("docs/reference/"))
"""Pages that people wrote; the others are made from what they describe."""


@pytest.mark.parametrize("page", sorted(pages()))
def test_links_lead_to_something_that_exists(page: str) -> None:
    broken = []
    for target in LINK.findall(FENCE.sub("", pages()[page])):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        place = (ROOT / page).parent / path if path else ROOT / page
        if not place.exists() or (anchor and anchor not in anchors(place.read_text(encoding="utf-8"))):
            broken.append(target)
    assert broken == []


def test_the_pages_link_to_each_other() -> None:
    assert sum(len(LINK.findall(text)) for text in pages().values()) > 30


@pytest.mark.parametrize("page", WRITTEN)
def test_every_verb_that_a_page_mentions_exists(page: str) -> None:
    assert [told for words, _ in mentioned(pages()[page]) if (told := verb_problem(words))] == []


def test_the_pages_mention_many_verbs() -> None:
    used = {words[0] for text in pages().values() for words, _ in mentioned(text) if words}
    assert {"serve", "status", "install", "approve", "learn", "massgen", "bridge"} <= used


@pytest.mark.parametrize("page", WRITTEN)
def test_every_option_in_an_example_exists(page: str) -> None:
    wrong = [
        f"{option} of {' '.join(words)}"
        for words, rest in mentioned(pages()[page])
        for option in FLAG.findall(rest.split('"')[0])
        if option not in option_names(command_of(words))
    ]
    assert wrong == []


@pytest.mark.parametrize("page", WRITTEN)
def test_every_make_target_that_a_page_mentions_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"serve", "test", "check"} <= targets
    named = {word for line in code_lines(pages()[page]) for words in TARGET.findall(line) for word in words.split()}
    assert named <= targets


TOML = [
    (page, number, body) for page, text in sorted(pages().items()) for number, body in enumerate(blocks(text, "toml"))
]


def test_there_are_configuration_examples_to_check() -> None:
    assert len(TOML) > 5


@pytest.mark.parametrize(("page", "number", "body"), TOML, ids=[f"{page}#{number}" for page, number, _ in TOML])
def test_a_configuration_example_is_a_good_configuration(page: str, number: int, body: str) -> None:
    config = load_config(body, file=f"{page} block {number}")
    assert config is not None


def test_the_generated_pages_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("page", sorted(pages()))
def test_a_page_names_no_path_of_the_machine_it_was_written_on(page: str) -> None:
    assert MACHINE_PATH.findall(pages()[page]) == []


@pytest.mark.parametrize("page", sorted(pages()))
def test_a_page_names_no_host_but_our_own_defaults_and_examples(page: str) -> None:
    hosts = set(HOST.findall(pages()[page])) - OWN_HOSTS - STANDARDS
    assert {host for host in hosts if not EXAMPLE_HOST.search(host)} == set()


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), ["README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page not in pages():
            continue
        reached.add(page)
        for target in LINK.findall(pages()[page]):
            place = ((ROOT / page).parent / target.partition("#")[0]).resolve()
            inside = place.is_relative_to(ROOT) and not target.startswith("http")
            found = [place, *sorted(place.glob("*.md"))] if inside and place.is_dir() else [place] if inside else []
            waiting += [str(Path(each).relative_to(ROOT)) for each in found]
    assert reached == set(pages())
