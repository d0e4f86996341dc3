"""Run one test class, or list the classes of modules, in the interpreter under test.

Called as `python conformance_child.py JOB.json`. What happens is told line by line through
`conformance_watch.record`, so that nothing is lost when the interpreter hangs or dies. Spawned children of
the stock package import this file again as their main module: all work stands under the guard at the end.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import sys
import time
import traceback
import unittest
from typing import Any, TextIO

import conformance_watch as watch

#: What the interpreter may still take once the last test has ended.
EXIT_LIMIT = 45.0
#: A traceback longer than this is cut in its middle.
TEXT_LIMIT = 12_000


def cut(text: str) -> str:
    """Shorten a long traceback, keeping both ends."""
    if len(text) <= TEXT_LIMIT:
        return text
    return f"{text[: TEXT_LIMIT // 3]}\n[...]\n{text[-2 * TEXT_LIMIT // 3 :]}"


class Teller(unittest.TestResult):
    """A result that tells each outcome at once and re-arms the dump for the test that begins."""

    def __init__(self, job: dict[str, Any], dump: TextIO) -> None:
        super().__init__()
        self.job, self.dump = job, dump
        self.deadline = time.monotonic() + job["class_limit"]
        self.outcome, self.detail = "passed", ""

    def arm(self, limit: float) -> None:
        """Dump all threads and leave when nothing has happened for `limit` seconds."""
        left = max(1.0, min(limit, self.deadline - time.monotonic()))
        faulthandler.dump_traceback_later(left, exit=True, file=self.dump)

    def name(self, test: Any) -> str:
        """Return "method" for a test and the text unittest gives to a failed fixture."""
        return getattr(test, "_testMethodName", None) or str(test)

    def startTest(self, test: Any) -> None:
        """Note that a test begins."""
        super().startTest(test)
        self.outcome, self.detail = "passed", ""
        watch.record(kind="begin", test=self.name(test))
        self.arm(self.job["test_limit"])

    def stopTest(self, test: Any) -> None:
        """Tell how the test ended."""
        super().stopTest(test)
        watch.record(kind="end", test=self.name(test), outcome=self.outcome, detail=cut(self.detail))

    def note(self, test: Any, outcome: str, detail: str) -> None:
        """Keep the outcome until the test stops; a fixture has no stop and is told at once."""
        if hasattr(test, "_testMethodName") or hasattr(test, "test_case"):
            if self.outcome not in ("failed", "error"):
                self.outcome = outcome
            self.detail += detail
        else:
            watch.record(kind="end", test=self.name(test), outcome=outcome, detail=cut(detail))

    def text(self, err: Any) -> str:
        """Format an exc_info; a traceback that cannot be formatted is told as such."""
        try:
            return "".join(traceback.format_exception(*err))
        except Exception as broken:  # an exception of the test may have a __str__ that raises
            return f"{err[0]!r} (its traceback cannot be formatted: {broken!r})"

    def addError(self, test: Any, err: Any) -> None:
        """See unittest."""
        self.note(test, "error", self.text(err))

    def addFailure(self, test: Any, err: Any) -> None:
        """See unittest."""
        self.note(test, "failed", self.text(err))

    def addSkip(self, test: Any, reason: str) -> None:
        """See unittest."""
        self.note(test, "skipped", reason)

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        """See unittest."""
        self.note(test, "passed", "")

    def addUnexpectedSuccess(self, test: Any) -> None:
        """See unittest."""
        self.note(test, "failed", "unexpected success")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        """See unittest; the failure of a part is the failure of the whole."""
        if err is not None:
            kind = "failed" if issubclass(err[0], test.failureException) else "error"
            self.note(test, kind, f"{subtest}\n{self.text(err)}")


def classes_of(module_name: str) -> dict[str, list[str]]:
    """Return the test classes that a module defines, each with its tests in unittest's order."""
    module = importlib.import_module(module_name)
    found = {}
    for name, value in sorted(vars(module).items()):
        if (
            isinstance(value, type)
            and issubclass(value, unittest.TestCase)
            and value.__module__ == module_name
        ):
            tests = unittest.defaultTestLoader.getTestCaseNames(value)
            if tests:
                found[name] = list(tests)
    return found


def list_modules(job: dict[str, Any]) -> None:
    """Tell the classes of every module of the job that imports."""
    for name in job["modules"]:
        try:
            watch.record(kind="classes", module=name, classes=classes_of(name))
        except (ImportError, unittest.SkipTest) as error:
            watch.record(kind="absent", module=name, detail=repr(error))


def run_class(job: dict[str, Any]) -> None:
    """Run the tests of one class within a suite, so that module and class fixtures run too."""
    dump = open(job["dump"], "w", encoding="utf-8")  # noqa: SIM115 - the exit may still be dumped to it
    kept.append(dump)
    teller = Teller(job, dump)
    teller.arm(job["test_limit"])
    try:
        module = importlib.import_module(job["module"])
        case = getattr(module, job["class"])
        names = [n for n in unittest.defaultTestLoader.getTestCaseNames(case) if n in set(job["tests"])]
        suite = unittest.TestSuite([case(n) for n in names])
    except (Exception, unittest.SkipTest) as error:
        outcome = "skipped" if isinstance(error, unittest.SkipTest) else "error"
        watch.record(kind="end", test="<import>", outcome=outcome, detail=cut(traceback.format_exc()))
        return
    suite(teller)
    watch.record(kind="done")
    teller.deadline = time.monotonic() + EXIT_LIMIT
    teller.arm(EXIT_LIMIT)


#: Files that must live as long as the interpreter.
kept: list[TextIO] = []


def main() -> None:
    """Do the job named on the command line."""
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    del sys.argv[1:]
    if job["enable"]:
        import mpthread_hook  # only in this mode: elsewhere the environment alone activates

        mpthread_hook.enable()
    if job["hook"] != watch.hooked():
        watch.record(kind="unfit", detail=f"hooked is {watch.hooked()}, wanted {job['hook']}")
        return
    if job["modules"]:
        list_modules(job)
    else:
        run_class(job)


if __name__ == "__main__":
    main()
