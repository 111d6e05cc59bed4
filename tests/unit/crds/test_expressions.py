# SPDX-License-Identifier: Apache-2.0
"""Karnak's expressions: what is accepted, what is refused and where, and that nothing hostile costs much."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dromos_crds.expressions import (
    Condition,
    Element,
    ExpressionFailed,
    Mistake,
    compile_condition,
)
from tests.unit.crds.expressing import CT, MODALITY, Elements, action, condition


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("tagValueIsPresent(#Tag.Modality, 'CT')", True),
        ('tagValueIsPresent(#Tag.Modality, "CT")', True),
        ("tagValueIsPresent('(0008,0060)', 'CT')", True),
        ("tagValueIsPresent('0008,0060', 'CT')", True),
        ("tagValueIsPresent('00080060', 'CT')", True),
        ("tagValueIsPresent('Modality', 'CT')", True),
        ("tagValueIsPresent(0x00080060, 'CT')", True),
        ("tagValueIsPresent(524384, 'CT')", True),
        ("tagValueIsPresent(#Tag.Modality, 'ct')", False),
        ("tagValueContains(#Tag.StudyDescription, 'It''s')", True),
        ('tagValueContains(#Tag.StudyDescription, "It\'s")', True),
        ("tagValueEndsWith(#Tag.ImageType, '\\PRIMARY')", True),
        ("tagIsPresent(#Tag.PatientName)", False),  # there, but empty
        ("tagValueContains(#Tag.PatientName, '')", False),
        ("!tagIsPresent(#Tag.PatientName) && tagIsPresent(#Tag.Modality)", True),
        ("not tagIsPresent(#Tag.PatientName) AND tagIsPresent(#Tag.Modality)", True),
        ("tagIsPresent(#Tag.PatientName) or tagIsPresent(#Tag.Modality)", True),
        ("true || false && false", True),
        ("(true || false) && false", False),
        ("tagIsPresent(#Tag.PatientName) ? false : 'a' < 'b'", True),
        ("'a' + 1 + \"b\" == 'a1b'", True),
        ("1 + 2 + 'a' == '3a' and 'a' + 1 + 2 == 'a12' and 1 + 2 + 'a' + 1 + 2 == '3a12'", True),
        ("1 + (2 + 'a') == '12a' and 'a' + (1 + 2) == 'a3' and 5 - 3 + 'a' == '2a'", True),
        ("1 + 2 - 3 == 0 and -1 < 0 and 2 ge 2 and 1 ne 2", True),
        ("null == null and 'a' != null", True),
        ("' a '.trim().toUpperCase().equals('A')", True),
        ("'abcabc'.indexOf('c') == 2 && 'abcabc'.indexOf('c', 3) == 5 && 'a'.indexOf('b') == -1", True),
        ("'abc'.substring(1) == 'bc' && 'abc'.substring(1, 2) == 'b' && ''.isEmpty()", True),
        ("'aXbX'.replace('X', '-') == 'a-b-' && 'abc'.startsWith('a') && 'abc'.endsWith('c')", True),
        ("'É\"\\\n€😀'.contains('😀')", True),
        ("'Aé'.equalsIgnoreCase('aÉ') && !'ß'.equalsIgnoreCase('ss') && !'a'.equalsIgnoreCase(null)", True),
        ("!'a'.equals(null) && 'abcb'.lastIndexOf('b') == 3 && 'a'.concat('b') == 'ab' && ' '.isBlank()", True),
        ("#Tag.OverlayData == 0x60003000 && #Tag.CurveData == 0x50003000 && #Tag.SourceImageIDs == 0x00203100", True),
        (
            "'a' + null == 'anull' && null + 'a' == 'nulla' && 'a' + true + 1 == 'atrue1' && (1 == 2) + '' == 'false'",
            True,
        ),
        ("'\t \u2003'.isBlank() && !'\u00a0'.isBlank() && !'\u202f '.isBlank()", True),
        # Java counts in UTF-16
        ("'😀'.length() == 2 && 'a😀'.length() == 3 && '€'.length() == 1", True),
        ("'😀a'.substring(2) == 'a' && 'a😀b'.substring(1, 3) == '😀' && '😀'.substring(2) == ''", True),
        ("'😀a😀a'.indexOf('a') == 2 && '😀a😀a'.indexOf('a', 3) == 5 && '😀a😀a'.lastIndexOf('a') == 5", True),
        ("'😀a😀'.indexOf('😀', 1) == 3 && '😀a'.indexOf('a', 1) == 2 && '😀'.indexOf('a', 9) == -1", True),
        ("#VR.PN == #VR.PN && #Tag.PatientName == 0x00100010", True),
        ("tagIsPresent(#Tag.PatientName - #Tag.PatientName + 0x00080060)", True),
        ("tagIsPresent(true ? #Tag.Modality : null)", True),
    ],
)
def test_conditions(text: str, *, holds: bool) -> None:
    assert condition(text).holds(CT) is holds


@pytest.mark.parametrize(
    ("pattern", "text", "holds"),
    [
        ("b", "abc", False),  # the whole text, as Java's matches
        (".b.", "abc", True),
        ("a|ab", "ab", True),
        (r"\d+", "12", True),
        (r"\d+", "١٢", False),  # ASCII only, as in Java
        (r"[\w-]+", "a_-", True),
        (r"\W", "é", True),
        (r"\p{Alpha}+", "é", False),
        (r"\p{L}+", "é", True),
        (r"(?i)ct|mr", "Mr", True),
        (r"(?i)é", "É", False),  # without (?u), Java folds the letters of ASCII and no others
        (r"(?i)k", "\u212a", False),  # KELVIN SIGN
        (r"(?i)s", "\u017f", False),
        (r"(?i)[a-z]+", "\u212a", False),
        (r"(?i)[a-c_X-Z]+", "AcB_xZ", True),
        (r"(?i)[^a-c]+", "A", False),
        (r"(?i)[^a-c]+", "D", True),
        (r"(?i)[^é]", "É", True),
        (r"(?i)[a-z&&[^b]]", "B", False),
        (r"(?i)[a-z&&[^b]]", "C", True),
        (r"(?i)\x41\u0062", "aB", True),
        (r"(?i)[\x41-\x43]+", "abC", True),
        (r"(?i)[ -~]+", "Az", True),
        (r"(?i)\p{Lower}\p{Upper}", "Aa", True),
        (r"(?i)\p{Lu}", "é", True),
        (r"(?i)\P{Lu}", "é", False),
        (r"\p{LC}", "é", True),
        (r"a(?i)b|c", "C", True),  # until its group ends
        (r"(?:(?i)a)b", "AB", False),
        (r"(?i:a)b", "Ab", True),
        (r"(?i)a(?-i)b", "AB", False),
        (r"(?i)(?-i:a)b", "aB", True),
        (r"(?i)(?-i:a)b", "AB", False),
        (r"[A-[0-9]]+", "A-1", True),  # a hyphen before a bracket is one
        (r"[a-z-9]+", "b-9", True),
        (r"[\]\-^]+", "]-^", True),
        (r"[&~]+", "&~", True),
        (r"\_\ \é", "_ é", True),
        (r"x{2}y{1,}z{0,3}", "xxyzz", True),
        (r"(?s)a.b", "a\nb", True),
        (r"a.b", "a\rb", False),
        (r"\bCT\b.*", "CT head", True),
        (r"a\.b\$", "a.b$", True),
        (r"[^a-c]{2}", "de", True),
        (r"\x41\u0042", "AB", True),
    ],
)
def test_patterns(pattern: str, text: str, *, holds: bool) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    assert condition(f"{quoted} matches '{pattern}'").holds(CT) is holds
    assert condition(f"{quoted}.matches('{pattern}')").holds(CT) is holds


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", 1, "missing"),
        ("tagIsPresent(#Tag.PatientNam)", 19, "did you mean PatientName?"),
        ("tagIsPresent(#Tag.patientname)", 19, "did you mean PatientName?"),
        ("tagIsPresent(#tag.PatientName)", 14, "#Tag.Keyword"),
        ("tagispresent(#Tag.PatientName)", 1, "did you mean tagIsPresent?"),
        ("true && tagValueContain(#Tag.Modality, 'CT')", 9, "did you mean tagValueContains?"),
        ("tagIsPresent(Tag.Modality)", 14, "write #Tag.Modality"),
        ("tagIsPresent()", 1, "takes 1 argument, not 0"),
        ("tagValueContains(#Tag.Modality)", 1, "takes 2 arguments, not 1"),
        ("tagValueContains(#Tag.Modality, 5)", 33, "put it in quotes"),
        ("tagIsPresent(00100010)", 14, "quote the tag"),
        ("tagIsPresent('0010001')", 14, "names no tag"),
        ("tagIsPresent('0010XXXX')", 14, "names no tag"),
        ("tagIsPresent(true)", 14, "a tag is needed"),
        ("'CT'", 1, "true or false"),
        ("null", 1, "true or false"),
        ("true ? null : false", 1, "true or false; this may be null"),
        ("true ? true : null", 1, "true or false; this may be null"),
        ("tagIsPresent(-1)", 14, "a tag has no sign"),
        ("true && tagValueContains(-0x00080060, 'CT')", 26, "a tag has no sign"),
        ("1.5 < 2", 2, "numbers are whole"),
        ("#this == 1", 1, "#Tag.Keyword"),
        ("tagValueIsPresent(#Tag.Modality, “CT”)", 34, "straight quotes"),
        ("Keep()", 1, "a condition has no function Keep"),
        ("getString(#Tag.Modality) == 'CT'", 1, "no function getString"),
        ("stringValue == 'CT'", 1, "means nothing in a condition"),
        ("T(java.lang.Runtime).getRuntime().exec('id')", 1, "Java types are out of reach"),
        ("new java.io.File('/etc/passwd').exists()", 1, "Java objects cannot be made"),
        ("'a'.getClass().forName('x') == null", 5, "no method getClass"),
        ("'a'.class == null", 5, "not a property"),
        ("@bean.run()", 1, "Java beans"),
        ("{1, 2}.size() == 2", 1, "lists"),
        ("true = true", 6, "=="),
        ("true & true", 6, "&&"),
        ("true ?: false", 6, "not part of the language"),
        ("tagIsPresent(#Tag.Modality", 27, "')' was expected"),
        ("tagIsPresent(#Tag.Modality) true", 29, "not expected here"),
        ("'open", 1, "no closing '"),
        ("1 < 2 < 3", 7, "do not chain"),
        ("'1' == 1", 5, "never equals"),
        ("#VR.XY == #VR.PN", 5, "no VR XY"),
        ("'a' < 1", 5, "two texts or two numbers"),
        ("!'a'", 2, "true or false is needed"),
        ("'a' matches 'b(?=c)'", 13, "look-around"),
        ("'a' matches '(?<!c)b'", 13, "look-around"),
        ("'a' matches '(a)\\1'", 13, "back-references"),
        ("'a' matches 'a++'", 13, "possessive"),
        ("'a' matches 'a**'", 13, "a quantifier behind another one"),
        ("'a' matches 'a{,2}'", 13, "a number of times"),
        ("'a' matches '{a}'", 13, "a number of times"),
        ("'a' matches '[A-\\d]'", 13, "this range has no end"),
        ("'a' matches '[z-a]'", 13, "ends before it begins"),
        ("'a' matches '(?u)a'", 13, "other flags"),
        ("'a' matches '['", 13, "not a regular expression"),
        ("'CTxxx' matches 'CT)|(MR'", 17, "not a regular expression"),  # would match a part of the text
        ("'a' matches '(?i)a)|(.*'", 13, "not a regular expression"),
        ("'a' matches '[[:alpha:]]'", 13, "bracket"),
        ("'a' matches 'a' + 'b'", 5, "written out"),
    ],
)
def test_refusals_say_where_and_what(text: str, column: int, says: str) -> None:
    mistake = compile_condition(text)
    assert isinstance(mistake, Mistake)
    assert says in mistake.message
    assert (mistake.line, mistake.column) == (1, column)


def test_a_mistake_counts_lines() -> None:
    mistake = compile_condition("tagIsPresent(#Tag.Modality)\n  && tagIsPresent(#Tag.Modalit)")
    assert str(mistake) == "line 2, column 24: the standard has no attribute Modalit; did you mean Modality?"


@pytest.mark.parametrize(
    "text",
    [
        "'a'.substring(2) == ''",
        "'a'.substring(1, 0) == ''",
        "'a'.substring(-1) == '' || true",  # CEL's || would forget the failure
        "false && true || 'a'.substring(9) == '' || true",
        "tagIsPresent(0 - 1) || true",
        "!tagIsPresent(0xFFFFFFFF + 1)",
        "tagIsPresent(true ? null : #Tag.Modality) || true",
        "(true ? null : 1) + 2 == 2 || true",
        "(true ? null : true) || true",
    ],
)
def test_what_fails_is_never_false_or_true(text: str) -> None:
    with pytest.raises(ExpressionFailed):
        condition(text).holds(CT)


def test_what_is_not_reached_does_not_fail() -> None:
    assert condition("true || 'a'.substring(9) == ''").holds(CT)
    assert not condition("false && 'a'.substring(9) == ''").holds(CT)


def test_unreadable_values_fail_and_say_nothing_of_them(capfd: pytest.CaptureFixture[str]) -> None:
    class Unreadable(Elements):
        def text(self, tag: int) -> str | None:
            raise ValueError("SECRET^NAME")

    for text in ("tagIsPresent(#Tag.Modality)", "tagIsPresent(#Tag.Modality) || true"):
        with pytest.raises(ExpressionFailed) as failure:
            condition(text).holds(Unreadable())
        assert "SECRET" not in str(failure.value)
        assert isinstance(failure.value.__cause__, ValueError)
    assert "".join(capfd.readouterr()) == ""  # the engine has its own ideas about stderr


@pytest.mark.parametrize(
    "text",
    [
        "(" * 2000 + "true" + ")" * 2000,
        "!" * 4000 + "true",
        "-" * 4000 + "1",
        "true ? " * 500 + "true" + ": true" * 90,
        "true ? true : " * 290 + "true",
        "'a'" + ".trim()" * 500,
        "a" * 4096,
        "x" * 100_000,
        "'a' matches '" + "(a{1000}){1000}" * 10 + "'",
        "9" * 4000 + " == 1",
        "#Tag." + "P" * 4000 + " == 1",
    ],
)
def test_hostile_texts_are_refused(text: str) -> None:
    mistake = compile_condition(text)
    assert isinstance(mistake, Mistake)
    assert len(mistake.message) < 300


def test_the_longest_condition_there_may_be_works() -> None:
    text = " && ".join(["tagIsPresent(#Tag.Modality)"] * 132)
    assert 4000 < len(text) <= 4096
    assert condition(text).holds(CT)


def test_texts_do_not_grow_without_bound() -> None:
    text = "Replace(" + "stringValue" + f".replace('a', '{'a' * 100}')" * 10 + ")"
    with pytest.raises(ExpressionFailed):
        action(text).decide(Elements({MODALITY: "a"}), Element(MODALITY, "LT"))


def test_patterns_do_not_blow_up() -> None:
    values = Elements({MODALITY: "a" * 50_000})
    expression = action("stringValue matches '(a*)*(a|aa)+b' ? Keep() : null")
    assert expression.decide(values, Element(MODALITY, "LT")) is None


_WORDS = st.sampled_from(
    [
        "tagIsPresent",
        "(",
        ")",
        "#Tag.Modality",
        "'CT'",
        "&&",
        "||",
        "!",
        "?",
        ":",
        "true",
        "null",
        "==",
        "+",
        ".",
        "matches",
        ",",
        "1",
        "\\",
        "é",
        "{",
        "T",
    ]
)


@given(st.lists(_WORDS, max_size=12).map(" ".join))
def test_any_text_is_a_condition_or_a_mistake(text: str) -> None:
    found = compile_condition(text)
    if isinstance(found, Condition):
        with suppress(ExpressionFailed):
            assert found.holds(CT) in (True, False)
    else:
        assert found.line == 1
        assert 1 <= found.column <= len(text) + 1
