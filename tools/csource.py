"""csource.py - C as the tools read it: comments and texts told apart from code, and the code cut
into its top-level items (functions, prototypes, variables, types).

It is no compiler: it relies on the shape that .clang-format gives, and on nothing being hidden
behind macros that open or close a brace.
"""
import bisect
import re

_TOKEN = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
_DIRECTIVE = re.compile(r'^[ \t]*#(?:\\\n|[^\n])*', re.M)
# A macro that stands alone at the top, as G_DEFINE_AUTOPTR_CLEANUP_FUNC(A, b) does.
_LONE_MACRO = re.compile(r'^[A-Z][A-Z0-9_]*\([^;{}]*?\)[ \t]*$', re.M)


def _blank(text):
    return re.sub(r'[^\n]', ' ', text)


class Item:
    """A top-level item: kind is function, prototype, variable or type."""

    def __init__(self, kind, name, head, body, first, last, start):
        self.kind, self.name, self.head, self.body = kind, name, head, body
        self.first, self.last, self.start = first, last, start
        self.static = re.search(r'\bstatic\b', head) is not None


class Source:
    """One C file. code has comments blanked and texts emptied; plain has no directives either."""

    def __init__(self, name, text):
        self.name, self.text = name, text
        self.lines = text.splitlines()
        self._starts = [0] + [m.end() for m in re.finditer('\n', text)]
        self.comments, self.strings = [], []
        self.code = _TOKEN.sub(self._token, text)
        plain = _DIRECTIVE.sub(lambda m: _blank(m[0]), self.code)
        self.plain = _LONE_MACRO.sub(lambda m: _blank(m[0]), plain)
        self.items = list(self._cut())

    def line(self, offset):
        """The line number of an offset."""
        return bisect.bisect_right(self._starts, offset)

    def _token(self, m):
        token = m[0]
        if token[0] == '/':
            self.comments.append((self.line(m.start()), self.line(m.end() - 1), token))
            return _blank(token)
        if token[0] == '"':
            self.strings.append((self.line(m.start()), token[1:-1]))
        return token[0] + _blank(token[1:-1]) + token[-1]

    def functions(self):
        return [item for item in self.items if item.kind == 'function']

    def _cut(self):
        depth, start, body = 0, 0, None
        for m in re.finditer(r'[{}();]', self.plain):
            c, at = m[0], m.start()
            if c in '({':
                if c == '{' and depth == 0 and body is None:
                    body = at
                depth += 1
                continue
            if c in ')}':
                depth = max(0, depth - 1)
            if depth > 0 or c == ')':
                continue
            head = self.plain[start:body if body is not None else at]
            is_function = body is not None and re.search(r'\)\s*(?:[A-Z_]+\s*)?$', head) \
                and '=' not in head
            if c == ';' or is_function:
                yield self._item(start, at, head, body, is_function)
                start, body = at + 1, None

    def _item(self, start, end, head, body, is_function):
        start += len(head) - len(head.lstrip()) if head.strip() else 0
        first, last = self.line(start), self.line(end)
        flat = ' '.join(head.split())
        call = re.search(r'([A-Za-z_]\w*)\s*\(', re.sub(r'__attribute__\s*\(\(.*?\)\)', '', flat))
        name = call[1] if call else ''
        if is_function:
            return Item('function', name, flat, self.plain[body:end + 1], first, last, body)
        if flat.startswith('typedef') or re.fullmatch(r'(?:struct|union|enum)\s*\w*', flat) or not flat:
            return Item('type', '', flat, '', first, last, start)
        before = flat.split('=')[0]
        if call and '=' not in flat and not re.search(r'\(\s*\*', flat.split(call[0])[0] + call[0]):
            if not re.match(r'^\w[\w\s*]*\(\s*\*\s*\w+\s*\)\s*\(', flat):
                return Item('prototype', name, flat, '', first, last, start)
        names = re.findall(r'[A-Za-z_]\w*', re.sub(r'\[.*?\]', '', before))
        return Item('variable', names[-1] if names else '', before, '', first, last, start)
