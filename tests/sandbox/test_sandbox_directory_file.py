"""A team rehearses with its own users and schedules: they are read from a file, and stay in the state."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from importer.errors import SettingsError
from importer.sandbox.directory_file import DirectoryFile, read_directory
from importer.sandbox.organization import demo_organization, read_organization
from importer.sandbox.state import reset

from .client import Client, Clock, served

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

FILE = """
[[users]]
id = 9001
email = "ada@acme.example"
first_name = "Ada"
last_name = "Lovelace"

[[users]]
id = 7
email = "Bot@acme.example"

[[schedules]]
id = "net-1"
name = "Network primary"
"""
#: What the default directory has and FILE has not.
DEFAULT = "Anna Berg"


def read(folder: Path, text: str | bytes) -> DirectoryFile:
    path = folder / "directory.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_directory(path)


async def users(client: Client) -> list[tuple[str, str | None]]:
    listed = (await client.rootly("GET", "/v1/users")).json["data"]
    return [(each["id"], each["attributes"]["full_name"]) for each in listed]


async def schedules(client: Client) -> list[tuple[str, str]]:
    listed = (await client.rootly("GET", "/v1/schedules")).json["data"]
    return [(each["id"], each["attributes"]["name"]) for each in listed]


async def test_a_file_takes_the_place_of_the_default_directory(tmp_path: Path, state: Path, clock: Clock) -> None:
    async with served(state, clock, directory=read(tmp_path, FILE)) as client:
        assert await users(client) == [("9001", "Ada Lovelace"), ("7", None)]
        assert await schedules(client) == [("net-1", "Network primary")]
        ada = (await client.rootly("GET", "/v1/users/9001")).json["data"]["attributes"]
        bot = (await client.rootly("GET", "/v1/users?filter[email]=bot@acme.example")).json["data"][0]["attributes"]
    assert (ada["email"], ada["first_name"], ada["last_name"]) == ("ada@acme.example", "Ada", "Lovelace")
    assert (bot["email"], bot["first_name"], bot["last_name"]) == ("Bot@acme.example", None, None)


async def test_an_id_in_no_list_is_taken_all_the_same(tmp_path: Path, state: Path, clock: Clock) -> None:
    async with served(state, clock, directory=read(tmp_path, FILE)) as client:
        assert (await client.shadow("elsewhere", shadow_user_id=4711)).status == 201
        assert (await client.rootly("GET", "/v1/users/me")).status == 200


async def test_a_directory_stays_in_the_state_until_the_next_one_or_a_reset(
    tmp_path: Path, state: Path, clock: Clock
) -> None:
    async with served(state, clock) as client:
        assert DEFAULT in dict(await users(client)).values()
        await client.shadow()
    async with served(state, clock, directory=read(tmp_path, FILE)) as client:
        shadows = (await client.rootly("GET", "/v1/schedules/primary/on_call_shadows")).json["data"]
        assert len(shadows) == 1
    async with served(state, clock) as client:
        assert await schedules(client) == [("net-1", "Network primary")]
    async with served(state, clock, directory=DirectoryFile()) as client:
        assert await users(client) == await schedules(client) == []
    reset(state)
    async with served(state, clock) as client:
        assert DEFAULT in dict(await users(client)).values()


async def test_an_entry_is_in_no_list_before_its_time_and_by_its_id_at_once(
    tmp_path: Path, state: Path, clock: Clock
) -> None:
    text = FILE + 'listed_after = 5\n[[users]]\nid = 8\nemail = "new@acme.example"\nlisted_after = 2.5\n'
    async with served(state, clock, directory=read(tmp_path, text)) as client:
        assert (len(await users(client)), await schedules(client)) == (2, [])
        assert (await client.rootly("GET", "/v1/users?filter[email]=new@acme.example")).json["meta"]["total_count"] == 0
        assert (await client.rootly("GET", "/v1/users/8")).json["data"]["attributes"]["email"] == "new@acme.example"
        clock.moment += 3
        assert (len(await users(client)), await schedules(client)) == (3, [])
        clock.moment += 3
        assert await schedules(client) == [("net-1", "Network primary")]
    async with served(state, clock, directory=read(tmp_path, text)) as client:
        assert len(await users(client)) == 2


async def test_names_need_not_be_unique_and_lists_are_in_the_order_of_the_file(state: Path, clock: Clock) -> None:
    made = [{"id": 300 - number, "email": "same@acme.example", "first_name": "Same"} for number in range(250)]
    async with served(state, clock, directory=DirectoryFile.model_validate({"users": made})) as client:
        found = []
        for number in (1, 2, 3):
            page = await client.rootly("GET", f"/v1/users?sort=created_at&page[size]=100&page[number]={number}")
            found += [int(each["id"]) for each in page.json["data"]]
    assert found == [user["id"] for user in made]


async def test_a_state_that_does_not_take_it_is_one_clear_error(tmp_path: Path, state: Path, clock: Clock) -> None:
    async with served(state, clock):
        pass
    with closing(sqlite3.connect(state)) as connection:
        connection.execute("DROP TABLE rootly_users")
    with pytest.raises(SettingsError, match="cannot take the directory: no such table") as caught:
        async with served(state, clock, directory=read(tmp_path, FILE)):
            pass
    assert str(state) in caught.value.message


def test_an_empty_file_is_an_empty_directory(tmp_path: Path) -> None:
    assert read(tmp_path, "") == DirectoryFile()


def test_a_file_from_windows_reads_the_same(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf" + FILE.replace("\n", "\r\n").encode()) == read(tmp_path, FILE)


USER = '[[users]]\nid = 1\nemail = "a@b.example"\n'
SCHEDULE = '[[schedules]]\nid = "a"\nname = "A"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("users = ", "it is not valid TOML: Invalid value (at end of document)"),
        ("[[users]\n", "it is not valid TOML: Expected ']]' at the end of an array declaration (at line 1,"),
        (b"# \xe9\n", "it is not valid TOML: 'utf-8' codec can't decode byte 0xe9"),
        (f"[[users]]\nid = {'9' * 5000}\n", "it is not valid TOML: Exceeds the limit"),
        ("x = " + "[" * 5000, "it is not valid TOML: "),
        ("people = 1", "people: Extra inputs are not permitted"),
        ("users = 3", "users: Input should be a valid tuple"),
        ("users = [3]", "users number 1: Input should be a valid dictionary"),
        (USER + '[[users]]\nid = "x"\nemail = "b@b.example"', "users number 2 id: Input should be a valid integer"),
        (USER.replace("1", "0"), "users number 1 id: Input should be greater than or equal to 1"),
        (USER.replace("1", str(2**63)), "users number 1 id: Input should be less than or equal to 9223372036854775807"),
        ("[[users]]\nid = 1\n", "users number 1 email: Field required"),
        (USER.replace("@", " at "), "users number 1 email: is not an e-mail address"),
        (USER + 'first_name = "\\u0007"', "users number 1 first_name: is not a name: a name has"),
        (USER + 'name = "Ada"', "users number 1 name: Extra inputs are not permitted"),
        (USER + '"\\u001b[2J" = 1', "users number 1 '\\x1b[2J': Extra inputs are not permitted"),
        (USER * 2, "2 users have the id 1"),
        (SCHEDULE * 3, "3 schedules have the id a"),
        (SCHEDULE.replace('"a"', '"../x"'), "schedules number 1 id: is not an id: an id has only letters"),
        (SCHEDULE.replace('"A"', '""'), "schedules number 1 name: String should have at least 1 character"),
        (SCHEDULE + "listed_after = -1", "schedules number 1 listed_after: Input should be greater than or equal to 0"),
        (SCHEDULE + "listed_after = nan", "schedules number 1 listed_after: Input should be"),
        ("#" * ((16 << 20) + 1), "it is larger than 16 MiB"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_file_that_is_no_directory_is_one_clear_sentence(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    assert caught.value.message.startswith(f"the directory {tmp_path / 'directory.toml'} cannot be used: {words}")
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_more_than_50000_users_are_refused() -> None:
    made = [{"id": number, "email": "a@b.example"} for number in range(1, 50_002)]
    with pytest.raises(ValueError, match="at most 50000 items"):
        DirectoryFile.model_validate({"users": made})


def test_a_file_that_cannot_be_read_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="it cannot be read: No such file or directory"):
        read_directory(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match="it cannot be read: Is a directory"):
        read_directory(tmp_path)


GROUPS = """
[[groups]]
id = "7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1e01"
name = "Twins"

[[groups]]
id = "7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1e02"
name = "Twins"
type = "PAGERDUTY_ON_CALL_SCHEDULE"
"""


async def groups(client: Client) -> list[tuple[str, str]]:
    listed = (await client.opal("GET", "/groups")).json["results"]
    return [(each["name"], each["group_type"]) for each in listed]


async def test_groups_of_a_file_take_the_place_of_the_default_ones(tmp_path: Path, state: Path, clock: Clock) -> None:
    """Two of one name, and a type that takes no schedules; a file without groups leaves them as they are."""
    async with served(state, clock, directory=read(tmp_path, FILE)) as client:
        assert ("Platform Operators", "OPAL_GROUP") in await groups(client)
    for text in (GROUPS, FILE):
        async with served(state, clock, directory=read(tmp_path, text)) as client:
            assert await groups(client) == [("Twins", "OPAL_GROUP"), ("Twins", "PAGERDUTY_ON_CALL_SCHEDULE")]


@pytest.mark.parametrize("line", ['id = "x"', 'name = ""', 'type = "unknown type"', "id = 1"])
def test_a_group_that_cannot_be_is_told(tmp_path: Path, line: str) -> None:
    with pytest.raises(SettingsError, match="groups number 1"):
        read(tmp_path, f"[[groups]]\n{line}\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Invalid JSON"),
        ("{}", "pagerduty: Field required"),
        ('{"pagerduty": {"me": "P1", "users": [], "teams": [], "people": 1}}', "pagerduty people: Extra inputs"),
        (
            '{"pagerduty": {"me": "P1", "users": [{"id": "P1", "name": "A", "email": "a", "time_zone": "Mars/X"}]}}',
            "pagerduty users number 1 time_zone: is not the name of a time zone",
        ),
    ],
)
def test_a_file_that_is_no_organization_is_one_clear_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "organization.json"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_organization(path)
    assert caught.value.message.startswith(f"the organization {path} cannot be used: ")
    assert words in caught.value.message
    with pytest.raises(SettingsError, match="it cannot be read: No such file"):
        read_organization(tmp_path / "none.json")


def test_an_organization_survives_the_way_through_a_file(tmp_path: Path) -> None:
    made = demo_organization(1_767_268_800)
    path = tmp_path / "organization.json"
    path.write_text(made.model_dump_json(by_alias=True))
    assert read_organization(path) == made
