"""The options of `tar` that are understood; everything else is refused before anything is done."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..syntax import Unsupported
from .archive import FORMATS
from .names import Pattern, transform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

#: What is done with a file that is there already: an option's name, or "" for the default.
KEEP, SKIP, NEWER, OVERWRITE, UNLINK = "keep", "skip", "newer", "overwrite", "unlink"


@dataclass
class Options:
    """What was asked for; None where it depends on who asks."""

    operation: str = ""
    file: str = ""
    directory: str = "."
    compression: str = ""
    existing: str = ""
    owners: list[str] = field(default_factory=list)
    exclude: list[Pattern] = field(default_factory=list)
    names: list[Pattern] = field(default_factory=list)
    transforms: list[tuple[Callable[[str], str], str]] = field(default_factory=list)
    # Nobody wants to know what is skipped, unless he says so.
    silent: set[str] = field(default_factory=lambda: {"existing-file"})
    strip: int = 0
    same_owner: bool | None = None
    same_permissions: bool | None = None
    absolute: bool = False
    keep_directory_symlink: bool = False
    late_directories: bool = False
    numeric_owner: bool = False
    recursion: bool = True
    touch: bool = False
    transformed: bool = False
    verbose: bool = False
    wildcards: bool | None = None


#: Options without a value: the attribute and what it becomes.
_FLAGS: dict[str, tuple[str, object]] = {
    "absolute-names": ("absolute", True),
    "bzip2": ("compression", "bzip2"),
    "compare": ("operation", "diff"),
    "delay-directory-restore": ("late_directories", True),
    "diff": ("operation", "diff"),
    "extract": ("operation", "extract"),
    "get": ("operation", "extract"),
    "gunzip": ("compression", "gzip"),
    "gzip": ("compression", "gzip"),
    "keep-directory-symlink": ("keep_directory_symlink", True),
    "keep-newer-files": ("existing", NEWER),
    "keep-old-files": ("existing", KEEP),
    "list": ("operation", "list"),
    "no-delay-directory-restore": ("late_directories", False),
    "no-recursion": ("recursion", False),
    "no-same-owner": ("same_owner", False),
    "no-same-permissions": ("same_permissions", False),
    "no-wildcards": ("wildcards", False),
    "numeric-owner": ("numeric_owner", True),
    "overwrite": ("existing", OVERWRITE),
    "preserve-permissions": ("same_permissions", True),
    "recursion": ("recursion", True),
    "same-owner": ("same_owner", True),
    "same-permissions": ("same_permissions", True),
    "show-stored-names": ("transformed", False),
    "show-transformed-names": ("transformed", True),
    "skip-old-files": ("existing", SKIP),
    "touch": ("touch", True),
    "ungzip": ("compression", "gzip"),
    "unlink-first": ("existing", UNLINK),
    "verbose": ("verbose", True),
    "version": ("operation", "version"),
    "wildcards": ("wildcards", True),
    "xz": ("compression", "xz"),
    "zstd": ("compression", "zstd"),
    # These are as it is anyway: the name of an archive with a colon is refused without the first, the format is
    # found out, and attributes beyond modes are not restored unless that is asked for.
    "force-local": ("", None),
    "auto-compress": ("", None),
    "no-acls": ("", None),
    "no-selinux": ("", None),
    "no-xattrs": ("", None),
}
_LETTERS = {
    "C": "directory",
    "I": "use-compress-program",
    "J": "xz",
    "P": "absolute-names",
    "U": "unlink-first",
    "a": "auto-compress",
    "d": "diff",
    "f": "file",
    "j": "bzip2",
    "k": "keep-old-files",
    "m": "touch",
    "o": "no-same-owner",
    "p": "same-permissions",
    "t": "list",
    "v": "verbose",
    "x": "extract",
    "z": "gzip",
}
_WITH_VALUE = frozenset(
    (
        "directory",
        "exclude",
        "file",
        "group",
        "owner",
        "strip-components",
        "transform",
        "use-compress-program",
        "warning",
        "xform",
    )
)
#: Kinds of warning that may be left out.
_WARNINGS = frozenset(("timestamp", "ignore-newer", "unknown-keyword", "alone-zero-block"))


def parse(arguments: Sequence[str]) -> Options:
    """Return what the arguments ask for; `Unsupported` if any of it is not known."""
    options = Options()
    asked: dict[str, set[object]] = {}
    local = False
    for name, value in _pairs(arguments):
        if not name:
            options.names.append(Pattern(value, bool(options.wildcards), options.recursion))
            continue
        if name in _FLAGS:
            attribute, setting = _FLAGS[name]
            local |= name == "force-local"
            if attribute in {"operation", "existing"}:
                asked.setdefault(attribute, set()).add(setting)
            if attribute:
                setattr(options, attribute, setting)
            continue
        _with_value(options, name, value)
    if set(map(len, asked.values())) != {1} or not options.operation:  # none, or one against another
        raise Unsupported(" ".join(["tar", *arguments]))
    if options.operation != "version" and not options.file:
        raise Unsupported("tar without -f")  # there is no tape
    if ":" in options.file.partition("/")[0] and not local:
        raise Unsupported(f"tar -f {options.file}")  # on another host
    return options


def _pairs(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of options, and ("", name) of members, in their order."""
    rest = list(arguments)
    if rest and rest[0] and not rest[0].startswith("-"):
        # The old way: letters first, then their values.
        for letter in rest.pop(0):
            name = _named(letter)
            yield name, _value(rest, letter) if name in _WITH_VALUE else ""
    while rest:
        word = rest.pop(0)
        if word == "--":
            yield from (("", name) for name in rest)
            return
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name in _WITH_VALUE:
                yield name, value if equals else _value(rest, word)
            elif name in _FLAGS and not equals:
                yield name, ""
            else:
                raise Unsupported(f"tar {word}")
        elif word.startswith("-") and word != "-":
            while word := word[1:]:
                name = _named(word[0])
                if name in _WITH_VALUE:
                    yield name, word[1:] or _value(rest, word)
                    break
                yield name, ""
        else:
            yield "", word


def _named(letter: str) -> str:
    if letter not in _LETTERS:
        raise Unsupported(f"tar -{letter}")
    return _LETTERS[letter]


def _value(rest: list[str], option: str) -> str:
    if not rest:
        raise Unsupported(f"tar {option}")
    return rest.pop(0)


def _with_value(options: Options, name: str, value: str) -> None:
    unknown = Unsupported(f"tar --{name}={value}")
    if name == "directory":
        if options.names:
            raise unknown  # for the names behind it alone
        options.directory = value if value.startswith("/") else f"{options.directory}/{value}"
    elif name == "file":
        if options.file:
            raise unknown
        options.file = value
    elif name == "exclude":
        options.exclude.append(Pattern(value, options.wildcards is not False, options.recursion))
    elif name in {"owner", "group"}:
        # They are for archives that are made; only whether they can be meant is asked here.
        options.owners.append(value)
    elif name == "strip-components":
        if not value.isascii() or not value.isdigit():
            raise unknown
        options.strip = int(value)
    elif name in {"transform", "xform"}:
        options.transforms += transform(value)
    elif name == "use-compress-program":
        if value not in FORMATS:
            raise unknown
        options.compression = value
    else:
        kind = re.fullmatch("no-(.+)", value)
        if kind is None or kind[1] not in _WARNINGS:
            raise unknown
        options.silent.add(kind[1])
