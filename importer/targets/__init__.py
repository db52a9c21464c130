"""One module per API: its paths, bodies, answers, keys and limits, as data and pure functions; no I/O.

A third target is one more module that ends in a `Target`; what else it takes stands in docs/targets.md.
"""

from importer.records import TargetName
from importer.targets.opal import OPAL
from importer.targets.opal_groups import takes_no_schedules
from importer.targets.rootly import ROOTLY
from importer.targets.target import (
    Entry,
    EntryList,
    EntryPage,
    Found,
    Grouping,
    Page,
    Removal,
    Request,
    Target,
    escape,
)

TARGETS = {TargetName.OPAL: OPAL, TargetName.ROOTLY: ROOTLY}

__all__ = [
    "OPAL",
    "ROOTLY",
    "TARGETS",
    "Entry",
    "EntryList",
    "EntryPage",
    "Found",
    "Grouping",
    "Page",
    "Removal",
    "Request",
    "Target",
    "escape",
    "takes_no_schedules",
]
