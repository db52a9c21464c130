"""The headers that stand for our columns, in their canonical form, by what a sheet holds. Decides nothing itself.

A header is listed where a person who knows this field reads it in one way only; what can be read in two is in
`DOUBTFUL` and is told, never applied. Headers such as "Trainee name" are in neither: beside "Trainee ID" they say the
same thing once more.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from importer.normalizer.columns import COLUMNS
from importer.records import Kind


def canonical(header: str) -> str:
    """Reduce a header to its letters and digits, case folded: `Remote ID` and `remote_id` are the same."""
    return "".join(char for char in header.casefold() if char.isalnum())


def _lead(column: str, headers: str) -> dict[str, str]:
    return dict.fromkeys(headers.split(), column)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: Our columns by their own names.
OWN: Final = {canonical(column.name): column.name for column in COLUMNS}

#: What tells the kind of a sheet, too: no list of the other kind has such a header.
CLEAR: Final[dict[Kind, dict[str, str]]] = {
    Kind.SCHEDULE: {
        **_lead("third_party_provider", "provider providername oncallprovider scheduleprovider"),
        **_lead("remote_id", "remotescheduleid providerscheduleid externalscheduleid thirdpartyscheduleid"),
        **_lead("remote_id", "pagerdutyid pagerdutyscheduleid pdscheduleid opsgenieid opsgeniescheduleid"),
        **_lead("group", "opalgroup opalgroupid opalgroupname opalgroups"),
    },
    Kind.SHADOW: {
        **_lead("schedule_id", "rootlyscheduleid rootlyschedule"),
        **_lead("shadowable_type", "shadowedtype"),
        **_lead("shadowable_id", "shadowed shadowedid shadoweduser shadoweduserid shadowedperson shadowedemail"),
        **_lead("shadowable_id", "shadoweduseremail usertoshadow"),
        **_lead("shadow_user_id", "trainee traineeid traineeuserid traineeemail traineeuseremail"),
        **_lead("shadow_user_id", "shadow shadowuser shadowemail shadowuseremail shadower shadowerid"),
        **_lead(
            "starts_at", "start starts startat starton startson startdate starttime startdatetime startdateandtime"
        ),
        **_lead("starts_at", "from begin begins beginsat shadowstart shiftstart"),
        **_lead("ends_at", "end ends endat endon endson enddate endtime enddatetime enddateandtime"),
        **_lead("ends_at", "to shadowend shiftend"),
        **_lead("duration", "shiftduration"),
        **_lead("repeat", "repeats recurrence recurrencerule repeatrule rrule"),
        **_lead("until", "repeatuntil repeatsuntil"),
        **_lead("timezone", "tz tzid timezoneid timezonename ianatimezone"),
    },
}

#: What means a column only in a sheet that is known to be of the kind.
IN_SHEETS_OF: Final[dict[Kind, dict[str, str]]] = {
    Kind.SCHEDULE: _lead("remote_id", "id"),
    Kind.SHADOW: {
        **_lead("schedule_id", "schedule oncallschedule oncallscheduleid rota rotaid"),
        **_lead("shadowable_id", "oncalluser oncalluserid oncalluseremail"),
    },
}


class Ambiguity(NamedTuple):
    """What a header may mean that can be read in two ways."""

    kind: Kind
    column: str
    confidence: int  #: percent
    why: str


_ANY_GROUP = "it could be the Opal group that the schedule is to be added to"
_EITHER_PERSON = "it could be who shadows or who is shadowed"
_IN_UTC = "its times seem to be UTC; set the default timezone to UTC, too"

#: What a header may mean, the likelier meaning first; never applied.
DOUBTFUL: Final[dict[str, tuple[Ambiguity, ...]]] = {
    **dict.fromkeys(
        ("user", "userid", "useremail", "username"),
        (
            Ambiguity(Kind.SHADOW, "shadow_user_id", 50, _EITHER_PERSON),
            Ambiguity(Kind.SHADOW, "shadowable_id", 50, _EITHER_PERSON),
        ),
    ),
    **dict.fromkeys(
        ("shadowing", "shadows"),
        (
            Ambiguity(Kind.SHADOW, "shadowable_id", 60, _EITHER_PERSON),
            Ambiguity(Kind.SHADOW, "shadow_user_id", 40, _EITHER_PERSON),
        ),
    ),
    **dict.fromkeys(
        ("mentor", "oncall", "primary", "primaryoncall"),
        (Ambiguity(Kind.SHADOW, "shadowable_id", 75, "it could be who is shadowed"),),
    ),
    "shadowedschedule": (
        Ambiguity(Kind.SHADOW, "shadowable_id", 80, "it could be what is shadowed, with shadowable_type Schedule"),
    ),
    **dict.fromkeys(("groupid", "groupname"), (Ambiguity(Kind.SCHEDULE, "group", 50, _ANY_GROUP),)),
    **dict.fromkeys(
        ("schedule", "scheduleurl", "schedulelink", "htmlurl", "url"),
        (Ambiguity(Kind.SCHEDULE, "remote_id", 60, "it could hold the schedules' ids or links"),),
    ),
    **dict.fromkeys(
        ("startutc", "startsatutc", "starttimeutc", "utcstart"), (Ambiguity(Kind.SHADOW, "starts_at", 85, _IN_UTC),)
    ),
    **dict.fromkeys(("endutc", "endsatutc", "endtimeutc", "utcend"), (Ambiguity(Kind.SHADOW, "ends_at", 85, _IN_UTC),)),
    **dict.fromkeys(("till", "finish"), (Ambiguity(Kind.SHADOW, "ends_at", 75, "it could be the end"),)),
    **dict.fromkeys(("length", "hours"), (Ambiguity(Kind.SHADOW, "duration", 60, "it could be how long it lasts"),)),
    "zone": (Ambiguity(Kind.SHADOW, "timezone", 70, "it could be the time zone"),),
    **dict.fromkeys(
        ("frequency", "every", "repeating", "recurring", "howoften", "cadence"),
        (Ambiguity(Kind.SHADOW, "repeat", 75, "it could be how often it repeats"),),
    ),
}

#: Headers that may say that a row repeats.
MAYBE_REPEATING: Final = frozenset(
    header for header, doubts in DOUBTFUL.items() if any(doubt.column == "repeat" for doubt in doubts)
)

#: The report's own columns: a report is a source again.
REPORT_HEADERS: Final = _set(
    "importrow importsheet importpart importkind importstatus importid importhttpstatus importerror importcell "
    "importhint importattempts importfinishedat importrun"
)

#: Headers of real exports that are no columns of ours: beside one that is, they make a header sure.
FAMILIAR: Final = _set(
    "name users escalationpolicies teamnames team teams description enabled userid note notes status email"
)

#: What lists of people, services and so on have, and lists of schedules do not.
OF_OTHER_LISTS: Final = _set(
    "email emailaddress mail phone phonenumber mobile role baserole jobtitle firstname lastname surname username "
    "escalationpolicy integrations service servicename urgency"
)

#: Words in the names of such lists.
NAMES_OF_OTHER_LISTS: Final = _set(
    "user users person people contact contacts member members staff employee employees team teams service services "
    "policy policies engineer engineers developer developers responder responders agent agents"
)

#: Every header that is known in some sheet; says nothing of its meaning in this one.
KNOWN: Final = frozenset().union(OWN, *CLEAR.values(), *IN_SHEETS_OF.values())
