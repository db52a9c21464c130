"""Whether a run could start: everything that can be found out without writing anything, one finding a line."""

from importer.doctor.diagnosing import diagnose
from importer.doctor.findings import Finding, Level

__all__ = ["Finding", "Level", "diagnose"]
