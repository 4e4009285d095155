"""Topologies that cannot work do not compile, and the compiler says why in words of Weir.

usage: compile_errors_test.py COMPILER SOURCE_FOLDER BAD_PROGRAMS
"""

import pathlib
import re
import subprocess
import sys

ROOMS = ("runtime", "state", "operators", "coordinator")


def compile_it(compiler, source_folder, program, *more):
    command = [compiler, "-std=c++20", "-fsyntax-only", "-fmessage-length=0"]
    if "clang" in pathlib.Path(compiler).name:
        command.append("-ferror-limit=0")
    command += [f"-I{source_folder}/{room}/include" for room in ROOMS]
    done = subprocess.run([*command, *more, program], capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, check=False)
    return done.returncode, done.stderr


def expectations(program):
    """(line of the bad statement, words of the message), for each."""
    lines = pathlib.Path(program).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        said = re.match(r"\s*// says: (.*\S)", line)
        if said:
            yield number + 1, said.group(1)


def words_at(line, words, program, output):
    """Whether an error with these words is followed back to that line."""
    name = re.escape(pathlib.Path(program).name)
    asserted = [text for text in output.splitlines() if "error:" in text and "static" in text]
    return any(words in text for text in asserted) and re.search(rf"{name}:{line}:", output)


def main(compiler, source_folder, program):
    code, output = compile_it(compiler, source_folder, program, "-DWEIR_CORRECTED")
    if code != 0:
        sys.exit(f"the corrected programs do not compile:\n{output}")
    code, output = compile_it(compiler, source_folder, program)
    if code == 0:
        sys.exit("the bad programs compile")
    expected = list(expectations(program))
    missing = [(line, words) for line, words in expected
               if not words_at(line, words, program, output)]
    for line, words in missing:
        print(f"{program}:{line}: the compiler does not say: {words}")
    if missing or not expected:
        sys.exit(f"{len(missing)} of {len(expected)} messages are missing:\n{output[:20000]}")
    print(f"{len(expected)} bad programs are refused with a readable message")


if __name__ == "__main__":
    main(*sys.argv[1:])
