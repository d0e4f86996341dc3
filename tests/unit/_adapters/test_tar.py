"""Our `tar` lists, compares and extracts as GNU tar does: both get the same archives in the same places."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import re
import subprocess
import tarfile
import tempfile
import time
import tracemalloc
from difflib import unified_diff
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mpthread_hook._adapters.shell.running import Shell
from mpthread_hook._adapters.shell.syntax import Unsupported
from tests.unit._adapters.unpacking import NOBODY, as_user, fresh, nothing, ours, theirs, tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mpthread_hook._adapters.shell.answer import Answer

pytestmark = pytest.mark.unit


def _has_gnu_tar() -> bool:
    try:
        done = subprocess.run(["tar", "--version"], capture_output=True, check=False)
    except OSError:
        return False
    return done.stdout.startswith(b"tar (GNU tar)")


needs_tar = pytest.mark.skipif(not _has_gnu_tar(), reason="there is no GNU tar to compare with")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

LONG = "long/" + "n" * 90 + "/" + "m" * 120
PLAIN: list[tuple[str, Any, dict[str, Any]]] = [
    ("top", None, {"mode": 0o750, "uid": 1, "gid": 2, "uname": "daemon", "gname": "bin"}),
    ("top/file", b"one\n", {"mode": 0o640, "uid": 4242, "gid": 4243}),
    ("top/empty", b"", {"mode": 0o600}),
    ("top/run", b"#!/bin/sh\n", {"mode": 0o4755}),
    ("top/group", b"g", {"mode": 0o2711, "uname": "nobody", "gname": "nogroup"}),
    ("top/sticky", None, {"mode": 0o1777}),
    ("top/setgid", None, {"mode": 0o2775}),
    ("top/sticky/in it", b"deep", {"mtime": 1_500_000_000}),
    ("top/name with: colon\\and\ttab", b"odd", {}),
    ("top/Gr\u00fc\u00dfe\u2028\u3000", "t\u00e9xt".encode(), {}),
    ("top/closed", None, {"mode": 0o500}),
    ("top/closed/file", b"inside", {}),
    ("top/none", b"secret", {"mode": 0}),
    (LONG, b"long", {}),
    ("other/deep/without/parents", b"x" * 2000, {"mode": 0o666}),
]
LINKS: list[tuple[str, Any, dict[str, Any]]] = [
    ("file", b"contents", {}),
    ("hard", "=file", {}),
    ("soft", "file", {"mtime": 1_400_000_000, "uid": 7, "gid": 8}),
    ("dir", None, {"mtime": 1_300_000_000}),
    ("dir/up", "../file", {}),
    ("dir/absolute", "/etc/hostname", {}),
    ("dir/absolute again", "=dir/absolute", {}),
    ("dir/dangling", "nowhere", {}),
    ("folder", "dir", {}),
    ("folder/through", b"written through a link inside", {}),
    ("out", "/tmp/mpthread_hook_never", {}),
    ("out/escaped", b"never", {}),
    ("\u00e9", "=file", {}),
    ("s" * 120, "t" * 130, {}),
    ("h" * 120, "=file", {}),
    ("lost", "=nothing", {}),
]
ODD: list[tuple[str, Any, dict[str, Any]]] = [
    ("./", None, {"mode": 0o711}),
    ("./a", b"a", {}),
    ("/absolute", b"b", {}),
    ("../up", b"c", {}),
    ("a/../b", b"d", {}),
    ("x/..", b"e", {}),
    ("deep/./double//dots", b"f", {}),
    ("link", "=/absolute", {}),
    ("fifo", None, {"type": tarfile.FIFOTYPE, "mode": 0o640}),
    ("zero", None, {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5, "mode": 0o604}),
    ("loop", None, {"type": tarfile.BLKTYPE, "devmajor": 7, "devminor": 200}),
    ("strange", b"s", {"type": b"Q"}),
    ("contiguous", b"t", {"type": tarfile.CONTTYPE}),
    ("a", None, {}),
    ("a/below", b"u", {}),
    ("deep", b"a file where a directory is", {}),
    ("twice", None, {"mode": 0o700}),
    ("twice", None, {"mode": 0o711, "mtime": 1_200_000_000}),
    ("twice/f", b"v", {}),
    ("early", b"w", {"mtime": -5}),
    ("late", b"x", {"mtime": 4_000_000_000}),
    ("left/f", b"", {}),
    ("right/f", b"", {}),
    ("left", None, {"mode": 0o751, "mtime": 1_100_000_000}),
    ("left/g", b"", {}),
]


def pack(members: list[tuple[str, Any, dict[str, Any]]], format: int = tarfile.GNU_FORMAT, **more: Any) -> bytes:
    """Return an archive: contents are bytes, None for a directory, text for a link ("=" before a hard one)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format, **more) as archive:
        for name, contents, attributes in members:
            info = tarfile.TarInfo(name)
            info.mtime, info.mode = 1_600_000_000, 0o644
            if contents is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(contents, str):
                info.type = tarfile.LNKTYPE if contents.startswith("=") else tarfile.SYMTYPE
                info.mode, info.linkname = 0o777, contents.removeprefix("=")
            else:
                info.size = len(contents)
            for key, value in attributes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(contents) if isinstance(contents, bytes) else None)
    return file.getvalue()


def short(members: list[tuple[str, Any, dict[str, Any]]]) -> list[tuple[str, Any, dict[str, Any]]]:
    """Return what the oldest formats can hold."""
    return [
        (name, contents, attributes)
        for name, contents, attributes in members
        if len(name.encode()) < 100 and len(contents if isinstance(contents, str) else "") < 100
        if attributes.get("mtime", 0) >= 0
    ]


def with_fractions() -> bytes:
    """Return an archive whose times have fractions of seconds."""
    members = [
        ("d", None, {"pax_headers": {"mtime": "1234567890.123456789"}}),
        ("d/f", b"f", {"pax_headers": {"mtime": "1234567890.5", "comment": "none"}}),
        ("d/g", b"g", {"pax_headers": {"mtime": "1600000000"}}),
        ("d/h", b"h", {"pax_headers": {"mtime": "-1.25"}}),
        ("d/l", "f", {"pax_headers": {"mtime": "1234567890.000000001"}}),
        ("plain", b"p", {}),
        ("owned", b"o", {"pax_headers": {"uid": "3000000", "uname": "nob\u00f6dy", "path": "own\u00e9d"}}),
    ]
    return pack(members, tarfile.PAX_FORMAT)


@cache
def sparse(format: str) -> bytes:
    """Return an archive of files with holes, in one of the ways that GNU tar has."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file_name, pieces, size in (
            ("middle", {0: b"start", 1 << 20: b"end"}, None),
            ("end", {4096: b"x" * 5000}, 1 << 19),
            ("only a hole", {}, 1 << 18),
            ("many", {place << 14: b"%d" % place for place in range(40)}, None),
        ):
            with open(folder / file_name, "wb") as file:
                for place, data in pieces.items():
                    file.seek(place)
                    file.write(data)
                if size is not None:
                    file.truncate(size)
            os.utime(folder / file_name, (0, 1_600_000_000))
        command = ["tar", "-c", "-S", "-C", str(folder), *format.split(), "--sort=name", "middle", "end"]
        return subprocess.run([*command, "only a hole", "many"], capture_output=True, check=True).stdout


def damaged() -> dict[str, bytes]:
    """Return what is no archive any more."""
    good = pack([("one", b"1" * 3000, {}), ("two", b"2" * 100, {}), ("three", b"3", {})])
    plain = pack([("d", None, {}), ("d/f", random.Random(1).randbytes(100_000), {}), ("g", b"", {})])
    found = {f"cut at {place}": good[:place] for place in (100, 512, 2000, 2048, 3584, 4000, 4097, 4196, 5000, 5632)}
    found["noise inside"] = good[:3584] + b"\xff" * 512 + good[3584:]
    found["noise first"] = b"noise" * 200 + good
    found["a lone zero block"] = good[:3584] + bytes(512) + good[3584:]
    found["bytes behind"] = good + b"behind" * 1000
    found["empty"] = b""
    found["short"] = b"short"
    found["text"] = b"text\n" * 1000
    found["zeros"] = bytes(10240)
    for name, function in (("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)):
        packed = function(plain)
        found[f"{name}"] = packed
        found[f"{name} cut"] = packed[: len(packed) // 2]
    return found


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "gnu": lambda: pack(PLAIN),
    "pax": lambda: pack(PLAIN, tarfile.PAX_FORMAT),
    "ustar": lambda: pack(short(PLAIN), tarfile.USTAR_FORMAT),
    "links": lambda: pack(LINKS),
    "links pax": lambda: pack(LINKS, tarfile.PAX_FORMAT),
    "odd": lambda: pack(ODD),
    "latin-1": lambda: pack([("Gr\u00fc\u00dfe", b"x", {})], encoding="latin-1"),
    "fractions": with_fractions,
    "sparse": lambda: sparse("--format=gnu"),
    "sparse 0.0": lambda: sparse("--format=pax --sparse-version=0.0"),
    "sparse 0.1": lambda: sparse("--format=pax --sparse-version=0.1"),
    "sparse 1.0": lambda: sparse("--format=pax --sparse-version=1.0"),
    "compressed": lambda: gzip.compress(pack(PLAIN)),
}
OPTIONS = [
    "",
    "-p",
    "--no-same-permissions",
    "--same-owner",
    "--no-same-owner -v",
    "--numeric-owner",
    "--owner=daemon --group=nobody",
    "--owner=:x",
    "--owner=99999999999",
    "--keep-newer-files",
    "--keep-old-files",
    "--skip-old-files",
    "--overwrite",
    "--unlink-first",
    "--keep-directory-symlink",
    "--delay-directory-restore",
    "--touch",
    "--warning=no-timestamp",
    "--strip-components=1 --show-transformed-names -v",
    "--strip-components=2",
    "--absolute-names --exclude=*absolute* --exclude=out* --exclude=*up --exclude=x --exclude=again",
    "--exclude=file --exclude=top/s*",
    "--exclude=*e",
    "--exclude=[a-d]* --exclude=top/[!a-s]*",
    "--exclude=deep/ --exclude=\\*",
    "--no-wildcards --exclude=top/* --exclude=file",
    "--no-recursion --exclude=top",
    "--transform=s/top/bottom/ --show-transformed-names -v",
    "--transform=s,^[^/]*/,new/, --transform=s/e/E/gS",
    r"--transform=s/\(.\)\(.\)/\2\1&/;s/i\+/I/ --show-transformed-names",
    "--xform=s|(f)(i*)|\\1-\\2|x",
]
MEMBERS = [
    ("top/file", "dir", "a"),
    ("top/sticky/", "nothing", "./a"),
    ("--wildcards", "top/*"),
    ("top/*",),
    ("--no-recursion", "top", "--wildcards", "[fd]*"),
]


def quiet(answer: Answer) -> tuple[int, bytes, list[bytes]]:
    """Return an answer without what differs from run to run: how far away a time is."""
    text = re.sub(rb"is [\d.]+ s in the future", b"is in the future", answer.stderr)
    # A program of its own writes when it likes.
    return answer.status, answer.stdout, text.splitlines()


def difference(one: tuple[int, bytes, list[bytes]], other: tuple[int, bytes, list[bytes]]) -> str:
    """Return the lines that only one of two answers has."""
    lines = [[b"%d" % status, *out.split(b"\n"), *err] for status, out, err in (one, other)]
    return "\n".join(map(repr, unified_diff(*(list(map(repr, each)) for each in lines), "ours", "theirs", n=0)))


def empty(folder: Path) -> None:
    """Have nothing there."""


def crowded(folder: Path) -> None:
    """Have other things there than the archives hold."""
    for name in ("top/file", "file", "a", "early", "late", "strange", "top/sticky", "other/deep", "twice"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"something else")
        os.utime(folder / name, (0, 1_700_000_000))
    os.chmod(folder / "file", 0o4751)
    for name in ("top/empty", "top/run/full", "hard", "soft", "fifo/full", "elsewhere", "dir/dangling"):
        (folder / name).mkdir(parents=True)
    os.symlink("elsewhere", folder / "long")
    os.symlink("elsewhere", folder / "deep")
    os.symlink("nowhere", folder / "out")
    os.symlink("elsewhere", folder / "left")
    (folder / "outside").write_bytes(b"must stay")
    os.symlink("outside", folder / "top/none")
    os.symlink("outside", folder / "contiguous")
    (folder / "right").mkdir(mode=0o700)
    os.utime(folder / "top/file", (0, 1_000_000_000))


def commands(options: str, members: tuple[str, ...]) -> list[list[str]]:
    """Return the commands of a run of `unarchive`, once more at the end when everything is there."""
    tail = [*options.split(), "-f", "archive", *members]
    return [["tar", operation, "-C", "to", *tail] for operation in ("--list", "--diff", "--extract", "--diff")]


def compare(folder: Path, archive: bytes, cases: list[Any], owner: int | None, umask: int = 0o027) -> list[str]:
    """Return what differs for any of the cases: (what is there, options, members, language)."""
    runs = []
    since = time.time()
    for number, (prepare, options, members, language) in enumerate(cases):
        for who in ("ours", "theirs"):
            place = folder / f"{number}" / who
            fresh(place / "to", prepare, owner)
            (place / "archive").write_bytes(archive)
        runs += [(folder / f"{number}", words, language) for words in commands(options, members)]
    if owner is None:
        old = os.umask(umask)
        try:
            found = [ours(place / "ours", words, language) for place, words, language in runs]
        finally:
            os.umask(old)
    else:
        found = as_user([(place / "ours", words, language) for place, words, language in runs], umask)
    wrong = []
    for answer, (place, words, language) in zip(found, runs, strict=True):
        real = theirs(place / "theirs", words, language, user=owner, umask=umask)
        if quiet(answer) != quiet(real):
            wrong.append(f"{place.name} {' '.join(words)} ({language})\n{difference(quiet(answer), quiet(real))}")
    for number, case in enumerate(cases):
        one, other = (tree(folder / f"{number}" / who / "to", since) for who in ("ours", "theirs"))
        wrong += [
            f"{case[:3]} {name!r}\n ours   {one.get(name)}\n theirs {other.get(name)}"
            for name in sorted({*one, *other})
            if one.get(name) != other.get(name)
        ]
    return wrong


def cases() -> list[Any]:
    """Return what is tried with an archive."""
    found: list[Any] = [(prepare, text, (), "C") for text in OPTIONS for prepare in (empty, crowded)]
    found += [(prepare, "", members, "C") for members in MEMBERS for prepare in (empty, crowded)]
    found.append((crowded, "--keep-old-files -v", (), "C.UTF-8"))
    return found


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A directory that somebody without rights can enter."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, NOBODY, NOBODY)
        yield Path(name)


@needs_tar
@pytest.mark.parametrize("name", sorted(ARCHIVES))
def test_as_tar(name: str, tmp_path: Path) -> None:
    """Owners and modes are restored for root, and for whoever runs the tests as they are for him."""
    # Every option for the archives that have everything, some for what only is stored in another way.
    wrong = compare(tmp_path, ARCHIVES[name](), cases()[:: 1 if name in {"gnu", "links", "odd"} else 9], None)
    assert not wrong, "\n".join(wrong)


@needs_tar
@needs_root
@pytest.mark.parametrize("name", ["gnu", "links", "odd"])
def test_as_tar_for_a_user(name: str, tmp_path: Path, nobodys: Path) -> None:
    """A user gets what his mask leaves, and is told what he may not do."""
    wrong = compare(nobodys, ARCHIVES[name](), cases()[::2], NOBODY)
    assert not wrong, "\n".join(wrong)


@needs_tar
@pytest.mark.parametrize("name", sorted(damaged()))
def test_damaged(name: str, tmp_path: Path) -> None:
    """What is no archive, or none any more, gives tar's status and words, after as many members."""
    archive = damaged()[name]
    if name.startswith(("gz", "bz2", "xz")):
        # What a program of its own gets done before it fails, and when it says so, is not told by the bytes.
        (tmp_path / "archive").write_bytes(archive)
        for option in ("", "-z", "-j", "-J"):
            command = ["tar", "-tf", "archive", *option.split()]
            one, other = ours(tmp_path, command), theirs(tmp_path, command)
            assert one[:2] == other[:2]
            assert one.stderr.splitlines()[-2:] == other.stderr.splitlines()[-2:]
        return
    wrong = compare(tmp_path, archive, [(empty, "", (), "C"), (empty, "-z", (), "C")], None)
    assert not wrong, "\n".join(wrong)


@needs_tar
def test_without_an_archive(tmp_path: Path) -> None:
    """Archives and directories that are not there, or are something else, are named."""
    (tmp_path / "good").write_bytes(pack(LINKS))
    for words in (
        "-xf nothing",
        "-tf nothing",
        "-tzf good",
        "-tf .",
        "-tf good/below",
        "-xf good -C nowhere",
        "-tf good -C good",
        "-df good -C nowhere",
    ):
        command = ["tar", *words.split()]
        assert quiet(ours(tmp_path, command)) == quiet(theirs(tmp_path, command)), words


@needs_tar
def test_ways_to_write_it(tmp_path: Path) -> None:
    """Options come in any order, letters with and without a hyphen, values behind an equals sign or a blank."""
    (tmp_path / "a.tgz").write_bytes(gzip.compress(pack(PLAIN)))
    for words in (
        "tf a.tgz",
        "tzf a.tgz top",
        "-tza -f a.tgz",
        "-fa.tgz -t",
        "--file a.tgz --list top/file other",
        "-t top/file -f a.tgz -- -x",
        "tfC a.tgz .",
        "--get --file=a.tgz -C . --exclude top -v",
        "-tvf a.tgz --numeric-owner",
        "-I gzip -tf a.tgz",
    ):
        command = ["tar", *words.split()]
        assert quiet(ours(tmp_path, command)) == quiet(theirs(tmp_path, command)), words


@needs_tar
@pytest.mark.parametrize("options", ["", "-k", "-U", "--keep-newer-files"])
def test_members_that_get_into_each_others_way(tmp_path: Path, options: str) -> None:
    """Files, directories and symbolic links under a few names, drawn with a fixed seed, come out as from tar."""
    rng = random.Random(options)
    for _ in range(10):
        names = ["/".join(rng.choices("abc", k=rng.randint(1, 3))) for _ in range(rng.randint(1, 8))]
        kinds = (None, b"", b"data", "a/b", "../c", "/nowhere")
        members: list[tuple[str, Any, dict[str, Any]]] = [
            (name, rng.choice(kinds), {"mode": rng.choice((0o644, 0o755, 0o700)), "mtime": rng.choice((1, 10**9))})
            for name in names
        ]
        # tar takes a file for the link that stood in its place when it happens to get the same inode.
        links = {name for name, kind, _ in members if isinstance(kind, str) and not kind.startswith("=")}
        if any(names.count(name) > 1 for name in links):
            continue
        wrong = compare(tmp_path, pack(members), [(empty, options, (), "C")], None)
        assert not wrong, "\n".join(wrong)


# -- what is ours alone ------------------------------------------------------------------------------------


def extract(folder: Path, members: list[tuple[str, Any, dict[str, Any]]], *options: str) -> Answer:
    """Extract an archive into ``to``."""
    (folder / "archive").write_bytes(pack(members))
    (folder / "to").mkdir(exist_ok=True)
    return ours(folder, ["tar", "-x", *options, "-f", "archive", "-C", "to"])


def test_a_later_member_replaces_a_link_that_leads_out(tmp_path: Path) -> None:
    """The last of two members with one name is what is there in the end."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"safe")
    answer = extract(tmp_path, [("x", str(outside), {}), ("x", b"new", {}), ("y", "../z", {})])
    assert answer == (0, b"", b"")
    assert not (tmp_path / "to/x").is_symlink()
    assert (tmp_path / "to/x").read_bytes() == b"new"
    assert os.readlink(tmp_path / "to/y") == "../z"
    assert outside.read_bytes() == b"safe"


def test_nothing_is_written_through_a_link_of_the_archive(tmp_path: Path) -> None:
    """A member below a link that leads out is an error, and the link is made all the same."""
    members = [("out", str(tmp_path), {}), ("out/file", b"x", {}), ("up", "..", {}), ("up/file", b"x", {})]
    answer = extract(tmp_path, members)
    assert answer.status == 2
    assert sorted(os.listdir(tmp_path)) == ["archive", "to"]
    assert os.readlink(tmp_path / "to/out") == str(tmp_path)


def test_strip_never_leads_out(tmp_path: Path) -> None:
    """What is left of a name with two slashes is not taken from the root."""
    name = f"a/{tmp_path}/escaped"
    assert extract(tmp_path, [(name, b"x", {})], "--strip-components=1").status == 0
    assert not (tmp_path / "escaped").exists()
    assert Path(f"{tmp_path}/to/{tmp_path}/escaped").read_bytes() == b"x"


@pytest.mark.parametrize(
    "words",
    [
        "-cf new .",
        "-rf archive x",
        "-x",
        "-xtf archive",
        "-xf archive --no-such-option",
        "-xf archive -W",
        "-xf archive --xattrs",
        "-xf archive --strip-components=x",
        "-xf archive --transform=y/a/b/",
        "-xf archive --transform=s/a|b/c/x",
        r"-xf archive --transform=s/\(a\)\1/c/",
        r"-xf archive --transform=s/a/\U&/",
        "-xf archive --exclude=[[:alpha:]]",
        "-xf archive --use-compress-program=lzip",
        "-xf archive --keep-old-files --overwrite",
        "-xf archive --warning=all",
        "-xf host:archive",
        "-xf archive --file=other",
        "-xf archive -C",
        "-xf archive x -C .",
        "",
    ],
)
def test_what_is_not_known_is_refused(tmp_path: Path, words: str) -> None:
    """Before anything is done, so that somebody else can do it."""
    (tmp_path / "archive").write_bytes(pack(PLAIN))
    with pytest.raises(Unsupported):
        ours(tmp_path, ["tar", *words.split()])
    assert os.listdir(tmp_path) == ["archive"]


def test_zstd(tmp_path: Path) -> None:
    """Archives of zstd are read where Python can, and refused where it cannot."""
    try:
        from compression import zstd
    except ImportError:
        (tmp_path / "archive").write_bytes(b"\x28\xb5\x2f\xfd and so on")
        for words in ("--use-compress-program=zstd -tf archive", "-tf archive"):
            with pytest.raises(Unsupported):
                ours(tmp_path, ["tar", *words.split()])
    else:
        (tmp_path / "archive").write_bytes(zstd.compress(pack([("f", b"", {})])))
        assert ours(tmp_path, ["tar", "--zstd", "-tf", "archive"]) == (0, b"f\n", b"")


def test_version(tmp_path: Path) -> None:
    """It says that it is GNU tar, which modules ask for, and then whose it is."""
    answer = ours(tmp_path, ["tar", "--version"])
    assert answer.stdout.startswith(b"tar (GNU tar) ")
    assert b"mpthread_hook" in answer.stdout
    assert ours(tmp_path, ["/usr/bin/tar", "--version"]) == answer


def test_from_the_input(tmp_path: Path) -> None:
    """The archive may be the input of the command."""
    (tmp_path / "archive").write_bytes(gzip.compress(pack([("f", b"x", {})])))
    shell = Shell(nothing, str(tmp_path), {})
    assert shell.run("tar -xzvf - < archive && cat f") == (0, b"f\nx", b"")


def test_large_files_in_pieces(tmp_path: Path) -> None:
    """A file of many megabytes takes none of them."""
    size = 64 << 20
    with tarfile.open(tmp_path / "archive", "w:gz", compresslevel=1) as archive:
        info = tarfile.TarInfo("large")
        info.size = size
        with open("/dev/zero", "rb") as zeros:
            archive.addfile(info, zeros)
    (tmp_path / "to").mkdir()
    tracemalloc.start()
    try:
        assert ours(tmp_path, ["tar", "-xzf", "archive", "-C", "to"]).status == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "to/large").stat().st_size == size
    assert peak < 8 << 20
