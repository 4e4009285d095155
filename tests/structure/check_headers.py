"""Compiles every public header alone, seeing only the rooms that its own room may see.

usage: check_headers.py REPOSITORY JOBS       (CXX chooses the compiler)
"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys

import rules


def compile_alone(root, header):
    room = header.split("/")[0]
    visible = rules.ROOMS if header == rules.UMBRELLA else sorted(rules.MAY_INCLUDE[room])
    name = header.split("/include/", 1)[1]
    command = [os.environ.get("CXX", "g++"), "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
               *(f"-I{root}/{other}/include" for other in visible), "-x", "c++", "-"]
    # Included twice: a header without its guard shows too.
    source = f"#include <{name}>\n#include <{name}>\n"
    ran = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    return header, ran.returncode, ran.stderr


def main(root, jobs):
    root = pathlib.Path(root)
    headers = [path.relative_to(root).as_posix()
               for room in rules.ROOMS for path in sorted((root / room / "include").rglob("*.h"))]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(int(jobs)) as pool:
        for done, (header, code, errors) in enumerate(
                pool.map(lambda header: compile_alone(root, header), headers), 1):
            if sys.stdout.isatty():
                print(f"\r  {done}/{len(headers)}", end="\n" if done == len(headers) else "", flush=True)
            if code != 0:
                failed += 1
                print(f"{header}: does not compile alone:\n{errors}")
    print(f"headers: {len(headers)} compiled alone, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
