"""One module per API: its paths, bodies, answers, keys and limits, as data and pure functions; no I/O.

A third target is one more module that ends in a `Target`; what else it takes stands in docs/targets.md.
"""

from __future__ import annotations

from importer.records import TargetName
from importer.targets.opal import OPAL
from importer.targets.rootly import ROOTLY

TARGETS = {TargetName.OPAL: OPAL, TargetName.ROOTLY: ROOTLY}
