"""Our `unzip` and `zipinfo` do what those of Info-ZIP do: both get the same archives in the same places."""

from __future__ import annotations

import io
import os
import stat
import struct
import tempfile
import time
import tracemalloc
import warnings
import zipfile
from difflib import unified_diff
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import pytest

from mpthread_hook._adapters.shell.syntax import Unsupported
from tests.unit._adapters.unpacking import NOBODY, as_user, fresh, ours, theirs, tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mpthread_hook._adapters.shell.answer import Answer

pytestmark = pytest.mark.unit

needs_unzip = pytest.mark.skipif(
    which("unzip") is None or which("zipinfo") is None, reason="there is no Info-ZIP to compare with"
)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

FILE, FOLDER, LINK = stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK


def info(name: str, mode: int = FILE | 0o644, **more: Any) -> zipfile.ZipInfo:
    """Return what is said of a member; ``low`` are the attributes of DOS."""
    found = zipfile.ZipInfo(name, more.pop("date", (2020, 1, 2, 3, 4, 6)))
    found.create_system = more.pop("system", 3)
    found.external_attr = mode << 16 | more.pop("low", 0)
    found.compress_type = more.pop("method", zipfile.ZIP_STORED)
    for key, value in more.items():
        setattr(found, key, value)
    return found


def pack(members: list[tuple[zipfile.ZipInfo, bytes]], comment: bytes = b"") -> bytes:
    """Return an archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # some names are there twice
        archive.comment = comment
        for one, contents in members:
            with archive.open(one, "w") as target:
                target.write(contents)
    return file.getvalue()


def times(seconds: int) -> bytes:
    """Return the extra field that has a time since 1970."""
    return struct.pack("<HHBi", 0x5455, 5, 1, seconds)


PLAIN = [
    (info("top/", FOLDER | 0o750), b""),
    (info("top/file", FILE | 0o640), b"contents\n"),
    (info("top/empty", FILE | 0o4755), b""),
    (info("top/deflated", method=zipfile.ZIP_DEFLATED), b"z" * 5000),
    (info("top/bzip2", method=zipfile.ZIP_BZIP2), b"y" * 5000),
    (info("top/closed/", FOLDER | 0o500, date=(2001, 2, 3, 4, 5, 6)), b""),
    (info("top/closed/file", FILE), b"no mode"),
    (info("top/sticky/", FOLDER | 0o1777), b""),
    (info("top/text", internal_attr=1, extra=times(1_500_000_001)), b"text\n"),
    (info("top/summer", date=(2024, 7, 1, 12, 0, 0)), b"s"),
    (info("top/old", extra=struct.pack("<HHii", 0x5855, 8, 1_400_000_000, 1_400_000_001)), b"o"),
    (info("other/without/parents"), b"p"),
    (info("script.exe", 0, system=0, low=0x20), b"e"),
]
LINKS = [
    (info("dir/", FOLDER | 0o755), b""),
    (info("dir/link", LINK | 0o777), b"../file"),
    (info("absolute", LINK | 0o777), b"/etc/hostname"),
    (info("out", LINK | 0o777), b"/tmp"),
    (info("out/mpthread_hook_never"), b"never"),
    (info("file"), b"f"),
    (info("again", LINK | 0o777), b"file"),
    (info("again"), b"a file instead"),
]
ODD = [
    (info("/absolute"), b"1"),
    (info("../up"), b"2"),
    (info("a/../b"), b"3"),
    (info("./c"), b"4"),
    (info("d//e"), b"5"),
    (info("control\x01\tcharacters"), b"6"),
    (info("version;1"), b"7"),
    (info("semi;colon"), b"8"),
    (info("file named as a folder", FOLDER | 0o755), b""),
    (info("fifo", stat.S_IFIFO | 0o644), b""),
    (info("zero", 0), b"9"),
    (info("zero with times", 0, extra=times(1_500_000_000)), b"0"),
    (info(".."), b"a"),
    (info("twice"), b"b"),
    (info("twice", FILE | 0o600), b"c"),
    (info("x" * 200), b"d"),
]
SYSTEMS = [
    (info(f"{system}-{low:x}-{mode:o}", mode, system=system, low=low), b"x")
    for system in (0, 6, 7, 11, 19)
    for low, mode in ((0x20, 0), (0x21, 0), (0x26, 0), (0x20, FILE | 0o600), (0x20, FILE | 0o755), (1, FILE | 0o444))
] + [
    (info("folder/", 0, system=0, low=0x10), b""),
    (info("folder of unix/", FOLDER | 0o750, system=0, low=0x10), b""),
    (info("plain folder/", 0, system=0), b""),
    (info("back\\slash", 0, system=0, low=0x20), b""),
]


def damaged() -> dict[str, bytes]:
    """Return what is no archive, or a broken one."""
    good = pack(PLAIN)
    flipped = bytearray(good)
    flipped[good.index(b"contents\n")] ^= 1
    # An encrypted member is twelve bytes longer than what it holds.
    encrypted = bytearray(pack([(info("secret"), b"x" * 20), (info("plain"), b"y")]))
    method = bytearray(pack([(info("strange"), b"x"), (info("plain"), b"y")]))
    for start, further in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        place = encrypted.index(start) + further
        encrypted[place + 6] |= 1
        encrypted[place + 22] = 8
        method[method.index(start) + further + 8] = 77
    return {
        "cut": good[:-30],
        "cut in the middle": good[: len(good) // 2],
        "short": b"PK",
        "text": b"text\n" * 100,
        "empty": pack([]),
        "wrong sum": bytes(flipped),
        "encrypted": bytes(encrypted),
        "strange method": bytes(method),
        "bytes before": b"#!/bin/sh\n" + good,
    }


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "plain": lambda: pack(PLAIN, b"a comment\r\nof two lines"),
    "links": lambda: pack(LINKS),
    "odd": lambda: pack(ODD),
    "systems": lambda: pack(SYSTEMS),
    "unicode": lambda: pack([(info("Gr\u00fc\u00dfe/\u4e2d\U0001f600"), b"x")]),
}
ARGUMENTS = [
    ["unzip", "-o", "archive", "-d", "to"],
    ["unzip", "-o", "archive", "-d", "to"],
    ["unzip", "-oq", "archive", "-d", "to/"],
    ["unzip", "-o", "-qq", "archive", "-d", "to/deeper"],
    ["unzip", "-o", "archive", "-d", "to/far/deeper"],
    ["unzip", "-n", "archive", "-d", "to"],
    ["unzip", "archive", "-d", "to"],
    ["unzip", "-o", "-j", "archive", "-d", "to"],
    ["unzip", "-o", "archive", "-x", "top/s*", "nothing", "d/*", "-d", "to"],
    ["unzip", "-o", "archive", "top/file", "*e", "nothing", "-d", "to"],
    ["unzip", "-o", "archive", "[a-t]*", "-x", "*[!a-k]", "-d", "to"],
    ["unzip", "-o", "archive", "nothing", "-d", "to"],
    ["unzip", "-o", "archive", "-x", "*", "-d", "to"],
    ["unzip", "-o", "-n", "archive", "-d", "to"],
    ["unzip", "-l", "archive"],
    ["unzip", "-l", "archive", "top/*", "nothing"],
    ["unzip", "-l", "archive", "nothing"],
    ["zipinfo", "-T", "-s", "archive"],
    ["zipinfo", "-T", "-s", "archive", "-x", "top/f*", "nothing"],
    ["zipinfo", "-T", "-s", "archive", "top/f*", "nothing"],
    ["zipinfo", "-T", "-s", "archive", "nothing"],
]


def empty(folder: Path) -> None:
    """Have nothing there."""


def crowded(folder: Path) -> None:
    """Have other things there than the archives hold."""
    (folder / "top").mkdir(mode=0o711)
    (folder / "top/file").write_bytes(b"something else")
    os.chmod(folder / "top/file", 0o4700)
    (folder / "top/empty").mkdir()
    (folder / "top/sticky").write_bytes(b"")
    (folder / "elsewhere").mkdir()
    (folder / "outside").write_bytes(b"must stay")
    os.symlink("../outside", folder / "top/text")
    os.symlink("elsewhere", folder / "other")
    os.symlink("elsewhere", folder / "dir")
    os.symlink("nowhere", folder / "a")
    (folder / "b/full").mkdir(parents=True)


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A directory that somebody without rights can enter."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, NOBODY, NOBODY)
        yield Path(name)


def compare(folder: Path, archive: bytes, owner: int | None, umask: int) -> list[str]:
    """Return what differs between both for every command."""
    runs, wrong = [], []
    since = time.time()
    for number, words in enumerate(ARGUMENTS):
        for prepare in (empty, crowded):
            place = folder / f"{number}{prepare.__name__}"
            for who in ("ours", "theirs"):
                fresh(place / who / "to", prepare, owner)
                (place / who / "archive").write_bytes(archive)
            runs.append((place, words, "C"))
    mine = [(place / "ours", words, language) for place, words, language in runs]
    if owner is None:
        old = os.umask(umask)
        try:
            found = [ours(*one) for one in mine]
        finally:
            os.umask(old)
    else:
        found = as_user(mine, umask)
    for answer, (place, words, language) in zip(found, runs, strict=True):
        real = theirs(place / "theirs", words, language, user=owner, umask=umask)
        wrong += [f"{place.name} {words}: {line}" for line in difference(answer, real)]
        one, other = (tree(place / who / "to", since) for who in ("ours", "theirs"))
        wrong += [
            f"{place.name} {words} {name!r}\n ours   {one.get(name)}\n theirs {other.get(name)}"
            for name in sorted({*one, *other})
            if one.get(name) != other.get(name)
        ]
    return wrong


def difference(one: Answer, other: Answer) -> list[str]:
    """Return the lines that only one of two answers has."""
    first, second = ([repr(each.status), *map(repr, lines(each))] for each in (one, other))
    found = unified_diff(first, second, "ours", "theirs", n=0)
    return [line for line in found if not line.startswith(("---", "+++", "@@"))]


def lines(answer: Answer) -> list[bytes]:
    """Return all lines of an answer, of both streams: where complaints go differs from one to the next there."""
    return sorted(filter(None, [*answer.stdout.split(b"\n"), *answer.stderr.split(b"\n")]))


@needs_unzip
@pytest.mark.parametrize("name", sorted(ARCHIVES))
@pytest.mark.parametrize("umask", [0o027, 0o002])
def test_as_info_zip(name: str, umask: int, tmp_path: Path) -> None:
    """Words, status and files are the same."""
    wrong = compare(tmp_path, ARCHIVES[name](), None, umask)
    assert not wrong, "\n".join(wrong)


@needs_unzip
@pytest.mark.parametrize("name", sorted(damaged()))
def test_damaged(name: str, tmp_path: Path) -> None:
    """What is broken has the same status and the same files."""
    wrong = compare(tmp_path, damaged()[name], None, 0o022)
    assert not wrong, "\n".join(wrong)


@needs_unzip
@needs_root
def test_as_info_zip_for_a_user(nobodys: Path) -> None:
    """A user gets the same modes, and is told what he may not do."""
    wrong = compare(nobodys, ARCHIVES["plain"](), NOBODY, 0o027)
    assert not wrong, "\n".join(wrong)


@needs_unzip
def test_without_an_archive(tmp_path: Path) -> None:
    """An archive may be named without its ending; what is none is named."""
    (tmp_path / "good.zip").write_bytes(pack(PLAIN))
    (tmp_path / "folder").mkdir()
    for words in ("-l good", "-l nothing", "-o nothing.zip", "-l folder", "-qo good -d nowhere/at/all"):
        command = ["unzip", *words.split()]
        assert difference(ours(tmp_path, command), theirs(tmp_path, command)) == [], words
    assert difference(*(one(tmp_path, ["zipinfo", "-T", "-s", "nothing"]) for one in (ours, theirs))) == []


# -- what is ours alone ------------------------------------------------------------------------------------


def extract(folder: Path, archive: bytes, *options: str) -> Answer:
    """Extract an archive into ``to``."""
    (folder / "archive").write_bytes(archive)
    (folder / "to").mkdir(exist_ok=True)
    return ours(folder, ["unzip", "-o", "-q", "archive", *options, "-d", "to"])


def test_nothing_is_written_through_a_link_of_the_archive(tmp_path: Path) -> None:
    """A member below a link that leads out is an error, and the link is made all the same."""
    members = [(info("out", LINK | 0o777), os.fsencode(tmp_path)), (info("out/file"), b"x"), (info("../up"), b"y")]
    assert extract(tmp_path, pack(members)).status == 2
    assert sorted(os.listdir(tmp_path)) == ["archive", "to"]
    assert os.readlink(tmp_path / "to/out") == str(tmp_path)
    assert (tmp_path / "to/up").read_bytes() == b"y"


@pytest.mark.parametrize(
    ("name", "system", "flag", "expected"),
    [
        (b"Gr\x81\xe1e", 0, 0, "Gr\u00fc\u00dfe"),
        ("Gr\u00fc\u00dfe".encode(), 0, 0x800, "Gr\u00fc\u00dfe"),
        ("Gr\u00fc\u00dfe".encode(), 3, 0, "Gr\u00fc\u00dfe"),
        (b"Gr\xfc\xdfe", 3, 0, "Gr\udcfc\udcdfe"),
    ],
)
def test_names(tmp_path: Path, name: bytes, system: int, flag: int, expected: str) -> None:
    """Names of the PC and in UTF-8 are what was meant, and others the bytes that are there."""
    archive = bytearray(pack([(info("x" * len(name), system=system), b"x")]).replace(b"x" * len(name), name))
    for start, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        archive[archive.index(start) + offset + 1] |= flag >> 8
    assert extract(tmp_path, bytes(archive)).status == 0
    assert os.listdir(tmp_path / "to") == [expected]


@pytest.mark.parametrize(
    "words",
    [
        "unzip",
        "unzip -",
        "unzip -t archive",
        "unzip -P secret archive",
        "unzip -lo archive",
        "unzip -o archive -d",
        "unzip -o archive [[:alpha:]]",
        "zipinfo archive",
        "zipinfo -1 archive",
        "unzip -Zl archive",
    ],
)
def test_what_is_not_known_is_refused(tmp_path: Path, words: str) -> None:
    """Before anything is done, so that somebody else can do it."""
    (tmp_path / "archive").write_bytes(pack(PLAIN))
    with pytest.raises(Unsupported):
        ours(tmp_path, words.split())
    assert os.listdir(tmp_path) == ["archive"]


def test_large_files_in_pieces(tmp_path: Path) -> None:
    """A file of many megabytes takes none of them."""
    size = 64 << 20
    with zipfile.ZipFile(tmp_path / "archive", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large", bytes(size))
    (tmp_path / "to").mkdir()
    tracemalloc.start()
    try:
        assert ours(tmp_path, ["unzip", "-o", "archive", "-d", "to"]).status == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "to/large").stat().st_size == size
    assert peak < 8 << 20
