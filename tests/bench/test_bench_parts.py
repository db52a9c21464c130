"""The benchmark's own parts, at sizes that take no time. Nothing here measures the product."""

from __future__ import annotations

import sys
import urllib.request
from csv import reader
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import orjson
import pytest

from importer.kinds.shadow import KIND as SHADOW
from importer.kinds.shadow import ShadowRecord
from importer.targets.rootly import ROOTLY

from . import standin
from .clients.bodies import read_requests
from .figures import Figure, in_turns
from .kit import Kit
from .others import tools
from .plot import Point, draw
from .processes import spend
from .requests_log import measure, read_posting
from .sources import COLUMNS, shadow_rows, write_csv, write_xlsx
from .stages import read_stacks, stage
from .starting import imports_pandas
from .table import figures_table

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return Kit(tmp_path, 1, 0.01, lambda words: None)


def test_a_figure_is_the_median_of_its_rounds_and_says_whether_its_goal_is_met() -> None:
    figure = Figure("posting", "1 row/s", "2 rows/s", (0.5, 0.9, 0.8), at_least=0.8)
    assert figure.ratio == 0.8
    assert figure.is_met
    assert "| 0.80  | 0.50 to 0.90 | >= 0.8: met |" in figures_table([figure])
    assert Figure("memory", "", "", (1.3,), at_most=1.25).is_met is False
    assert Figure("whole", "", "", (1.3,)).is_met is None


def test_things_are_measured_in_turns_and_every_second_round_backwards() -> None:
    order: list[str] = []
    actions = {name: lambda name=name: order.append(name) for name in ("run", "loop")}
    in_turns(3, actions, lambda words: None)
    assert order == ["run", "loop", "loop", "run", "run", "loop"]


def test_the_busiest_second_is_found_wherever_it_begins() -> None:
    posting = measure([(0.0, 0.1), (0.6, 0.7), (0.9, 1.0), (1.2, 1.3), (1.55, 1.6), (3.0, 3.5)])
    assert (posting.number, posting.seconds, posting.busiest) == (6, 3.5, 4)


def test_only_requests_that_create_something_count_as_posting(tmp_path: Path) -> None:
    log = tmp_path / "requests.log"
    log.write_text("10.000 0.000 GET 200 /v1/x\n12.500 0.500 POST 201 /v1/x\n13.000 0.100 POST 201 /v1/x\n")
    posting = read_posting(log)
    assert (posting.number, posting.seconds) == (2, 1.0)


def test_every_row_of_a_source_is_a_record_of_its_own() -> None:
    rows = list(shadow_rows(3000))
    records = [ShadowRecord.model_validate(dict(zip(COLUMNS, row, strict=True)), strict=False) for row in rows]
    assert len({record.key for record in records}) == 3000


def test_the_clients_send_what_the_product_sends(tmp_path: Path) -> None:
    requests = read_requests(write_csv(tmp_path, 12))
    row = dict(zip(COLUMNS, list(shadow_rows(12))[-1], strict=True))
    record = ShadowRecord.model_validate(row, strict=False)
    assert len(requests) == 12
    assert requests[-1] == SHADOW.request(record.key)


def test_the_workbook_holds_the_same_rows_as_the_csv(tmp_path: Path) -> None:
    from python_calamine import CalamineWorkbook

    sheet = CalamineWorkbook.from_path(write_xlsx(tmp_path, 20)).get_sheet_by_index(0).to_python()
    with write_csv(tmp_path, 20).open(newline="") as file:
        assert sheet == list(reader(file))


def test_a_command_is_measured_and_one_that_fails_is_told_with_its_words(tmp_path: Path) -> None:
    spent = spend([sys.executable, "-c", "print('done')"], {}, tmp_path)
    assert (spent.status, spent.output.strip()) == (0, "done")
    assert spent.cpu > 0
    assert spent.memory > 1 << 20
    with pytest.raises(RuntimeError, match="no good"):
        spend([sys.executable, "-c", "raise SystemExit('no good')"], {}, tmp_path)


@pytest.mark.parametrize("kind", [standin.NGINX, standin.GRANIAN])
def test_the_stand_in_answers_what_the_product_takes_for_created(kit: Kit, kind: str) -> None:
    if kind not in standin.kinds():
        pytest.skip(f"{kind} is not installed")
    request = read_requests(write_csv(kit.folder, 1))[0]
    with standin.serving(kit.folder, kind) as served:
        answers = [_answer(served.origin, request.path, body) for body in (request.body, request.body, None)]
        me = _answer(served.origin, ROOTLY.probe_path, None)
    created = [SHADOW.read_created(answer) for answer in answers[:2]]
    assert all(one is not None and SHADOW.request(one.key or ()) == request for one in created)
    assert len({one.id for one in created if one}) == 2
    assert SHADOW.read_page(answers[2], request.path.split("/")[3]).next is None
    assert me["data"]["id"]
    assert read_posting(served.log).number == 2


def _answer(origin: str, path: str, body: bytes | None) -> dict[str, dict[str, str]]:
    made = urllib.request.Request(origin + path, data=body, headers=dict(ROOTLY.headers))
    with urllib.request.urlopen(made, timeout=10) as answered:
        return dict(orjson.loads(answered.read()))


def test_the_product_and_the_bare_loop_post_every_row_of_a_source(kit: Kit) -> None:
    if not standin.kinds():
        pytest.skip("nothing is installed that could serve")
    source = write_csv(kit.folder, 60)
    _, run = kit.run(source)
    _, loop = kit.post(kit.client("bare_loop", "ORIGIN", source, 5))
    assert run.number == loop.number == 60
    assert not kit.reports.exists()


def test_the_growth_of_a_run_is_drawn_as_well_formed_svg() -> None:
    root = ElementTree.fromstring(draw([Point(1000, 250.0, 64.0), Point(10_000, 231.5, 77.0), Point(100_000, 0, 80)]))
    texts = "".join(root.itertext())
    assert "1,000" in texts
    assert "100,000" in texts
    assert len(root.findall("{http://www.w3.org/2000/svg}circle")) == 6


def test_a_sample_counts_for_the_innermost_part_of_the_product() -> None:
    start = "_find_spec (<frozen importlib._bootstrap>:12)"
    pipeline, pool = "run (/x/importer/commands/run.py:9)", "post (/x/importer/delivery/client.py:7)"
    journal, aiohttp = "claim (/x/importer/journal/journal.py:1)", "send (/y/site-packages/aiohttp/client.py:1)"
    loop = "select (/usr/lib/python3/asyncio/events.py:4)"
    stacks = [[pipeline, start], [pipeline, pool, journal], [pipeline, pool, aiohttp], [loop], [pipeline], [""]]
    assert [stage(frames) for frames in stacks] == ["start", "journal", "send", "send", "other", "start"]
    assert read_stacks([f"{pipeline};{pool} 12"]) == [([pipeline, pool], 12)]


def test_an_import_of_pandas_is_seen_wherever_it_comes_from() -> None:
    assert imports_pandas("import time: 1 | 2 |       pandas\n")
    assert not imports_pandas("import time: 1 | 2 | pandas_stubs\nimport time: 1 | 2 | json\n")


def test_every_other_tool_says_what_it_needs_where_it_is_not_installed(kit: Kit) -> None:
    for tool in tools(kit, write_csv(kit.folder, 1)):
        assert not tool.missing.endswith(" "), tool.name
        assert any("ORIGIN" in word for word in tool.command) or tool.name.startswith("oncall-importer")
