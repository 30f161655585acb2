"""logtrace.py - holds log files against the acceptance trace, docs/spec/93-logs.md.

The patterns are read from that file, never repeated here: section() gives the lines of a numbered
section, block by block; match() demands that a log has them in order. A placeholder that recurs
(<seq>, <job>, <id>) must have the same value wherever it stands in one trace.
"""
import os
import re

ROOT = os.environ.get("UPKEEP_SOURCE_ROOT") or os.path.join(os.path.dirname(__file__), "..", "..")
SPEC = os.path.join(ROOT, "docs", "spec", "93-logs.md")

# What a placeholder may stand for; the rest is any text of one line.
SHAPES = {
    "site": r"[A-Z0-9]{3}", "parent": r"[A-Z0-9]{3}", "child": r"[A-Z0-9]{3}",
    "id": r"[0-9A-Fa-f-]{36}", "guid": r"[0-9A-Fa-f-]{36}", "GUID": r"[0-9A-Fa-f-]{36}",
    "job": r"[0-9A-Fa-f-]{36}", "loc": r"[0-9A-Fa-f-]{36}", "msg": r"[0-9A-Fa-f-]{36}",
    "reply": r"[0-9A-Fa-f-]{36}", "v": r"\d+", "n": r"\d+", "p": r"\d+", "d": r"\d+", "hh": r"\d\d",
    "mm": r"\d\d", "ss": r"\d\d", "seq": r"\d+", "tid": r"\d+", "pid": r"\d+", "port": r"\d+",
    "hex": r"[0-9A-Fa-f]+", "revision": r"\d+", "hh:mm:ss": r"\d\d:\d\d:\d\d",
    "YYYY-MM-DD": r"\d{4}-\d\d-\d\d", "hh:mm:ss:mmm": r"\d\d:\d\d:\d\d:\d{3}",
    "YYYY-MM-DD hh:mm:ss.mmm": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}",
    "PkgID": r"[A-Z0-9]{8}", "cj": r"[0-9A-Fa-f-]{36}", "dts": r"[0-9A-Fa-f-]{36}",
    "dts2": r"[0-9A-Fa-f-]{36}", "bits": r"[0-9A-Fa-f-]{36}", "http|https": r"https?", "title": r".+", "process": r"\w+", "text": r".+", "place": r".+",
}
# Placeholders whose value must be the same in all lines of a trace.
SAME = {"seq", "id", "job", "loc", "msg", "reply", "PkgID"}
TOKEN = re.compile(r"<([A-Za-z][^<>]*)>|(…)")


class TraceError(AssertionError):
    pass


def section(number):
    """The text blocks of section `number` ("2.4"): a list of lists of pattern lines."""
    text = open(SPEC, encoding="utf-8").read()
    start = re.search(rf"^###? {re.escape(number)}\b.*$", text, re.M)
    if not start:
        raise TraceError(f"93-logs.md has no section {number}")
    rest = text[start.end():]
    end = re.search(r"^##", rest, re.M)
    body = rest[:end.start()] if end else rest
    return [block.splitlines() for block in re.findall(r"```text\n(.*?)```", body, re.S)]


def compile_line(line, names):
    """A pattern line as a regular expression for a text with / for \\ (paths are those of Linux, users and
    NALPaths are not); names collects the groups that must agree."""
    line = re.sub(r"^(main|pkg|dp|repl|send|desp)\s*\| ", "", line).replace("\\", "/")
    # Addresses stand with and without angle brackets (11.5); the lab has http and other ports.
    line = re.sub(r"'<(https://<source>:443/.*?)>'", r"'\1'", line)
    line = line.replace("https://<source>:443/", "<http|https>://<source>/")
    out, at = [], 0
    for token in TOKEN.finditer(line):
        out.append(re.escape(line[at:token.start()]))
        at = token.end()
        word = token.group(1)
        if word is None:
            out.append(".*")
        elif word in SAME:
            group = f"g{len(names)}"
            names.append((group, word))
            out.append(f"(?P<{group}>{SHAPES.get(word, '.+?')})")
        else:
            out.append(f"(?:{SHAPES.get(word, '.+?')})")
    out.append(re.escape(line[at:]))
    return re.compile("".join(out))


def texts(path):
    """The texts of a log's records, whatever its form."""
    found = []
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log.read().replace("\r\n", "\n").split("\n"):
            server = re.match(r"(.*?)  \$\$<[^<>]*><[^<>]*><thread=", line)
            client = re.match(r"<!\[LOG\[(.*)\]LOG\]!><time=", line)
            text = server.group(1) if server else client.group(1) if client else line
            if text:
                found.append(text)
    return found


def match(lines, patterns, what="log", bound=None):
    """Demands the patterns in order among lines; other lines may stand between. Returns the index
    behind the last one. bound: values of recurring placeholders, shared between calls."""
    bound = {} if bound is None else bound
    at = 0
    for pattern in patterns:
        if pattern.strip() == "...":
            continue
        names = []
        expression = compile_line(pattern, names)
        while True:
            if at >= len(lines):
                raise TraceError(f"{what}: nothing more fits the line\n  {pattern}\nknown: {bound}")
            fit = expression.fullmatch(lines[at].replace("\\", "/"))
            at += 1
            if fit and all(bound.get(word, fit[group]) == fit[group] for group, word in names):
                bound.update({word: fit[group] for group, word in names})
                break
    return at


def match_section(path, number, block=0, start=0, bound=None):
    """match() of one block of a section against a log file from its record `start` on."""
    lines = texts(path)
    where = match(lines[start:], section(number)[block], os.path.basename(path), bound)
    return start + where


def absent(lines, pattern):
    """Demands that no line fits the pattern."""
    expression = compile_line(pattern, [])
    for line in lines:
        if expression.fullmatch(line.replace("\\", "/")):
            raise TraceError(f"must not appear: {line}")
