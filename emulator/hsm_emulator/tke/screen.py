"""Tables of the command line as lines of text; pure.

Columns are as wide as their longest cell plus three blanks; the last one is not padded, and every line of a
table ends with three blanks. A crypto unit can take several lines: only the first carries its number.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from hsm_emulator.instance import Instance, UnitType
from hsm_emulator.tke.mkpart import KeyPart
from hsm_emulator.tke.sigkey import SKI_SHOWN, SignatureKey
from hsm_emulator.tke.unitstate import RegisterStatus, UnitStatus
from hsm_emulator.tke.workstation import Identity, identity

_GAP = "   "
_PATTERN_LINE = 32
_UNIT = "CRYPTO UNIT NUM"
_STATUS = (_UNIT, "STATUS", "VERIFICATION PATTERN")
_RECOVERY_NOTE = "* Indicates a recovery crypto unit used only to hold a backup master key value."

Row = Sequence[str]


def table(header: Row, rows: Iterable[Row]) -> list[str]:
    """Lay out rows of as many cells as the header has."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header) - 1)]
    return [_line(line, widths) for line in lines]


def crypto_units(instance: Instance, selected: frozenset[Identity]) -> list[str]:
    """The screen of ``cryptounits``: target, units with their selection, note."""
    rows = [
        (str(unit.number), str(identity(unit) in selected).lower(), unit.type.value, unit.location)
        for unit in instance.units
    ]
    return [
        "API endpoint:     https://cloud.ibm.com",
        f"Region:           {instance.region}",
        f"User:             {instance.user}",
        f"Account:          {instance.account}",
        f"Resource group:   {instance.resource_group}",
        "",
        _service(instance),
        *table((_UNIT, "SELECTED", "TYPE", "LOCATION"), rows),
        "",
        "Note: all operational crypto units in a service instance must be configured the same.",
        "Use 'ibmcloud tke cryptounit-compare' to check how crypto units are configured.",
    ]


def thresholds(instance: Instance, units: Sequence[UnitStatus]) -> list[str]:
    """Signature thresholds of the units."""
    rows = [(_number(u), str(u.signature_threshold), str(u.revocation_threshold)) for u in units]
    return [
        "SIGNATURE THRESHOLDS",
        _service(instance),
        *table((_UNIT, "SIGNATURE THRESHOLD", "REVOCATION THRESHOLD"), rows),
        *_recovery_note(units),
        "",
        "==> Crypto units with a signature threshold of 0 are in IMPRINT MODE. <==",
    ]


def administrators(instance: Instance, units: Sequence[UnitStatus]) -> list[str]:
    """Installed administrators of the units."""
    title = ["CRYPTO UNIT ADMINISTRATORS"]
    if not any(unit.administrators for unit in units):
        return [*title, f"No crypto unit administrators for service instance {instance.instance}"]
    rows = [row for unit in units for row in _administrator_rows(unit)]
    header = (_UNIT, "ADMIN NAME", "SUBJECT KEY IDENTIFIER")
    return [*title, _service(instance), *table(header, rows), *_recovery_note(units)]


def new_registers(instance: Instance, units: Sequence[UnitStatus]) -> list[str]:
    """New master key registers of the units."""
    return _registers("NEW MASTER KEY REGISTER", instance, units, lambda unit: unit.new)


def current_registers(instance: Instance, units: Sequence[UnitStatus]) -> list[str]:
    """Current master key registers of the units."""
    return _registers("CURRENT MASTER KEY REGISTER", instance, units, lambda unit: unit.current)


def comparison(instance: Instance, units: Sequence[UnitStatus]) -> list[str]:
    """Everything about the units, and whether they are configured the same."""
    sections = (thresholds, administrators, new_registers, current_registers)
    lines = [line for section in sections for line in (*section(instance, units), "", "")]
    same = len({_configuration(unit) for unit in units}) <= 1
    verdict = "All crypto units are configured the same." if same else _DIFFERENT
    return [*lines[:-1], f"==> {verdict} <=="]


_DIFFERENT = "WARNING: Crypto units are configured differently."


def signature_keys(keys: Sequence[SignatureKey], current: Sequence[int]) -> list[str]:
    """Signature keys of the workstation, and which of them are current."""
    if not keys:
        return [
            "No files containing a signature key were found.",
            "To create a file containing a signature key, use the 'ibmcloud tke sigkey-add' command.",
        ]
    rows = [(str(key.number), key.name, key.short_ski) for key in keys]
    shown = table(("KEYNUM", "DESCRIPTION", "SUBJECT KEY IDENTIFIER"), rows)
    return [*shown, "", selection_of_keys(current)]


def selection_of_keys(current: Sequence[int]) -> str:
    """One sentence about the current signature keys."""
    if not current:
        return "No KEYNUM are selected as current signature keys."
    numbers = ", ".join(map(str, current))
    if len(current) == 1:
        return f"KEYNUM {numbers} is selected as the current signature key."
    return f"KEYNUM {numbers} are selected as the current signature keys."


def key_parts(parts: Sequence[KeyPart]) -> list[str]:
    """Master key parts of the workstation."""
    if not parts:
        return ["No files containing an EP11 master key part were found."]
    rows = [row for part in parts for row in _pattern_rows(str(part.number), part.description, part.pattern)]
    return table(("KEYNUM", "DESCRIPTION", "VERIFICATION PATTERN"), rows)


def key_storage(instance: Instance, rows: Mapping[str, int]) -> list[str]:
    """Versions of keys by master key, told by the first half of its pattern; where most are comes first."""
    ordered = sorted(rows.items(), key=lambda row: (-row[1], row[0]))
    cells = [(pattern, str(count)) for pattern, count in ordered]
    return ["KEY STORAGE", _service(instance), *table(("MASTER KEY", "KEY VERSIONS"), cells)]


def _registers(
    title: str,
    instance: Instance,
    units: Sequence[UnitStatus],
    register: Callable[[UnitStatus], RegisterStatus],
) -> list[str]:
    rows = [
        row
        for unit in units
        for row in _pattern_rows(_number(unit), register(unit).state.value, register(unit).pattern)
    ]
    return [title, _service(instance), *table(_STATUS, rows), *_recovery_note(units)]


def _line(cells: Row, widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) + _GAP for cell, width in zip(cells[:-1], widths, strict=True)]
    return "".join(padded) + cells[-1] + _GAP


def _service(instance: Instance) -> str:
    return f"SERVICE INSTANCE: {instance.instance}"


def _number(unit: UnitStatus) -> str:
    return f"{unit.number}*" if unit.type is UnitType.RECOVERY else str(unit.number)


def _recovery_note(units: Sequence[UnitStatus]) -> list[str]:
    return ["", _RECOVERY_NOTE] if any(unit.type is UnitType.RECOVERY for unit in units) else []


def _administrator_rows(unit: UnitStatus) -> list[Row]:
    if not unit.administrators:
        return [(_number(unit), "No administrators", "")]
    cells = [(admin.name, f"{admin.ski[:SKI_SHOWN]}...") for admin in unit.administrators]
    numbers = [_number(unit)] + [""] * (len(cells) - 1)
    return [(number, *cell) for number, cell in zip(numbers, cells, strict=True)]


def _pattern_rows(first: str, second: str, pattern: str) -> list[Row]:
    return [(first, second, pattern[:_PATTERN_LINE]), ("", "", pattern[_PATTERN_LINE:])]


def _configuration(unit: UnitStatus) -> object:
    return (
        unit.signature_threshold,
        unit.revocation_threshold,
        unit.skis,
        (unit.new.state, unit.new.compared),
        (unit.current.state, unit.current.compared),
    )
