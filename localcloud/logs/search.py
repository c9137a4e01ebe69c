"""The search part of a query: words and fields, with `and`, `or`, `not` and parentheses.

What it lacks of Simple Log Service's syntax is refused: phrases, wildcards within words.
`field: *` asks whether the field is there, `field in [1 2)` whether a number is in a range.
"""

from __future__ import annotations

import operator
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from localcloud.logs.index import Index, Value
from localcloud.logs.rows import Row

DELIMITERS = re.compile("[, '\";=()\\[\\]{}?@&<>/:\n\t\r]+")
TERM = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[()]|[<>]=?|[:=]|[^\s()":=<>]+)')
RANGE = re.compile(r" ([\[(]) ?(\S+) (\S+?) ?([\])])")
NO_WORDS = {"", "and", "or", ")", ":", "=", "<", "<=", ">", ">="}
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    ":": operator.eq,
}

MAX_LEVELS = 50  # of parentheses and `not`

Matches = Callable[[Row, Mapping[str, Value]], bool]


class SearchError(Exception):
    """The search statement is not understood here."""


def parse_search(text: str, index: Index) -> Matches:
    """Whether a row, with its analysed values, matches the statement. Raises SearchError."""
    parser = _Parser(_terms(text), index)
    matches = parser.alternatives()
    if parser.terms:
        raise SearchError(f"{text!r}: nothing is expected before {' '.join(parser.terms)!r}")
    return matches


def words_of(text: str) -> set[str]:
    """The words that an index makes of a text, in small letters."""
    return {word for word in DELIMITERS.split(text.lower()) if word}


def _terms(text: str) -> list[str]:
    terms: list[str] = []
    at = 0
    text = text.strip()
    while at < len(text):
        term = TERM.match(text, at)
        if term is None:
            raise SearchError(f"{text!r} is not understood at {text[at:]!r}")
        terms.append(term[1])
        at = term.end()
    return terms


class _Parser:
    def __init__(self, terms: Iterable[str], index: Index) -> None:
        self.terms = deque(terms)
        self._index = index
        self._level = 0

    def alternatives(self) -> Matches:
        parts = [self._all()]
        while self._next_is("or"):
            self.terms.popleft()
            parts.append(self._all())
        return lambda row, values: any(part(row, values) for part in parts)

    def _all(self) -> Matches:
        parts = [self._one()]
        while self.terms and not self._next_is("or") and self.terms[0] != ")":
            if self._next_is("and"):
                self.terms.popleft()
            parts.append(self._one())
        return lambda row, values: all(part(row, values) for part in parts)

    def _one(self) -> Matches:
        term = self.terms.popleft() if self.terms else ""
        if term == "(" or term.lower() == "not":
            return self._inner(term)
        if term.lower() in NO_WORDS:
            raise SearchError(f"a word or a field is expected, not {term!r}")
        if self._next_is("in") and len(self.terms) > 1 and self.terms[1][0] in "([":
            return self._range(term.strip('"'))
        if self.terms and self.terms[0] in COMPARISONS:
            return self._field(term.strip('"'), self.terms.popleft())
        return self._words(term)

    def _inner(self, term: str) -> Matches:
        """What follows an opening parenthesis or `not`."""
        self._level += 1
        if self._level > MAX_LEVELS:
            raise SearchError(f"more than {MAX_LEVELS} levels of parentheses and not")
        if term == "(":
            inner = self.alternatives()
            if not self.terms or self.terms.popleft() != ")":
                raise SearchError("a parenthesis is not closed")
        else:
            negated = self._one()
            inner = lambda row, values: not negated(row, values)  # noqa: E731
        self._level -= 1
        return inner

    def _field(self, name: str, sign: str) -> Matches:
        if not self.terms:
            raise SearchError(f"{name} {sign}: the value is missing")
        term = self.terms.popleft()
        value = term.strip('"')
        type = self._index.columns().get(name)
        if type is None:
            raise SearchError(f"{name} has no index")
        if (sign, term) == (":", "*"):
            return lambda _, values: values[name] is not None
        _check_plain(term)
        if type != "text":
            compare, number = COMPARISONS[sign], _number(name, value)
            return lambda _, values: (
                _is_number(values[name]) and compare(float(values[name] or 0), number)
            )
        if sign != ":":
            raise SearchError(f"{name} is a text: it has no {sign}")
        return lambda _, values: words_of(value) <= words_of(str(values[name] or ""))

    def _range(self, name: str) -> Matches:
        """What follows the name of `field in [low high]`; a parenthesis leaves its end out."""
        self.terms.popleft()
        text = ""
        while self.terms and not text.endswith((")", "]")):
            text += f" {self.terms.popleft()}"
        found = RANGE.fullmatch(text)
        if found is None or self._index.columns().get(name) in (None, "text"):
            raise SearchError(f"{name} in{text}: a range is of a number: [1 2], or (1 2]")
        low, high = _number(name, found[2]), _number(name, found[3])
        above = operator.ge if found[1] == "[" else operator.gt
        below = operator.le if found[4] == "]" else operator.lt

        def matches(_: Row, values: Mapping[str, Value]) -> bool:
            value = values[name]
            return isinstance(value, int | float) and above(value, low) and below(value, high)

        return matches

    def _words(self, term: str) -> Matches:
        if term == "*":
            return lambda _, __: True
        _check_plain(term)
        if not self._index.has_full_text:
            raise SearchError(f"{term!r}: there is no such search here")
        words = words_of(term)
        return lambda row, _: words <= words_of(" ".join(map(str, row.values())))

    def _next_is(self, word: str) -> bool:
        return bool(self.terms) and self.terms[0].lower() == word


def _check_plain(term: str) -> None:
    """Raises SearchError for a wildcard, the bracket of a range, or the sign of a phrase."""
    wildcards = "*?" if term.startswith('"') else "*?[]"
    if term == "#" or any(letter in term for letter in wildcards):
        raise SearchError(f"{term!r}: there is no such search here")


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float)


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise SearchError(f"{name} is a number, and {text!r} is none") from error
