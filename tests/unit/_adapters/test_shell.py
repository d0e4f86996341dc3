"""The forms of command that Ansible sends mean what they mean to a real shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mpthread_hook._adapters.shell.answer import Answer, CannotStart
from mpthread_hook._adapters.shell.running import Shell, is_python, refuse
from mpthread_hook._adapters.shell.syntax import Unsupported
from mpthread_hook._adapters.shell.words import parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.unit

#: What action plugins send, and what a user may write for `raw`; each as it is after variables are filled in.
COMMANDS = [
    "echo ~ && sleep 0",
    "echo ~root && sleep 0",
    "echo ~nobody_of_that_name",
    (
        '( umask 77 && mkdir -p "` echo base/tmp `"&& mkdir "` echo base/tmp/one-1 `" '
        '&& echo one-1="` echo base/tmp/one-1 `" ) && sleep 0'
    ),
    '( umask 22 && mkdir -p "` echo ~/deep/er `" && echo "$HOME/x ${HOME}" ) && sleep 0',
    "mkdir made && mkdir made",
    "mkdir -p made/a/b; test -d made/a/b && echo yes",
    "chmod u+rwx file dir && sleep 0",
    "chmod 0640 file; chmod g-r,o=rX dir; chmod a+x,u-w file",
    "chmod 600 nothing",
    "rm -f -r dir > /dev/null 2>&1 && sleep 0",
    "rm -f nothing && echo gone",
    "rm nothing",
    "rm nothing file && echo never; mkdir file made nowhere/deep other; chmod 700 nothing made",
    "rm -f dir",
    "test -e file && sleep 0",
    "test -e 'no such file' && echo never",
    "[ -f file ] && [ ! = ! ] || echo no",
    "[ -d file ] || [ -L link ] && echo link",
    "cd dir && pwd && cd .. && test -e file && echo back",
    "cd nowhere && echo never",
    "A=1 B='two words'; echo \"$A $B\"",
    "echo 'it'\"'\"'s' \"a  b\" c\\ d \"q\\\"q\" 'x$HOME`y`'",
    "echo -n none; echo; echo $UNSET_VARIABLE end",
    "true && echo one || echo two; false && echo three || echo four",
    "false; echo five",
    "(cd dir && pwd); pwd",
    "(umask 077); mkdir plain; umask 027; mkdir masked",
    'echo out; echo $(echo inner) "$(echo a  b; echo c)"',
    "command -v echo > /dev/null && echo found",
    "echo one 2>&1; echo two >/dev/null",
    "sleep 0.01\necho lines\n",
    "[ 1 = 2 ]",
    ": ignored words; echo colon",
    "cat file - < link; cat file file; cat nothing file",
    "echo one > new; echo two >> new; cat new; cat < new >copy 2>&1",
    "umask 077; echo hidden > new; (umask 0; echo open >> other)",
    "cat nothing > both 2>&1; cat both; cat nothing 2> errors; cat errors > /dev/null",
    "cat nothing file >&2 || echo failed",
    "echo lost > nowhere/file; echo went on",
    "cat < nothing; echo went on",
    'target="a b"; echo x > "$target" && cat "a b"',
    "getent passwd root && getent group root; getent passwd 0; getent group nobody_of_that_name",
    "basename dir/sub/; basename file.txt .txt; basename /; basename x x",
    "dirname dir/sub/; dirname file; dirname /; dirname /file; dirname a//b",
    'rm -rf "$UNSET_VARIABLE"; chmod 700 ""; mkdir -p ""; test -e "" || echo nothing',
    'cd "" && echo here > "$UNSET_VARIABLE"',
    "rm -rf dir/.; rm -rf dir/sub/..",
    'found=$(test -d nothing) || echo none; x=$(false)$(echo y) && echo "$x"; x=$(cat nothing)',
    "cat file | cat - file | wc -c; false | true && echo last; true | false || echo counts",
    "echo a | (cat; echo b) | cat; cd dir | true; pwd; cat nothing | cat",
    "echo one |\ncat && x=$(echo two | tr a-z A-Z) && echo $x",
    "exit 3; echo never",
    "(exit 3); echo went on; false; exit",
    "echo $(exit 4)x; true && exit 0 || echo never",
    "A=1; export A; export B=2 C='x y'; printenv A B C; D=3; printenv D || echo not exported",
    "X=1 printenv X; printenv X || echo gone; env Y=2 printenv Y",
    "PATH=/nowhere; echo kept",
    "test; test x && test ! -e nothing && [ 3 -lt 10 ] && [ -1 -le -1 ] && echo yes; test 1 -eq x",
    "printf 'one %s\\n' a b; printf '%d-%5s|%-5s|%%\\t%03d\\n' 7 x y 5; printf none; printf '%s'",
    "touch new file; touch -c nothing; ls; touch nowhere/x",
    "umask 027; touch new; cp file other; mkdir made",
    "mv file other; ls; mv other dir; ls dir; mv nothing x; mv dir made; ls made; mv link made/file nowhere",
    "mv file link; mv file file; mv file dir; mv dir/file dir/sub; cat dir/sub/file; mv dir/sub/file dir",
    "cp file copy; cp file dir; cp link out; cp dir x; cp -r dir other; ls -A other; cp file file; cp nothing x",
    "ln -s ../file dir/rel; cp -r dir whole; cat whole/rel; chmod 751 file; cp file dir made",
    "chmod 600 file; cp -p file exact; cp file other; chmod 755 other; cp file other; cp -r link again",
    "cp -rp dir kept; chmod 500 dir; cp -r dir twice; ls -d twice; chmod 700 dir",
    "ln -s file sym; ln file hard; ln -s dir folder; ln -s file folder; ls dir; ln -sfn file folder; ln file hard",
    "ln -sf file sym; ln -sf dir/sub sym; readlink sym; readlink file; readlink -f sym; realpath link; ln nothing x",
    "ls; ls -1 dir; ls -a dir; ls file dir link; ls -d dir; ls nothing file; ls dir/sub",
    "ls -l; ls -la dir | tail -n +3; ls -l file dir nothing; ls -ld dir link; ls -l link; ls -l dir/sub",
    "chmod 4751 file; chmod 1777 dir; ln file hard; ls -l /dev/null file hard; ls -ld dir; touch -c file; ls -dl ..",
    "touch B a _c .hidden 'd e'; LC_ALL=C ls -A; ls -a | head -3",
    "ln -s nowhere broken; ls broken; ls -d broken link",
    "seq 3; seq 2 4; seq 10 -4 1; seq 3 1; seq 12 | head -n 2; seq 12 | tail -2; seq 5 | tail -n +4; seq 3 | head -c 3",
    "seq 30 | head; seq 30 | tail; head -n 0 file; tail -n 0 file; head -n 1 nothing; tail -c 2 file",
    "seq 12 | wc -l; cat file | wc -w; wc -c file; wc -l nothing; wc -c < file",
    "seq 12 | grep 1; seq 12 | grep -c 1; seq 12 | grep -v '^1'; seq 12 | grep -x 1.; seq 3 | grep -q 4 || echo none",
    "printf 'a.b\\naxb\\nA.B\\n' > t; grep 'a.b' t; grep -F a.b t; grep 'a.*b' t file; grep -h a t t",
    "printf 'a.b\\naxb\\nA.B\\n' > t; grep -i 'A\\.b$' t; grep -xi a.b t",
    "grep x nothing; grep text nothing file; grep -s x nothing; grep -c zzz file; grep -E 'te.*t' file; grep '' file",
    "printf 'b\\na\\n\\nb\\n' > t; LC_ALL=C sort t; LC_ALL=C sort -u t; LC_ALL=C sort -r t; seq 12 | LC_ALL=C sort",
    "seq 12 | LC_ALL=C sort -n; seq 12 | LC_ALL=C sort -nr; LC_ALL=C sort t nothing",
    "printf 'a:b:c\\nnone\\n:x\\n' > t; cut -d : -f 2 t; cut -d: -f1,3 t; cut -d: -f2- t; cut -sd: -f-2 t",
    "echo Hello World | tr a-z A-Z; echo a1b2 | tr -d 0-9; echo 'a b' | tr ' ' '\\n'; echo ab",
    "echo ab | tr '[:lower:]' '[:upper:]'; echo 'a  b' | tr -d '[:space:]'",
    "echo x | tee one two | cat; echo y | tee -a one; cat one two; echo z | tee nowhere/x",
    "md5sum file; sha1sum file nothing; sha256sum < file; sha512sum link; cat file | md5sum -",
    "whoami; id -u; id -un; id -g; id -gn; id -nu; hostname",
    "date +%Y-%m-%d; date -u +%F%%; date '+it is %j'",
    "which sh cat > /dev/null && echo found; which nothing-of-that-name; which ./file || echo no program",
    'd=$(mktemp -d) && test -d "$d" && rmdir "$d"; f=$(mktemp in-XXXXXX) && test -f "$f" && rm "$f"; rmdir dir',
    "rmdir dir/sub dir nothing; rm -R dir",
    "echo *; echo d*/s?b .*x nothing*; echo [fl]i* [!f]*; echo '*' \"*\" \\*; x='*'; echo $x \"$x\"; cat f*",
    "touch 'a b' .hid; ls a*; echo .h*; for f in *; do echo \"<$f>\"; done; rm -f a*; echo */; echo /nothing/*",
    "x='a  b c'; echo $x \"$x\"; for w in $x; do echo $w; done; echo a${x}d; set=; echo a $set b \"$set\"",
    'for x in $(seq 2 3) last; do echo "n $x"; done > new; cat new; for x in; do echo never; done; echo $?',
    "for x in 1 2 3; do if test $x = 2; then continue; fi; echo $x; test $x = 3 && break; done; echo $x",
    "if test -e nothing; then echo a; elif test -e file; then echo b; else echo c; fi",
    "if false; then echo; fi; echo $?",
    "if ! test -e nothing && true; then echo not; fi; ! true; echo $?; ! false && echo negated",
    'x=; while [ "$x" != aaa ]; do x=a$x; echo $x; done; until false; do echo once; break; done | cat',
    "{ echo one; echo two >&2; } 2>&1 | sort; { cd dir; }; pwd; (cd sub; pwd); { exit 3; }; echo never",
    'while read a b; do echo "$b-$a"; done < file',
    "printf '1 2 3\\n4\\n' | while read -r a b; do echo \"$b:$a\"; done",
    "printf 'a\\nb\\n' | (read x; echo first $x; cat); echo x | if grep -q x; then echo has; fi",
    'echo ${U-none} ${U:-a b} "${U:-$HOME}" ${U+set}; U=; echo ${U-none} ${U:-empty} ${U+set} ${U:+full}.',
    "set -e; false || echo saved; if false; then echo; fi; ! true; false; echo never",
    "set -e; (false; echo never); echo never",
    "set -e; set +e; false; echo here; sh -ec 'false; echo never'; echo $?",
    "sh -c 'echo $0 $# $1 \"$2\"; for a in \"$@\"; do echo \"[$a]\"; done; shift; echo $*' name a 'b  c'",
    "printf '#!/bin/sh\\n# says\\necho \"got $1\" # it\\nexit 7\\n' > tool; chmod 755 tool; ./tool x; echo $?",
    "A=1 sh -c 'echo $A'; A=2; sh -c 'echo .$A'; export A; sh -c 'echo $A; A=3'; echo $A; bash -c 'echo bash'",
    "X=1 cd dir; pwd; X=2 read Y < ../file; echo .$Y.$X; printf '1\\n2\\n' | (X=3 cat; cat); X=4 exit 5; echo never",
    "X=1; export X; X=2 printenv X; printenv X; X=3 sh -c 'echo $X'; Y=4 env | grep '^Y='; echo $Y.$X",
    "echo a # comment\n# a whole line\n\necho b#c '#' d; if true # why\nthen\n# what\n  echo e\nfi",
    'echo $ $/ "$" a$ ; echo $? ; false; echo $?; echo $#; x=1 y=$x; echo $y',
    "set -e; if true; then ! true; fi; { false && true; }; for x in 1; do ! true; done; echo on; (! true); echo never",
    "echo - -x --; echo",
    "for i in 1 2; do for j in a b; do test $j = b && break; echo $i$j; done; done; cat nothing | wc -c; true\n\n",
    'echo one\\\ntwo "thr\\\nee" th\\ree \\\n four; test -f file\\\n && mkdir new\\\n',
    """case file in x) echo x;; f*|y) echo "f" ;; *) echo other; esac; case "" in "") echo empty; esac; echo $?""",
    "case a in (b) echo b;; (a) ;; esac; echo $?; false; case x in y) echo;; esac; echo $?",
    """x="*"; case "a*" in "$x") echo no;; $x) echo pattern;; esac; case ab in [!b]? ) false;; esac; echo $?""",
    """for f in file dir link none; do
         case $f in
           # a word
           l*) continue;;
           none)
             break
             ;;
         esac
         echo $f
       done""",
    "case a/b.c in *.c) echo $(case x in x) echo inner;; esac) | tr a-z A-Z;; esac > new; cat new",
    "(case a in a) exit 3; esac); echo $?; case $(echo a) in `echo a`) echo same; esac",
    """cat <<END
home $HOME $(echo sub) `echo old` \\$x "quoted" 'q' \\\\ a\\
b $((1 + 1))
END
echo after""",
    "cat <<'END' | tr a-z A-Z; echo same\n$HOME \\$x `x`\nEND\necho next",
    'cat <<-END >new && cat new - <<"OTHER WORD"\n\ttabs\n\t  two\n\tEND\n  a\nOTHER WORD\n',
    "while read a b; do echo $b; done <<E\n1 2\n3 4\nE\nif cat; then echo yes; fi <<E\nE",
    "cat <<A <<B\nlost\nA\nkept\nB",
    "f() { cat; }; x=two; f <<E\none\nE\n(cat) <<\\E\n$x\nE\nx=$(cat <<E\n$x\nE\n); echo $x",
    'echo $((1 + 2 * 3)) $((7 / 2)) $((-7 / 2)) $((-7 % 3)) $((1 << 4 | 3)) $((~5)) $(( (2+3)*4 )) "$((!0))$((!7))"',
    "x=5; y=' 010 '; echo $((x * 2)) $(($x-1)) $((x > 3 && x != 4)) $((0 || 0)) $((y)) $((0x1F)) $((none + 1)) $((-x))",
    "i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done",
    "i=1; echo $((i += 4)) $i $((i <<= 2)) $((i > 3 ? i - 1 : 0)) $((0 && (i = 1))) $((1 || (i = 1))) $i",
    "echo $((9223372036854775807 + 1)) $((1 == 1)) $((2 ^ 3)) $((6 & 3)) $((1 ? 2 : 3 ? 4 : 5))",
    "echo $((`echo 2`+$(echo 3)))",
    'hello() { echo "hello $1 of $#"; return 3; echo never; }; hello a b; echo $?; hello && echo; hello | cat; echo $#',
    "f() {\n  local x=1 y\n  x=2\n  echo $x\n  g\n}\ng()\n{ echo g $x; }\nx=0; f; echo $x; A=1 f; echo .$A",
    'f() ( cd dir; pwd; exit 4 ); f; echo $?; pwd; f() if test "$1"; then echo yes; fi; f 1; f ""; echo $?',
    "n() { if [ $1 -gt 0 ]; then echo $1; n $(($1 - 1)); fi; }; n 3",
    "f() { for x in 1 2; do return 5; done; }; f; echo $?",
    "cat() { echo mine; }; cat file; f() { echo $*; shift; echo $*; }; f 1 2; f() { exit 6; }; (f; echo never); f",
    "f() { false; echo went on; }; set -e; f || echo no; f; echo never",
    "sh -ec 'f() { false; echo never; }; f; echo never'; echo $?; f() { false; return; }; f; echo $?",
    'f=archive.tar.gz; echo ${f%.*} ${f%%.*} ${f#*.} ${f##*.} ${f%x} ${#f} ${#U} "${f%.tar*}"',
    "p=a/b/c; echo ${p##*/} ${p%/*}",
    'x=a*b; y="*"; echo "${x%$y*}" "${x#a}" "${x#?}" ${x%b}; echo ${U=set it} $U ${U:=no}',
    "E=; echo ${E=x}. ${E:=y} $E",
    "expr 1 + 2 \\* 3; expr 7 / 2; expr -7 % 3; expr 0; echo $?; expr 2 - 2; echo $?; expr 3 '>' 2",
    "expr a = a; expr a != a",
    "expr 1 / 0; echo $?; expr a + 1; echo $?; expr '' '|' b; expr 0 '&' 1; expr x",
    "expr \\( 1 + 2 \\) \\* 3; expr length abcd",
    "set -u; x=1; echo $x ${none-default} ${#x} $#; set +u; echo $none",
    "set -- a 'b c'; echo $# \"$2\"; set --; echo $#",
    "printf 'x=2\nf() { echo sourced $1; }\nfalse\n' > lib; . ./lib; echo $? $x; f y",
    "echo {} {{ 1 }} a{b}c }; echo '\\z' \\\\z 'a\\ b'; x={}; echo $x",
    "echo $PWD; ln -s dir way; cd way; pwd; basename $PWD; printenv PWD; echo $OLDPWD; cd sub/..; (cd ..; pwd); pwd",
    "ln -s dir way; PWD=/nowhere sh -c 'echo ${PWD}'; cd way; sh -c 'echo ${PWD##*/}'; cd sub && sh -c 'basename $PWD'",
    "sh -eu -c 'echo $0; false; echo never'; echo $?; sh -e -u -c 'echo ${1-none}' name",
    "x=1; f() { echo $x; x=2; }; (f); f; echo $x; f > new; cat new; f 2>&1 | cat",
]


QUOTES = "'''"


def furnish(folder: Path) -> Path:
    folder.mkdir()
    (folder / "dir" / "sub").mkdir(parents=True)
    (folder / "file").write_text("text")
    (folder / "file").chmod(0o644)
    (folder / "link").symlink_to("file")
    return folder


def tree(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path.relative_to(folder)), path.lstat().st_mode) for path in folder.rglob("*"))


def nothing(argv: list[str], environ: Mapping[str, str], cwd: str, stdin: bytes) -> Answer:
    raise AssertionError(argv)


@pytest.mark.parametrize("command", COMMANDS)
def test_it_does_what_a_shell_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """The same output and exit status, and the same files with the same modes."""
    mine, theirs = furnish(tmp_path / "mine"), furnish(tmp_path / "theirs")
    monkeypatch.setenv("HOME", str(theirs))
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=theirs, capture_output=True, check=False, umask=0o022
    )
    monkeypatch.setenv("HOME", str(mine))
    found = Shell(nothing, str(mine), umask=0o022).run(command)
    assert found.stdout.decode().replace(str(mine), "HERE") == done.stdout.decode().replace(
        str(theirs), "HERE"
    )
    assert bool(found.status) == bool(done.returncode)
    assert bool(found.stderr) == bool(done.stderr)
    assert tree(mine) == tree(theirs)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash to compare with")
@pytest.mark.parametrize(
    "command",
    [
        "set -o pipefail; false | true; echo $?; true | (exit 3) | cat; echo $?",
        "set -o pipefail; set +o pipefail; false | true; echo $?",
        "set -eo pipefail; echo a | cat; false | cat || echo saved; false | cat; echo never",
        "bash -euo pipefail -c 'echo $0 $#; false | true; echo never' name x; echo $?",
    ],
)
def test_what_not_every_sh_has_is_as_in_bash(tmp_path: Path, command: str) -> None:
    """``pipefail``, which playbooks ask bash for."""
    real = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, check=False)
    answer = Shell(nothing, str(tmp_path)).run(command)
    assert (answer.status, answer.stdout) == (real.returncode, real.stdout)


@pytest.mark.parametrize(
    "command",
    [
        "echo a |& cat", "echo a |", "| cat", "sleep 1 &", "echo `", "echo 'open", 'echo "open', "(echo", "echo )",
        "()", "&& echo", "echo &&", "echo ${x^y}", "echo $((1+1)", "echo > a*", "cat << end", "cat <<<x", "echo >",
        "echo 3> file", "echo >&3", "echo >| file", "echo <(cat)", "cat -n file", "rm file -f", "basename -s x y",
        "dirname a b", "echo [^a]", "chmod +x file", "chmod -R u+x dir", "mkdir -m 700 x", "umask", "umask u=rwx",
        "echo a\\\\b",
        "cd -", "echo -e x", "test a -nt b", "echo {a,b}", "", "sleep 1m", "if true; then echo", "if true; echo; fi",
        "if; then echo; fi", "for x in a; echo; done",
        "for 1 in a; do echo; done", "while true; do; done", "case a in a) echo;;", "case in a) echo;; esac",
        "f() echo", "echo ${x:?}", "f() { echo; ", "export() { echo; }", "local x=1", "return 1", "echo $((1 +))",
        "echo $((1 / 0))", "echo $((x++))", "echo $((08))", "echo $(( ))", "echo $((a b))", "x=y; echo $((x))",
        "echo [[:digit:]]", "{ echo }", "{echo; }", "time true", "fi", "done", "then echo", "! ", "set -x", "shift 2",
        "set -u; echo $x", "set", "set -o", ". lib", ". ./nothing", "expr a : b", "expr b '<' a", "expr 1 +", "expr",
        "echo x{a,b}",
        'echo "x$@"', "read", "echo ${x", "[[ a = a ]]", "for x in a & do echo; done",
    ],
)  # fmt: skip
def test_what_it_does_not_know_it_does_not_try(tmp_path: Path, command: str) -> None:
    """Anything else is refused, and leaves nothing behind."""
    folder = furnish(tmp_path / "here")
    before = tree(folder)
    if command:
        with pytest.raises(Unsupported):
            Shell(nothing, str(folder)).run(command)
    else:
        assert Shell(nothing, str(folder)).run(command) == Answer()
    assert tree(folder) == before


def test_programs_are_named_before_anything_is_done(tmp_path: Path) -> None:
    """A list that needs a program in its middle is not begun."""
    with pytest.raises(CannotStart) as caught:
        Shell(nothing, str(tmp_path)).run("mkdir made && (echo x; uname -a)")
    assert caught.value.program == "uname"
    assert tree(tmp_path) == []
    with pytest.raises(CannotStart):
        Shell(nothing, str(tmp_path)).run("A=sudo; $A id")
    answer = refuse("uname")
    assert answer.status == 127
    assert b"'uname'" in answer.stderr


def test_another_shell_that_cannot_run_is_a_program_that_does_not_start(tmp_path: Path) -> None:
    """What was done before it stands, and so does what comes after it; by itself it is refused beforehand."""
    (tmp_path / "tool").write_text("#!/bin/sh\necho never\nuname -a\n")
    (tmp_path / "tool").chmod(0o755)
    shell = Shell(nothing, str(tmp_path))
    for inner, program in (
        ("sh -c 'echo never; uname'", b"'uname'"),
        ("./tool", b"'uname'"),
        ("sh -c 'time :'", b"time"),
        ("bash -x -c true", b"bash -x"),
        ("sh", b"'sh'"),
    ):
        answer = shell.run(f"echo before; {inner}; echo after $?")
        assert answer.stdout == b"before\nafter 127\n"
        assert program in answer.stderr
    for words in (["sh", "-c", "echo; uname"], ["./tool"], ["bash", "tool"]):
        with pytest.raises(CannotStart, match="uname"):
            shell.prepare(words)
    for words in (["sh", "-c", "time :"], ["sh"], ["bash", "-x", "-c", "true"]):
        with pytest.raises(Unsupported):
            shell.prepare(words)
    assert shell.prepare(["sh", "nothing"])().status != 0


@pytest.mark.parametrize("name", ["no-such-program", "/no/such/program"])
def test_a_program_that_is_not_there_is_not_found(name: str) -> None:
    """A shell says so, and Ansible looks for these words; one that is there is not said to be missing."""
    for program, missing in ((name, True), ("sh", False), ("/bin/sh", False)):
        assert (f"{program}: not found".encode() in refuse(program).stderr) is missing


def test_python_gets_its_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words, the assignments before them, and the directory of the shell at that point."""
    seen: list[Any] = []

    def python(argv: list[str], environ: Mapping[str, str], cwd: str, stdin: bytes) -> Answer:
        seen.append((argv, dict(environ), cwd, stdin))
        return Answer(3, b"out\n", b"err\n")

    (tmp_path / "dir").mkdir()
    monkeypatch.setenv("PWD", "/nowhere")
    shell = Shell(python, str(tmp_path), stdin=b"in\n")
    found = shell.run(f"cd dir && A=1 LC_ALL='C.UTF-8' {sys.executable} 'a file' \"$A\" > /dev/null")
    words = [sys.executable, "a file", ""]
    folder = str(tmp_path / "dir")
    assert seen == [(words, {"PWD": folder, "A": "1", "LC_ALL": "C.UTF-8"}, folder, b"in\n")]
    assert found == Answer(3, b"", b"err\n")


@pytest.mark.parametrize(
    ("first", "runs"),
    [
        (f"#!{sys.executable}", True),
        ("#!/usr/bin/env python3", True),
        ("#! /usr/bin/env  python", True),
        (f'#!/bin/sh\n{QUOTES}exec\' "/very/long/name/python3" "$0" "$@"\n\' {QUOTES}', True),
        (f'#!/bin/sh\n{QUOTES}exec\' /very/long/name/python3 "$0" "$@"\n\' {QUOTES}', True),
        ("#!/bin/sh -x", False),
        ("#!/usr/bin/env", False),
        ("import this", False),
        ("", False),
    ],
)
def test_a_program_that_is_a_python_script_runs(tmp_path: Path, first: str, runs: bool) -> None:
    """Found on the path, or by its own path, and run by this interpreter; any other program is named."""
    seen: list[Any] = []

    def python(argv: list[str], environ: Mapping[str, str], cwd: str, stdin: bytes) -> Answer:
        seen.append(argv)
        return Answer()

    tool = tmp_path / "tool"
    tool.write_text(f"{first}\nprint('hello')\n")
    tool.chmod(0o755)
    shell = Shell(python, str(tmp_path), {"PATH": f"{tmp_path}{os.pathsep}/nowhere"})
    for words in (["tool", "a b"], ["./tool", "a b"], [str(tool), "a b"]):
        if runs:
            shell.prepare(words)()
            shell.run(f"{words[0]} 'a b'")
        else:
            with pytest.raises(CannotStart):
                shell.prepare(words)()
            with pytest.raises(CannotStart):
                shell.run(f"{words[0]} 'a b'")
    assert all(os.path.samefile(argv[1], tool) and argv[2:] == ["a b"] for argv in seen)
    assert len(seen) == (6 if runs else 0)


def test_words_that_no_shell_has_read(tmp_path: Path) -> None:
    """A program gets its arguments as they are, and what only shells know is no program."""
    shell = Shell(nothing, str(tmp_path))
    assert shell.prepare(["echo", "*", "$HOME", "a  b;"])().stdout == b"* $HOME a  b;\n"
    assert shell.prepare(["/bin/echo", "here"])().stdout == b"here\n"
    for name in ("cd", ":", "umask", "command", "uname", "/bin/cd", "/opt/echo"):
        with pytest.raises(CannotStart):
            shell.prepare([name])


def test_which_programs_are_python() -> None:
    """The interpreter by its path, and whatever is called python: there is one interpreter here."""
    assert all(
        map(is_python, [sys.executable, "python", "/usr/bin/python3", "python3.13", "/opt/x/python3.11"])
    )
    assert not any(map(is_python, ["pythonic", "/usr/bin/pypy3", "sh", "python3-config", ""]))


def test_a_word_that_is_empty() -> None:
    """Quotes make a word even of nothing, an unset variable does not."""
    (step,) = parse("echo '' $x \"\"")
    assert len(step.commands[0].words) == 4  # type: ignore[union-attr]
    assert Shell(nothing, os.sep).run("echo '' $UNSET_VARIABLE \"\"").stdout == b" \n"
