"""A token stands nowhere: not in what is printed, not in any file, whatever goes right or wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .command import Done, Workplace, finish
from .front import CANARY, refusing_port
from .sources import schedules, shadows

if TYPE_CHECKING:
    from collections.abc import Callable

    from .front import Front


def run_well(online: Workplace, front: Front) -> Done:
    return online.run("run", online.write("t.csv", shadows(3)), online.write("s.csv", schedules(3)))


def run_refused(online: Workplace, front: Front) -> Done:
    """The canary is not what the front takes here."""
    source = online.write("s.csv", schedules(3))
    return online.run("run", source, variables={"OPAL_TOKEN": f"{CANARY}-too-old"})


def run_with_nobody_there(online: Workplace, front: Front) -> Done:
    with refusing_port() as port:
        variables = {"OPAL_BASE_URL": f"http://127.0.0.1:{port}/v1", "IMPORTER_BREAKER_TIMEOUT": "0"}
        return online.run("run", online.write("s.csv", schedules(3)), variables=variables)


def run_killed_with_answers_outstanding(online: Workplace, front: Front) -> Done:
    """The journal and its write-ahead log lie there as they were."""
    front.hold_after(1)
    process = online.start("run", online.write("t.csv", shadows(5)))
    front.wait_for(3)
    process.kill()
    return finish(process)


def run_with_the_token_in_a_base_url(online: Workplace, front: Front) -> Done:
    variables = {"OPAL_BASE_URL": f"https://user:{CANARY}@127.0.0.1/v1"}
    return online.run("run", online.write("s.csv", schedules(3)), variables=variables)


def run_with_a_token_in_the_settings_file(online: Workplace, front: Front) -> Done:
    """Where no token belongs: it is refused by its name, not by its value."""
    (online.path / "importer.toml").write_text(f'opal_token = "{CANARY}"\n')
    done = online.run("run", online.write("s.csv", schedules(3)))
    (online.path / "importer.toml").unlink()
    assert done.status == 2
    return done


def run_against_an_echo(online: Workplace, front: Front) -> Done:
    """The target says back what it was sent, the token too."""
    front.words = '{"errors":[{"title":"no","detail":"what is {token}?"}],"message":"what is {token}?"}'
    return online.run("run", online.write("t.csv", shadows(2)), online.write("s.csv", schedules(2)))


@pytest.mark.parametrize(
    "scene",
    [
        run_well,
        run_refused,
        run_with_nobody_there,
        run_killed_with_answers_outstanding,
        run_with_the_token_in_a_base_url,
        run_with_a_token_in_the_settings_file,
        run_against_an_echo,
    ],
)
def test_no_token_is_left_anywhere(online: Workplace, front: Front, scene: Callable[[Workplace, Front], Done]) -> None:
    done = scene(online, front)
    assert "Traceback" not in done.err
    texts = {"stdout": done.out.encode(), "stderr": done.err.encode()}
    texts |= {str(path): path.read_bytes() for path in online.path.rglob("*") if path.is_file()}
    assert [name for name, text in texts.items() if CANARY.encode() in text] == []
    front.let_go(dropping=True)
