"""Write archives of every kind into the directory that the argument names, or say what is in it with ``modes``."""

from __future__ import annotations

import io
import os
import sys
import tarfile
import zipfile

WHEN = 1_600_000_000
FILES = {
    "app/readme.txt": b"read me\n",
    "app/bin/run": b"#!/bin/sh\n",
    "app/etc/settings.ini": b"[one]\ntwo = 3\n",
    "app/data/Gr\u00fc\u00dfe.txt": "h\u00e9llo\n".encode(),
    "app/data/large": b"0123456789" * 20_000,
}
FOLDERS = ("app", "app/bin", "app/etc", "app/data")


def tar(name: str, mode: str, format: int) -> None:
    """Write a tar file."""
    with tarfile.open(name, mode, format=format) as archive:
        for folder in FOLDERS:
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o750
            add(archive, info, b"")
        for path, contents in FILES.items():
            info = tarfile.TarInfo(path)
            info.mode = 0o755 if path.endswith("run") else 0o640
            add(archive, info, contents)
        for path, kind, target in (
            ("app/link", tarfile.SYMTYPE, "readme.txt"),
            ("app/outside", tarfile.SYMTYPE, "/etc/hostname"),
            ("app/bin/same", tarfile.LNKTYPE, "app/bin/run"),
        ):
            info = tarfile.TarInfo(path)
            info.type, info.linkname, info.mode = kind, target, 0o777
            add(archive, info, b"")


def add(archive: tarfile.TarFile, info: tarfile.TarInfo, contents: bytes) -> None:
    """Add one member that belongs to whoever runs this."""
    info.uid, info.gid, info.mtime, info.size = os.getuid(), os.getgid(), WHEN, len(contents)
    archive.addfile(info, io.BytesIO(contents))


def zip_file(name: str) -> None:
    """Write a zip file."""
    with zipfile.ZipFile(name, "w") as archive:
        for path in [f"{folder}/" for folder in FOLDERS]:
            info = zipfile.ZipInfo(path, (2020, 1, 2, 3, 4, 6))
            info.create_system, info.external_attr = 3, 0o40750 << 16 | 0x10
            archive.writestr(info, b"")
        for path, contents in FILES.items():
            info = zipfile.ZipInfo(path, (2020, 1, 2, 3, 4, 6))
            info.create_system = 3
            info.external_attr = (0o100755 if path.endswith("run") else 0o100640) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, contents)


def modes() -> None:
    """Print kind, mode and time of every file below; not the times of what the play has written itself."""
    for place, folders, files in sorted(os.walk(".")):
        for name in sorted({*folders, *files}):
            path = os.path.join(place, name)
            state = os.lstat(path)
            when = int(state.st_mtime) if state.st_mtime < 1.7e9 else ""
            print(ascii(path), oct(state.st_mode), state.st_nlink, when)


def main() -> None:
    """Write them all."""
    os.chdir(sys.argv[1])
    if sys.argv[2:] == ["modes"]:
        modes()
        return
    tar("plain.tar", "w", tarfile.GNU_FORMAT)
    tar("packed.tgz", "w:gz", tarfile.PAX_FORMAT)
    tar("packed.tar.bz2", "w:bz2", tarfile.GNU_FORMAT)
    tar("packed.tar.xz", "w:xz", tarfile.USTAR_FORMAT)
    zip_file("packed.zip")
    # It carries the time at which it was written, which nobody is to compare.
    with open("packed.tgz", "r+b") as file:
        file.seek(4)
        file.write(bytes(4))
    with open("packed.tgz", "rb") as file:
        whole = file.read()
    with open("broken.tgz", "wb") as file:
        file.write(whole[: len(whole) // 2])


if __name__ == "__main__":
    main()
