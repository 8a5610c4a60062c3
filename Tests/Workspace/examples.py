#!/usr/bin/env python3
"""Makes the examples of CONTRIBUTING.md in a copy of the workspace.

Each section `### …` there has a change as a diff. It must touch one source file; its lines must stand in that file as they are. All changes
together are made in the copy, which the caller then builds, and `Tests/Workspace/Examples` is a program there that sees what each of
them did. So what the page says is tried whenever the workspace is.

usage: examples.py copy FOLDER     the workspace with the examples, in a new folder
"""
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECTION = re.compile(r"^### (.+?)\n(.*?)(?=^#|\Z)", re.DOTALL | re.MULTILINE)
DIFF = re.compile(r"```diff\n--- (\S+)\n(.*?)```", re.DOTALL)
COPIED = ["Packages", "Apps", "Tests/Workspace", "Tests/Golden", "Tests/Integration", "Package.swift"]


def examples():
    """{what is added: (the file, its hunks)}, each hunk the lines before and the lines after."""
    found = {}
    for title, text in SECTION.findall((ROOT / "CONTRIBUTING.md").read_text()):
        changes = DIFF.findall(text)
        if len(changes) != 1 or len(re.findall(r"^--- ", changes[0][1], flags=re.MULTILINE)):
            sys.exit(f"CONTRIBUTING.md: '{title}' has {len(changes)} changes; an example is one change of one file")
        path, body = changes[0]
        hunks = []
        for hunk in body.split("@@\n"):
            lines = hunk.splitlines()
            if unknown := [line for line in lines if line[:1] not in (" ", "+", "-", "")]:
                sys.exit(f"CONTRIBUTING.md: '{title}': a line of a diff begins with a blank, + or -, not: {unknown[0]}")
            hunks.append(("\n".join(line[1:] for line in lines if line[:1] != "+"), "\n".join(line[1:] for line in lines if line[:1] != "-")))
        found[title] = (path, hunks)
    return found


def make(folder):
    folder.mkdir(parents=True)
    for part in COPIED:
        source = ROOT / part
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns(".build*", "__pycache__"))
        else:
            shutil.copy(source, folder / part)
    for title, (path, hunks) in examples().items():
        file = folder / path
        if not file.exists():
            sys.exit(f"CONTRIBUTING.md: '{title}' changes {path}, which is not there")
        text = file.read_text()
        for before, after in hunks:
            if text.count(before) != 1:
                sys.exit(f"CONTRIBUTING.md: '{title}': these lines stand {text.count(before)} times in {path}:\n{before}")
            text = text.replace(before, after)
        file.write_text(text)
        print(f"{title}: {path}")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "copy":
        sys.exit(__doc__)
    make(pathlib.Path(sys.argv[2]))
