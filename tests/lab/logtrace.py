"""logtrace.py - holds log files against the acceptance trace, docs/spec/93-logs.md.

The patterns are read from that file, never repeated here: section() gives the lines of a numbered
section, block by block; match() demands that a log has them in order. A placeholder that recurs
(<seq>, <job>, <NAL>) must have the same value wherever it stands in one trace, and all lines of a
label ("pkg  | ") are one thread's, another's than those of the other labels (93-logs.md 1.3).
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
SAME = {"seq", "id", "job", "loc", "msg", "reply", "PkgID", "NAL", "DP", "JobID", "cid", "cj", "dts", "dts2", "rowid"}
LABEL = re.compile(r"^(main|pkg|dp|repl|send|desp)\s*\| ")
# Lines that name a thread which has its label from then on.
NAMED = [(re.compile(r"~Started package processing thread .*\((\d+)\)"), "pkg", 10),
         (re.compile(r"~Created DP processing thread (\d+) .*"), "dp", 10),
         (re.compile(r"~Created sending thread \(Thread ID = 0x([0-9A-F]+)\)"), "send", 16)]
TOKEN = re.compile(r"<([A-Za-z][^<>]*)>|(…)")


class TraceError(AssertionError):
    pass


class Text(str):
    """The text of a record, with the number of the thread that wrote it (None: the form has none)."""
    thread = None


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


def compile_line(line, names, bound=None):
    """A pattern line as a regular expression for a text with / for \\ (paths are those of Linux, users and
    NALPaths are not); names collects the groups that must agree, but for those that bound has a value of."""
    line = LABEL.sub("", line).replace("\\", "/")
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
        elif word in (bound or ()):
            out.append(re.escape(bound[word]))
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
            form = (re.match(r"(.*?)  \$\$<[^<>]*><[^<>]*><thread=(\d+)", line) or
                    re.match(r"<!\[LOG\[(.*)\]LOG\]!><time=.* thread=\"(\d+)\"", line))
            text = Text(form.group(1) if form else line)
            text.thread = int(form.group(2)) if form else None
            if text:
                found.append(text)
    return found


def fits(pattern, text, bound):
    """Whether a text is what a pattern line says, written by the thread of its label; what it is the
    first to say is noted in bound: values of placeholders, and threads by their labels ("|pkg")."""
    names, label, threads = [], LABEL.match(pattern), {}
    fit = compile_line(pattern, names, bound).fullmatch(text.replace("\\", "/"))
    if not fit or any(fit[a] != fit[b] for a, word in names for b, other in names if word == other):
        return False
    if label and isinstance(text, Text):
        threads["|" + label[1]] = text.thread
    for expression, named, base in NAMED:
        told = expression.fullmatch(text)
        if told:
            threads["|" + named] = int(told[1], base)
    known = {key: value for key, value in bound.items() if key.startswith("|")}
    if any(known.get(key, value) != value for key, value in threads.items()):
        return False
    known.update(threads)
    if len(set(known.values())) != len(known):
        return False
    bound.update(known)
    bound.update((word, fit[group]) for group, word in names)
    return True


def _search(lines, patterns, first, at, bound, missed):
    """The index behind the last line and what is known then; None: patterns[first:] do not fit from line `at` on. What a line
    is the first to name may be of another trace, as a thread may be another package's: then a later line is tried."""
    if first == len(patterns):
        return at, bound
    while at < len(lines):
        known = dict(bound)
        if fits(patterns[first], lines[at], known):
            found = _search(lines, patterns, first + 1, at + 1, known, missed)
            if found or known == bound:
                return found
        at += 1
    missed.append((first, bound))
    return None


def match(lines, patterns, what="log", bound=None):
    """Demands the patterns in order among lines; other lines may stand between. Returns the index
    behind the last one. bound: values of recurring placeholders, shared between calls that are one trace."""
    bound = {} if bound is None else bound
    patterns = [pattern for pattern in patterns if pattern.strip() != "..."]
    missed = []
    found = _search(lines, patterns, 0, 0, dict(bound), missed)
    if not found:
        furthest, known = max(missed, key=lambda one: one[0])
        raise TraceError(f"{what}: nothing more fits the line\n  {patterns[furthest]}\nknown: {known}")
    bound.update(found[1])
    return found[0]


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
