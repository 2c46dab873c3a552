"""What an operator can tell from the terminal."""

import pytest

from hil.targets.hpcs.model.evidence import ErrorClass, error_class, messages

FIRST = "Delaying 30 seconds to allow server to discover new master key values"
SECOND = "KMS CRK rewrap successful, waiting on cryptounit-mk-setimm"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], (False, False)),
        ([FIRST], (True, False)),
        ([FIRST + "."], (True, False)),
        ([SECOND], (False, True)),
        ([SECOND + "."], (False, True)),
        ([SECOND.replace("KMS", "MKS")], (False, True)),
        (["$ auto-mk-rotate", FIRST, "", SECOND, "FAILED"], (True, True)),
        ([f"  {FIRST}  "], (True, False)),
        ([FIRST[:-1]], (False, False)),
        (["KMS CRK rewrap"], (False, False)),
        ([FIRST[:40], FIRST[40:]], (True, False)),
        ([SECOND[:9], SECOND[9:60], SECOND[60:]], (False, True)),
        ([FIRST[:40], SECOND, FIRST[40:]], (False, True)),
    ],
)
def test_messages(lines: list[str], expected: tuple[bool, bool]) -> None:
    """Both spellings of the page count, on a narrow terminal too; a part of a message does not."""
    assert messages(lines) == expected


@pytest.mark.parametrize(
    ("lines", "exit_code", "expected"),
    [
        ([], 0, ErrorClass.NONE),
        ([], -9, ErrorClass.NONE),
        (["FAILED", "Status code: 401"], -9, ErrorClass.NONE),
        (["FAILED", "Error querying crypto units.", "Status code: 401"], 1, ErrorClass.TOKEN),
        (["FAILED", "An initial condition …", "Nothing was changed."], 1, ErrorClass.PRECHECK),
        (["FAILED", "Status code: 503"], 1, ErrorClass.OTHER),
        (["FAILED", "Return code: 8", "Reason code: 53"], 1, ErrorClass.OTHER),
        ([], 1, ErrorClass.OTHER),
    ],
)
def test_error_class(lines: list[str], exit_code: int, expected: ErrorClass) -> None:
    """A command that was killed shows no error; one that failed is told by its own last lines."""
    assert error_class(lines, exit_code) is expected
