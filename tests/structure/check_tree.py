"""Applies every rule of rules.py to the repository.

usage: check_tree.py REPOSITORY
"""

import pathlib
import sys

import rules

SKIPPED = {"build", "out", ".git", ".cache", "__pycache__"}


def read_tree(root):
    files = {}
    pending = [root]
    while pending:
        for entry in pending.pop().iterdir():
            if entry.name in SKIPPED:
                continue
            if entry.is_dir():
                pending.append(entry)
            elif entry.suffix in (".h", ".cc", ".py", ".fbs"):
                files[entry.relative_to(root).as_posix()] = entry.read_text()
            elif entry.parent == root:
                files[entry.name] = ""
    return rules.Tree(
        files,
        seams=(root / "scripts/seams.txt").read_text(),
        size_allowlist=(root / "scripts/size_allowlist.txt").read_text(),
    )


def main(root):
    tree = read_tree(pathlib.Path(root))
    findings = 0
    for rule in rules.RULES:
        for finding in rule(tree):
            print(finding)
            findings += 1
    print(f"structure: {len(rules.RULES)} rules, {len(tree.files)} files, {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
