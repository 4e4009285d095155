"""C++ source text, cut up just far enough for the rules: comments and literals blanked, function
bodies found. Every text keeps its line breaks, so that an offset still tells its line."""

import re

_TOKEN = re.compile(
    r"""//[^\n]*
      | /\*.*?\*/
      | R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"
      | "(?:\\.|[^"\\\n])*"
      | '(?:\\.|[^'\\\n])*'
      | (?<![\w'])\d(?:'?[\w.])*      # a number, whose digit separators are no literals
    """,
    re.VERBOSE | re.DOTALL,
)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
_SCOPE = re.compile(r"(?:inline\s+)?(namespace|class|struct|union|enum|extern\s*$)\b")
_ACCESS = re.compile(r"\s*(?:(?:public|private|protected)\s*:(?!:)\s*)*")
_NAME = re.compile(r"(operator\s*\S+?|~?[\w:~]+)\s*\(")


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def _blank(match):
    """A comment becomes blanks, a literal an empty one of the same width, a number stays."""
    text = match.group(0)
    if text[0].isdigit():
        return text
    if text.startswith("/"):
        return re.sub(r"[^\n]", " ", text)
    return text[0] + re.sub(r"[^\n]", " ", text[1:-1]) + text[-1]


def without_comments_and_literals(text):
    return _TOKEN.sub(_blank, text)


def without_comments(text):
    return _TOKEN.sub(lambda m: _blank(m) if m.group(0)[0] == "/" else m.group(0), text)


def _without_template_header(head):
    while head.startswith("template"):
        depth = 0
        for i, c in enumerate(head):
            depth += (c == "<") - (c == ">" and head[i - 1] not in "-=")
            if c == ">" and depth == 0:
                head = head[i + 1 :].lstrip()
                break
        else:
            return head
    return head


def _opens(head):
    """What the brace behind `head` opens at namespace or class level: scope, function or data."""
    head = _without_template_header(head[_ACCESS.match(head).end() :].strip())
    if _SCOPE.match(head) or not head:
        return "scope"
    before_parameters = head.split("(", 1)[0]
    if "(" not in head or ("=" in before_parameters and "operator" not in before_parameters):
        return "data"
    return "function"


class _Finder:
    """One pass over the braces. A body counts when it opens in a namespace or a class, so a lambda
    belongs to the function around it."""

    def __init__(self, text):
        self.text = text
        self.functions = []
        self.stack = []  # (what the brace opened, start offset, head)
        self.head_start = 0
        self.initialisers_of = None  # the constructor whose `member{value}` list is being read
        self.parentheses = 0

    def inside_body(self):
        return any(kind != "scope" for kind, _, _ in self.stack)

    def open(self, i):
        if self.inside_body() or self.parentheses > 0:
            self.stack.append(("inner", i, ""))
            return
        start, head = self.head_start, self.text[self.head_start : i]
        if self.initialisers_of is not None:
            start, head = self.initialisers_of
            head += self.text[self.head_start : i]
        kind = _opens(head)
        if kind == "function" and self._opens_member_initialiser(head):
            self.initialisers_of = (start, head + "{}")
            kind = "initialiser"
        self.stack.append((kind, start, head))

    @staticmethod
    def _opens_member_initialiser(head):
        """`Foo(int a) : a_` or `..., b_` stands before the brace, not the end of the list."""
        return bool(re.search(r"\)\s*(?:noexcept\s*)?:[^:]", head)) and bool(
            re.search(r"[:,]\s*[\w:]+(?:<[^{}]*>)?\s*$", head)
        )

    def close(self, i):
        if not self.stack:
            return
        kind, start, head = self.stack.pop()
        if kind == "function":
            self._record(start, head, i)
        if kind != "initialiser" and not self.inside_body():
            self.initialisers_of = None
        if kind != "inner" and not self.inside_body():
            self.head_start = i + 1

    def _record(self, start, head, end):
        lead = _ACCESS.match(head).end()
        first = line_of(self.text, start + lead)
        plain = _without_template_header(head[lead:])
        name = _NAME.search(plain)
        self.functions.append(
            (name.group(1) if name else plain[:40], first, line_of(self.text, end) - first + 1)
        )

    def run(self):
        for match in re.finditer(r"[{}();]", self.text):
            c, i = match.group(0), match.start()
            if c == "{":
                self.open(i)
                if not self.inside_body():
                    self.head_start = i + 1
            elif c == "}":
                self.close(i)
            elif not self.inside_body():
                self.parentheses += (c == "(") - (c == ")")
                if c == ";" and self.parentheses <= 0:
                    self.head_start, self.initialisers_of = i + 1, None
        return self.functions


def functions_of(text):
    """(name, first line, number of lines) of every function body in C++ text."""
    blanked = without_comments_and_literals(text)
    blanked = _DIRECTIVE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), blanked)
    return _Finder(blanked).run()
