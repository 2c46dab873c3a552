"""Whatever is done to a bundle and sealed anew, the check names it."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.cli import main
from hil.engine.rundir import RunDir
from hil.engine.stored import Stored
from hil.model.scenario import Scenario
from hil.model.verdicts import Exit, Verdict
from hil.tools.bundle import form, rotation
from hil.tools.bundle.form import MANIFEST
from hil.tools.bundle.pack import pack
from tests.hil.engine.conftest import account
from tests.hil.tools.bundle.forge import SYMLINK, Forgery, Part

VERDICT = "run/scenarios/1/verdict.json"
PLAN = "run/plan.jsonl"
FORGED = b'{"verdict": "RECOVERED"}\n'
SCRIPT = b"#!/bin/sh\nrm -rf .\n"
# Where a header says what: in front of a member, and in the table of contents.
FLAGS, METHOD, DATE, EXTRA = 6, 8, 12, 28
LISTED_NAME = 46


def _at(place: int, value: int) -> Callable[[bytes], bytes]:
    """Change one 16-bit number of a header."""
    return lambda header: header[:place] + struct.pack("<H", value) + header[place + 2 :]


def _changed(it: Forgery) -> None:
    it.change(VERDICT, data=FORGED)


def _added(it: Forgery) -> None:
    it.parts.append(Part("run/zz.txt", b"more"))


def _removed(it: Forgery) -> None:
    del it.parts[it.at(VERDICT)]


def _reordered(it: Forgery) -> None:
    it.parts[1:] = it.parts[:0:-1]


def _twice_forged_first(it: Forgery) -> None:
    it.parts.insert(it.at(VERDICT), Part(VERDICT, FORGED))


def _twice_forged_last(it: Forgery) -> None:
    it.parts.insert(it.at(VERDICT) + 1, Part(VERDICT, FORGED))


def _two_manifests(it: Forgery) -> None:
    original = it.parts[0]
    _changed(it)
    it.believe()
    it.parts.insert(1, original)


def _manifest_without_seal(it: Forgery) -> None:
    it.change(PLAN, data=b"{}\n")
    it.believe()
    it.seal = b"0" * form.SEAL_DIGITS


def _comment(it: Forgery) -> None:
    it.seal = b"made by nobody".ljust(form.SEAL_DIGITS)


def _behind(it: Forgery) -> None:
    it.suffix = b"hello"


def _in_front(it: Forgery) -> None:
    it.prefix = SCRIPT


def _in_front_and_counted(it: Forgery) -> None:
    it.prefix, it.shift = SCRIPT, len(SCRIPT)


def _between(it: Forgery) -> None:
    it.change(PLAN, gap=b"hidden")


def _hidden(it: Forgery) -> None:
    it.parts.insert(3, Part("run/hidden.sh", SCRIPT, listed=False))


def _before_the_table(it: Forgery) -> None:
    it.change(it.parts[-1].name, gap=SCRIPT)


def _named(name: str) -> Callable[[Forgery], None]:
    def tamper(it: Forgery) -> None:
        it.parts.append(Part(name, b"x"))
        it.parts[1:] = sorted(it.parts[1:], key=lambda part: part.name)
        it.believe()

    return tamper


def _a_link(it: Forgery) -> None:
    it.parts.append(Part("run/zz", b"/etc/passwd", mode=SYMLINK))
    it.believe()


def _marked(mode: int) -> Callable[[Forgery], None]:
    return lambda it: it.change(VERDICT, mode=mode)


def _bomb(it: Forgery) -> None:
    it.change(PLAN, data=bytes(1 << 20))
    it.believe()
    whole = it.parts[0].data
    it.change(MANIFEST, data=whole.replace(b'"size": 1048576,', b'"size": 2000000000,'))


def _larger_than_it_says(it: Forgery) -> None:
    it.change(PLAN, data=bytes(1 << 20))


def _packed_otherwise(it: Forgery) -> None:
    it.change(VERDICT, level=0)


def _stored(it: Forgery) -> None:
    it.change(VERDICT, method=form.STORED)
    it.believe()


def _goes_on_behind_its_stream(it: Forgery) -> None:
    part = it.parts[it.at(VERDICT)]
    size = len(part.stream)
    longer = struct.pack("<L", size + len(SCRIPT))
    it.change(
        VERDICT,
        gap=SCRIPT,
        local=lambda header: header[:18] + longer + header[22:],
        central=lambda header: header[:20] + longer + header[24:],
    )


def _header(side: str, place: int, value: int) -> Callable[[Forgery], None]:
    return lambda it: it.change(VERDICT, **{side: _at(place, value)})


def _another_name_in_front(it: Forgery) -> None:
    it.change(VERDICT, local=lambda header: header.replace(b"verdict", b"VERDICT"))


def _extra_field(it: Forgery) -> None:
    it.change(VERDICT, local=lambda header: _at(EXTRA, 4)(header) + b"\xfe\xca\0\0")


def _spaced_manifest(it: Forgery) -> None:
    it.change(MANIFEST, data=it.parts[0].data + b"\n")


def _a_name_said_twice(it: Forgery) -> None:
    it.change(MANIFEST, data=it.parts[0].data.replace(b'{\n "schema', b'{\n "run": "x",\n "schema', 1))


ODD_MANIFEST = "manifest.json is not written as 'hil bundle' writes it"
ELSEWHERE = "it.zip is not what 'hil bundle' writes from byte "
TAMPERINGS: dict[str, tuple[Callable[[Forgery], None], str]] = {
    "changed": (_changed, f"{VERDICT} is not the file that the manifest names"),
    "added": (_added, "run/zz.txt is not in the manifest"),
    "removed": (_removed, f"{VERDICT} is missing"),
    "reordered": (_reordered, "versions.json stands where REPRODUCE.md belongs"),
    "twice, the forged one first": (_twice_forged_first, f"{VERDICT} is there 2 times"),
    "twice, the forged one last": (_twice_forged_last, f"{VERDICT} is there 2 times"),
    "two manifests, the forged one first": (_two_manifests, "manifest.json is there 2 times"),
    "manifest without seal": (_manifest_without_seal, "where its seal, the hash at its end begins"),
    "comment": (_comment, "where its seal, the hash at its end begins"),
    "behind the end": (_behind, "it.zip goes on behind its end"),
    "in front": (_in_front, f"{ELSEWHERE}0 on, where manifest.json begins"),
    "in front, and counted": (_in_front_and_counted, f"{ELSEWHERE}0 on, where manifest.json begins"),
    "between members": (_between, ELSEWHERE),
    "hidden member": (_hidden, ELSEWHERE),
    "before the table of contents": (_before_the_table, "where its table of contents begins"),
    "a name that climbs": (_named("../../tmp/evil"), "manifest.json names '../../tmp/evil'"),
    "a name that climbs later": (_named("run/../../evil"), "manifest.json names 'run/../../evil'"),
    "a name from the root": (_named("/tmp/evil"), "manifest.json names '/tmp/evil'"),
    "a name with a backslash": (_named("run\\..\\evil"), "manifest.json names 'run\\\\..\\\\evil'"),
    "a name of a drive": (_named("C:evil"), "manifest.json names 'C:evil'"),
    "a name with a line break": (_named("run/a\n::error::b"), "manifest.json names 'run/a\\n::error::b'"),
    "a link": (_a_link, "run/zz is not marked as a regular file"),
    "made a link": (_marked(SYMLINK), f"{VERDICT} is not marked as a regular file"),
    "made a folder": (_marked(0o040755 << 16), f"{VERDICT} is not marked as a regular file"),
    "made a program": (_marked(0o104755 << 16), "where its table of contents begins"),
    "bomb": (_bomb, "bytes, a bundle holds 1073741824; do not unpack it"),
    "larger than it says": (_larger_than_it_says, f"{PLAN} is larger than the manifest says"),
    "packed otherwise": (_packed_otherwise, f"where {VERDICT} begins"),
    "not packed": (_stored, f"{ELSEWHERE}"),
    "more behind a stream": (_goes_on_behind_its_stream, ELSEWHERE),
    "date in front": (_header("local", DATE, 0x5921), f"where {VERDICT} begins"),
    "date in the table": (_header("central", DATE + 2, 0x5921), "where its table of contents begins"),
    "flags": (_header("local", FLAGS, 0x800), f"where {VERDICT} begins"),
    "encrypted": (_header("central", FLAGS + 2, 1), f"{VERDICT} is damaged: "),
    "another method": (_header("central", METHOD + 2, 99), f"{VERDICT} is damaged: "),
    "another name in front": (_another_name_in_front, f"{VERDICT} is damaged: "),
    "another checksum": (_header("local", 14, 0), f"it.zip names another checksum of {VERDICT}"),
    "extra field": (_extra_field, ELSEWHERE),
    "manifest with a line more": (_spaced_manifest, ODD_MANIFEST),
    "manifest that says something twice": (_a_name_said_twice, ODD_MANIFEST),
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of a run of one scenario."""
    rundir = RunDir.create(tmp_path / "run")
    scenario = Scenario.parse("auto/tke@commit.1-after/documented", Verdict.DATA_LOST)
    rundir.write_plan([scenario])
    rundir.write_account(1, account(scenario, unreadable=2))
    rundir.add_result(1, account(scenario, unreadable=2).result)
    pack(rotation.contents(Stored.read(rundir.path)), tmp_path / "made.zip")
    return tmp_path / "made.zip"


def _verify(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    capsys.readouterr()
    code = main(["bundle", "verify", str(path), *options])
    said = capsys.readouterr()
    assert said.err == ""
    return code, said.out


def test_taken_apart_and_put_together(bundle: Path, tmp_path: Path) -> None:
    """What the forger puts together without a change is the bundle, byte for byte."""
    Forgery.of(bundle).write(tmp_path / "it.zip")
    assert (tmp_path / "it.zip").read_bytes() == bundle.read_bytes()


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_every_tampering_is_named(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """A bundle that was changed and sealed anew ends with exit code 1, and a line that says what is wrong."""
    tamper, says = TAMPERINGS[kind]
    forgery = Forgery.of(bundle)
    tamper(forgery)
    forgery.write(tmp_path / "it.zip")
    code, out = _verify(tmp_path / "it.zip", capsys)
    assert code == Exit.CONTRADICTED
    assert says in out
    assert out.splitlines()[-1].endswith(" problems")
    assert "::error::" not in [line[:9] for line in out.splitlines()]


def test_a_forgery_that_is_consistent(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A forged verdict under a fresh manifest and seal is told by the known hash, and by nothing else."""
    _, out = _verify(bundle, capsys)
    known = out.splitlines()[0].removeprefix("manifest sha256 ")
    forgery = Forgery.of(bundle)
    _changed(forgery)
    forgery.believe()
    forgery.write(tmp_path / "it.zip")
    code, out = _verify(tmp_path / "it.zip", capsys)
    assert code == Exit.AS_DOCUMENTED
    assert out.splitlines()[-1].endswith("--manifest HASH tells whether they are as made")
    code, out = _verify(tmp_path / "it.zip", capsys, "--manifest", known)
    assert code == Exit.CONTRADICTED
    assert f"manifest.json is another than the one with the hash {known}" in out
    code, out = _verify(bundle, capsys, "--manifest", f"sha256:{known.upper()}")
    assert (code, out.splitlines()[-1].partition(", ")[2]) == (Exit.AS_DOCUMENTED, "all as made")


def test_one_manifest_has_one_file(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No forgery that keeps the manifest passes with the hash of it, whatever else is sealed anew."""
    _, out = _verify(bundle, capsys)
    known = out.splitlines()[0].removeprefix("manifest sha256 ")
    for kind, (tamper, _) in TAMPERINGS.items():
        forgery = Forgery.of(bundle)
        tamper(forgery)
        forgery.write(tmp_path / "it.zip")
        assert _verify(tmp_path / "it.zip", capsys, "--manifest", known)[0] == Exit.CONTRADICTED, kind


@pytest.mark.parametrize("known", ["abc", "g" * 64, "sha256:"])
def test_a_hash_that_is_none(bundle: Path, capsys: pytest.CaptureFixture[str], known: str) -> None:
    """What is no SHA-256 is refused, before anything is compared with it."""
    assert main(["bundle", "verify", str(bundle), "--manifest", known]) == Exit.USAGE
    assert "has 64 hex digits" in capsys.readouterr().err
