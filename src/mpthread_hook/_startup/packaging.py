"""Puts the start-up files into the wheel: the build command that `pyproject.toml` names.

Loaded by setuptools from its file, before there is a package; so it imports nothing of ours.
"""

from __future__ import annotations

import os

from setuptools.command.build_py import build_py  # type: ignore[import-untyped]

#: Installed beside the package.  Lines of a .pth file run in sorted order of the files' names, and somebody
#: else's may import multiprocessing.  From Python 3.15 (PEP 829) the .start file replaces the line.
BESIDE = ("00-mpthread_hook.pth", "00-mpthread_hook.start")
#: Copied from the top level of the repository: into the package, for ``mpthread_hook vendor``, and under the name
#: that the line of the .pth file imports.
SITECUSTOMIZE = "sitecustomize.py"
OF_THE_LINE = "_mpthread_hook_start.py"


class BuildPy(build_py):  # type: ignore[misc]
    """`build_py`, and the start-up files where they take effect."""

    def run(self) -> None:
        """Build the package, then add the files; not in an editable install, which would not remove them."""
        super().run()
        if not self.editable_mode:
            for target, source in self._startup_files().items():
                self.mkpath(os.path.dirname(target))
                self.copy_file(source, target, preserve_mode=False)

    def _startup_files(self) -> dict[str, str]:
        """Return ``{target: source}``."""
        package = os.path.join(self.get_package_dir("mpthread_hook"), "_startup")
        files = {os.path.join(self.build_lib, name): os.path.join(package, name) for name in BESIDE}
        # In a source distribution the file is in both places; in a checkout at the top level only.
        files[os.path.join(self.build_lib, "mpthread_hook", "_startup", SITECUSTOMIZE)] = SITECUSTOMIZE
        files[os.path.join(self.build_lib, OF_THE_LINE)] = SITECUSTOMIZE
        return files

    def get_source_files(self) -> list[str]:
        """Name the files for the source distribution as well."""
        return [*super().get_source_files(), *self._startup_files().values()]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Name what is built, so that an uninstall removes it."""
        outputs = super().get_outputs(include_bytecode)
        return outputs if self.editable_mode else [*outputs, *self._startup_files()]
