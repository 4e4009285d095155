"""The repository's rules about its own files. A rule is a function from a Tree to findings."""

import dataclasses
import fnmatch
import re

import source_text

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70

ROOMS = ("runtime", "state", "operators", "coordinator")
MAY_INCLUDE = {
    "runtime": {"runtime"},
    "state": {"runtime", "state"},
    "operators": {"runtime", "state", "operators"},
    "coordinator": {"runtime", "state", "coordinator"},
}
# The one header of a topology author: it joins all rooms, so no direction holds for it.
UMBRELLA = "coordinator/include/weir/weir.h"

# Libraries that one room alone touches, by the start of the include path.
OWNED = {
    "tbb/": "runtime",
    "oneapi/": "runtime",
    "zmq": "runtime",
    "rocksdb/": "state",
    "zookeeper": "coordinator",
}
NOT_IN_PUBLIC_HEADERS = ("tbb/", "oneapi/", "rocksdb/", "zmq", "spdlog/", "CLI/", "CLI11", "nlohmann/",
                         "simdjson", "fmt/")
FORBIDDEN_WORDS = {"util", "utils", "helper", "helpers", "common", "manager", "misc", "impl"}
TOP_LEVEL = {"runtime", "state", "operators", "coordinator", "examples", "tests", "scripts", "docs",
             "cmake", "CMakeLists.txt", "CMakePresets.json", "CMakeUserPresets.json", "LICENSE",
             "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "build", "out"}


@dataclasses.dataclass(frozen=True)
class Finding:
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


@dataclasses.dataclass
class Tree:
    """The files under judgement: path to text, and the lists that go with the rules."""

    files: dict
    seams: str = ""
    size_allowlist: str = "budget 0\n"

    def cpp(self, *folders):
        for path, text in sorted(self.files.items()):
            if path.endswith((".h", ".cc")) and (not folders or path.split("/")[0] in folders):
                yield path, text


def is_public_header(path):
    parts = path.split("/")
    return parts[0] in ROOMS and len(parts) > 2 and parts[1] == "include" and path.endswith(".h")


def _includes(text):
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]',
                             source_text.without_comments(text), re.MULTILINE):
        yield source_text.line_of(text, match.start()), match.group(1), match.group(2)


def _matches(tree_files, pattern, what):
    for path, text in tree_files:
        blanked = source_text.without_comments_and_literals(text)
        for match in re.finditer(pattern, blanked):
            yield Finding(path, source_text.line_of(text, match.start()),
                          what.format(match.group(0).strip()))


def _room_include(path, line, target):
    room = path.split("/")[0]
    parts = target.split("/")
    if parts[0] == "weir" and len(parts) > 2 and parts[1] in ROOMS and parts[1] not in MAY_INCLUDE[room]:
        yield Finding(path, line, f"{room} may not include {parts[1]}: {target}")
    if target == "weir/weir.h":
        yield Finding(path, line, f"{target} is for users; include what is needed from the rooms")
    if ".." in parts or (parts[0] in ROOMS and len(parts) > 1):
        yield Finding(path, line, f"include by <weir/room/...> or a private header's name: {target}")
    for start, owner in OWNED.items():
        if target.startswith(start) and room != owner:
            yield Finding(path, line, f"{owner} alone touches {target}")


def include_directions(tree):
    """Rooms include only what stands below them, and each outside library has one room."""
    for path, text in tree.cpp(*ROOMS):
        if path != UMBRELLA:
            for line, _, target in _includes(text):
                yield from _room_include(path, line, target)


def public_headers_stay_light(tree):
    """No implementation library and no private header shows through a public one."""
    for path, text in tree.cpp(*ROOMS):
        if not is_public_header(path):
            continue
        for line, _, target in _includes(text):
            if target.startswith(NOT_IN_PUBLIC_HEADERS):
                yield Finding(path, line, f"a public header may not include {target}")
            if "/" not in target and target.endswith(".h") and target != "xxhash.h":
                if f"{path.split('/')[0]}/src/{target}" in tree.files:
                    yield Finding(path, line, f"a public header may not include the private {target}")


def examples_use_installed_headers(tree):
    """Examples see what an outside program sees: <weir/...>, and files of their own folder."""
    for path, text in tree.cpp("examples"):
        folder = path.rsplit("/", 1)[0]
        for line, quote, target in _includes(text):
            if quote == '"' and f"{folder}/{target}" not in tree.files:
                yield Finding(path, line, f"an example includes <weir/...> or its own files: {target}")
            if target.startswith(NOT_IN_PUBLIC_HEADERS):
                yield Finding(path, line, f"an example needs only <weir/...>, not {target}")


def sizes(tree):
    """(key, line, number of lines) of every file and function that is longer than it should be."""
    for path, text in tree.cpp():
        lines = text.count("\n")
        if lines > MAX_FILE_LINES:
            yield path, 1, lines
        for name, first, length in source_text.functions_of(text):
            if length > MAX_FUNCTION_LINES:
                yield f"{path}:{name}", first, length


def size_limits(tree):
    """Long files and functions stand in a list that only shrinks."""
    listed, budget = {}, 0
    where = "scripts/size_allowlist.txt"
    for number, line in enumerate(tree.size_allowlist.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "budget" and len(words) == 2:
            budget = int(words[1])
        elif len(words) >= 3 and words[1].isdigit():
            listed[words[0]] = (int(words[1]), number)
        else:
            yield Finding(where, number, "expected: PATH[:FUNCTION] LINES REASON")
    if len(listed) != budget:
        yield Finding(where, 1, f"{len(listed)} entries, but the budget is {budget}: it only goes down")
    unused = dict(listed)
    for key, line, length in sizes(tree):
        allowed, number = unused.pop(key, listed.get(key, (0, 0)))
        if length > allowed:
            limit = MAX_FUNCTION_LINES if ":" in key else MAX_FILE_LINES
            yield Finding(key.split(":")[0], line, f"{key} has {length} lines (limit {allowed or limit})")
        elif length < allowed:
            yield Finding(where, number, f"{key} has {length} lines by now: lower its entry")
    for key, (_, number) in unused.items():
        yield Finding(where, number, f"{key} is within the limit: remove its entry, lower the budget")


def file_names(tree):
    """Files are snake_case, and none is named after nothing in particular."""
    for path in sorted(tree.files):
        top = path.split("/")[0]
        if top not in TOP_LEVEL and not top.startswith("."):
            yield Finding(path, 1, f"nothing but the rooms stands at the top level, not {top}")
        if not path.endswith((".h", ".cc", ".py", ".fbs")):
            continue
        stem = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", stem):
            yield Finding(path, 1, f"file names are snake_case: {stem}")
        for word in FORBIDDEN_WORDS & set(stem.split("_")):
            yield Finding(path, 1, f"no file is named {word}: say what it holds")


def type_names(tree):
    """No type is named after nothing in particular."""
    pattern = re.compile(r"\b(?:class|struct|union|enum|concept|using)\s+(?:\[\[[^\]]*\]\]\s*)?"
                         r"(?:WEIR_\w+(?:\([^)]*\))?\s+)?([A-Z]\w*)")
    for path, text in tree.cpp():
        blanked = source_text.without_comments_and_literals(text)
        for match in pattern.finditer(blanked):
            words = {word.lower() for word in re.findall(r"[A-Z][a-z0-9]*", match.group(1))}
            for word in words & FORBIDDEN_WORDS:
                yield Finding(path, source_text.line_of(text, match.start()),
                              f"no type is named {word}: {match.group(1)}")


def macro_names(tree):
    """Macros of the rooms begin with WEIR_, or XXH_ where they configure that library."""
    for path, text in tree.cpp(*ROOMS):
        blanked = source_text.without_comments(text)
        for match in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(?!WEIR_|XXH_)(\w+)", blanked, re.MULTILINE):
            yield Finding(path, source_text.line_of(text, match.start()),
                          f"macros begin with WEIR_: {match.group(1)}")


def _outside(tree, files):
    patterns = [line.split()[0] for line in tree.seams.splitlines()
                if line.strip() and not line.startswith("#")]
    for path, text in files:
        if not any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns):
            yield path, text


def seams(tree):
    """Time and threads come through the seams: design section 11."""
    yield from _matches(
        _outside(tree, tree.cpp(*ROOMS, "examples")),
        r"\b\w+_clock\s*::\s*now\b|\bstd::(?:jthread|thread|this_thread|async)\b"
        r"|\b(?:clock_gettime|gettimeofday|pthread_create|usleep|nanosleep)\s*\(|\bstd::random_device\b",
        "'{}' belongs behind a seam (scripts/seams.txt)")


def tests_do_not_wait(tree):
    """Tests neither sleep nor draw chance from the machine nor read the wall clock."""
    unit_tests = ((path, text) for path, text in tree.cpp("tests")
                  if not path.startswith("tests/benchmarks/"))
    yield from _matches(
        _outside(tree, unit_tests),
        r"\b(?:sleep_for|sleep_until|usleep|nanosleep|random_device)\b|\bsystem_clock\s*::\s*now\b"
        r"|(?<![\w.>])sleep\s*\(",
        "a test may not use '{}': drive a clock, pass a seed")


def no_shell(tree):
    """Nothing runs a shell."""
    yield from _matches(tree.cpp(), r"(?<![\w.>])(?:std::|::)?(?:system|popen)\s*\((?=\s*[^)\s])",
                        "no shell: '{}'")


def nothing_detached(tree):
    """A thread is joined by whoever started it."""
    yield from _matches(tree.cpp(), r"\.\s*detach\s*\(\s*\)", "'{}': join it instead")


def abseil_strings_stay_inside(tree):
    """Debian's absl::string_view is a type of its own, so the public face uses the standard one."""
    headers = ((path, text) for path, text in tree.cpp(*ROOMS) if is_public_header(path))
    yield from _matches(headers, r"\babsl::(?:string_view|Span)\b", "'{}' in a public header")


def headers_are_guarded(tree):
    """Every header opens with a comment that says what it is, and has #pragma once."""
    for path, text in tree.cpp():
        if not path.endswith(".h"):
            continue
        if not re.search(r"^#pragma once$", text, re.MULTILINE):
            yield Finding(path, 1, "a header has #pragma once")
        if not text.startswith("//"):
            yield Finding(path, 1, "a header opens with a comment that says what it is")


RULES = (include_directions, public_headers_stay_light, examples_use_installed_headers, size_limits,
         file_names, type_names, macro_names, seams, tests_do_not_wait, no_shell, nothing_detached,
         abseil_strings_stay_inside, headers_are_guarded)
