"""What the guides in docs and the container files tell people to type, and what they then should see."""
import json
import pathlib
import re
import shlex

DOCUMENTS = pathlib.Path(__file__).resolve().parent.parent.parent / "docs"


def steps(name):
    """The lines of the `sh` blocks of a guide, in their order; the last line of a block with the `text` block behind it, if there is one."""
    found = []
    blocks = re.findall(r"^```(sh|text)\n(.*?)^```$", (DOCUMENTS / name).read_text(), re.MULTILINE | re.DOTALL)
    for kind, text in blocks:
        lines = [line for line in text.splitlines() if line.strip()]
        if kind == "sh":
            found += [(line, None) for line in lines]
        else:
            found[-1] = (found[-1][0], lines)
    return found


def command(name, beginning):
    """The only line of a guide that begins so."""
    (line,) = {line for line, _ in steps(name) if line.removeprefix("sudo ").startswith(beginning)}
    return line.removeprefix("sudo ")


def shows(output, lines):
    """Whether an output has these lines in their order. Numbers are like any other number, blanks like more of them, and … is anything."""
    rest = output.splitlines()
    for line in lines:
        pattern = re.compile(r"\s*".join(like(word) for word in line.split()))
        while rest and not pattern.search(rest[0]):
            rest.pop(0)
        if not rest:
            return False
        rest.pop(0)
    return True


def like(word):
    pieces = re.split(r"(…|\d+)", word)
    return "".join(".*" if piece == "…" else r"\d+" if piece.isdigit() else re.escape(piece) for piece in pieces)


class container_file:
    """The part of a container file that can be followed without an engine."""

    def __init__(self, path):
        text = re.sub(r"^#.*\n", "", path.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
        self.lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]
        self.steps = [rest for word, rest in self.lines if word == "RUN"]

    def value(self, wanted):
        return [rest for word, rest in self.lines if word == wanted]

    def command(self, **environment):
        """What a container runs, as its user and with its environment."""
        (user,), (folder,), (entry,) = self.value("USER"), self.value("WORKDIR"), self.value("ENTRYPOINT")
        given = [*self.value("ENV"), *(f"{key}={value}" for key, value in environment.items())]
        words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *given]
        return f"cd {folder} && {shlex.join(words + json.loads(entry))}"
