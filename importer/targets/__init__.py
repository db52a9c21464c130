"""One module per API: its paths, bodies, answers, keys and limits, as data and pure functions; no I/O.

A third target is one more module with a `Target`; docs/targets.md says what else it needs.
"""

from __future__ import annotations

from importer.records import TargetName
from importer.targets.opal import OPAL
from importer.targets.rootly import ROOTLY

TARGETS = {TargetName.OPAL: OPAL, TargetName.ROOTLY: ROOTLY}
