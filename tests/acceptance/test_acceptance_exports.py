"""The exports that people really have go through check and run with a mapping of two lines."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

import pytest

from .command import SAMPLES, Done, Workplace, read_report, statuses
from .truth import read_truth

if TYPE_CHECKING:
    from pathlib import Path

OPSGENIE = ("3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d10", "3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d11")
LISTED = (
    'ID,Name,Users,Escalation policies\nPI7DH85,Payments primary,"Anna Berg\nBen Okafor",Payments\n'
    'PABCD12,Web secondary,Carla Diaz,"Web\nWeb at night"\n'
)
LISTED_WITH_TEAMS = (
    'ID,Name,Users,Escalation policies,Team names\r\nPX00001,Search,"Anna Berg\nBen Okafor\nCarla Diaz",,'
    '"Search\nRanking"\r\nPX00002,Ranking,,,\r\n'
)
#: What each export is, byte for byte, and the ids in it that are schedules'.
PAGERDUTY = {
    "pd.csv": (LISTED, ["PI7DH85", "PABCD12"]),
    "pd-x.csv": (LISTED_WITH_TEAMS, ["PX00001", "PX00002"]),
    "names.csv": ("Name,ID\nDatabases,PDB0001\nNetwork,Q1A2B3C4\n", ["PDB0001", "Q1A2B3C4"]),
    "pairs.csv": ("UserID,ScheduleID\nPUSER01,PS00001\nPUSER02,PS00001\nPUSER01,PS00002\n", ["PS00001", "PS00002"]),
}
OPSGENIE_EXPORT = (
    "id,name,description,timezone,enabled\n"
    f'{OPSGENIE[0]},Operations,"days, nights",Europe/Berlin,true\n{OPSGENIE[1]},Old one,,Mars/City,false\n'
)
MAPPING = '[constants]\nthird_party_provider = "{}"\n'


class Ran(NamedTuple):
    """All exports of a provider, checked and then run."""

    place: Workplace
    checked: Done
    done: Done


def rehearse(place: Workplace, sources: dict[str, str], provider: str) -> Ran:
    for name, text in sources.items():
        (place.path / name).write_bytes(text.encode())
    (place.path / "two-lines.toml").write_text(MAPPING.format(provider), encoding="utf-8")
    checked = place.run("check", *sources, "--mapping", "two-lines.toml")
    return Ran(place, checked, place.run("run", *sources, "--mapping", "two-lines.toml", "--sandbox"))


@pytest.fixture(scope="module")
def pagerduty(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    texts = {name: text for name, (text, _) in PAGERDUTY.items()}
    return rehearse(Workplace(tmp_path_factory.mktemp("pagerduty")), texts, "PagerDuty")


def state(place: Workplace) -> Path:
    return place.path / "reports" / "sandbox.sqlite3"


def test_every_export_of_pagerduty_goes_through_check(pagerduty: Ran) -> None:
    """And each header that is not used is named, none dropped without a word."""
    assert pagerduty.checked.status == 0, pagerduty.checked
    assert "good          8" in pagerduty.checked.out
    for header in ("Name, Users, Escalation policies, Team names", "UserID"):
        assert header in pagerduty.checked.err


def test_every_export_of_pagerduty_is_imported_whole(pagerduty: Ran) -> None:
    """Also where a cell holds several lines; a schedule that is listed for two users is created once."""
    assert pagerduty.done.status == 0, pagerduty.done
    assert statuses(pagerduty.place.lines(pagerduty.done.run)) == {"created": 8, "duplicate": 1}
    wanted = {("PAGER_DUTY", id_) for _, ids in PAGERDUTY.values() for id_ in ids}
    assert set(read_truth(state(pagerduty.place))) == wanted


def test_the_report_gives_the_exports_own_cells_back(pagerduty: Ran) -> None:
    """Line breaks in cells, columns that are not ours and rows as a spreadsheet numbers them."""
    (line,) = [one for one in pagerduty.place.lines(pagerduty.done.run) if one["ID"] == "PX00001"]
    assert line["Users"] == "Anna Berg\nBen Okafor\nCarla Diaz"
    assert line["Team names"] == "Search\nRanking"
    assert [line["import_row"], line["import_sheet"]] == ["2", "pd-x"]


def copy(ran: Ran, path: Path) -> Workplace:
    """Give a place of its own to a test that changes something."""
    shutil.copytree(ran.place.path, path / "copy")
    return Workplace(path / "copy")


def test_rerun_takes_the_mapping_over_from_the_journal(pagerduty: Ran, tmp_path: Path) -> None:
    """Nobody has to remember it; what stands in the cells beside the journal does not count, so nothing is sent."""
    place = copy(pagerduty, tmp_path)
    before = read_truth(state(place))
    lines = place.lines(pagerduty.done.run)
    (place.path / pagerduty.done.run / "report.csv").write_bytes(
        (place.path / pagerduty.done.run / "report.csv").read_bytes().replace(b",created,", b",failed,")
    )
    done = place.run("rerun", f"{pagerduty.done.run}/report.csv")
    assert done.status == 0, done
    assert statuses(place.lines(done.run)) == {"created": 8, "duplicate": 1}
    assert [line["import_id"] for line in place.lines(done.run)] == [line["import_id"] for line in lines]
    assert read_truth(state(place)) == before


def test_a_report_that_lost_its_journal_takes_the_mapping_again(pagerduty: Ran, tmp_path: Path) -> None:
    """Without it the rows that did not succeed are invalid and nothing is sent; with it they go on."""
    place = copy(pagerduty, tmp_path)
    moved = place.path / "moved.csv"
    text = (place.path / pagerduty.done.run / "report.csv").read_bytes()
    moved.write_bytes(text.replace(b",created,", b",failed,", 1).replace(b"PI7DH85", b"PI7DH99"))
    shutil.rmtree(place.path / pagerduty.done.run)
    without = place.run("rerun", moved)
    assert without.status in (1, 2), without
    assert ("PAGER_DUTY", "PI7DH99") not in read_truth(state(place))
    done = place.run("rerun", moved, "--mapping", "two-lines.toml")
    assert done.status == 0, done
    assert "PI7DH99" in {key[1] for key in read_truth(state(place))}


def test_the_export_of_opsgenie_goes_through(tmp_path: Path) -> None:
    """Its time zones and flags are not ours; a zone that does not exist does no harm."""
    ran = rehearse(Workplace(tmp_path), {"schedules-export.csv": OPSGENIE_EXPORT}, "Atlassian Opsgenie")
    assert ran.checked.status == 0, ran.checked
    assert ran.done.status == 0, ran.done
    assert set(read_truth(state(ran.place))) == {("OPSGENIE", id_) for id_ in OPSGENIE}
    assert "timezone" in read_report(ran.place.path / ran.done.run / "report.csv")[0]


def test_the_samples_of_the_documentation_go_through(tmp_path: Path) -> None:
    """A PagerDuty export and its mapping of two lines."""
    place = Workplace(tmp_path)
    mapping = SAMPLES / "pagerduty.toml"
    assert len(mapping.read_text(encoding="utf-8").splitlines()) == 2
    done = place.run("run", SAMPLES / "pagerduty.csv", "--mapping", mapping, "--sandbox")
    assert done.status == 0, done
