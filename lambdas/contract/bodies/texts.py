"""Which characters the texts of a body may hold, as patterns that JSON schema knows too."""

_CONTROLS = r"\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F"
_NONCHARACTERS = r"\uFFFE\uFFFF"
_REFUSED = f"{_CONTROLS}{_NONCHARACTERS}"

ONE_LINE = rf"^[^\u0009\u000A\u000D\u2028-\u202E\u2066-\u2069\uFFFD{_REFUSED}]*$"
"""Names, which others see in lists: no control characters or line breaks, nothing that turns the
direction of what stands around them (Unicode Technical Report 36, 2.5), and not U+FFFD, which the
gateway puts in place of bytes that are not UTF-8: nobody is called so."""

PROSE = rf"^[^{_REFUSED}]*$"
"""Texts of questions: tabs and line breaks are theirs, and so are directions, which Arabic and
Hebrew beside formulas need. U+FFFD is in banks that were converted once too often: a question with
it can be read and mended, one that is refused is lost."""

VISIBLE_PROSE = rf"^[^{_REFUSED}]*[^\s{_REFUSED}][^{_REFUSED}]*$"
"""Prose with something to see."""
