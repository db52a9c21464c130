"""report.html: one self-contained file to look at. The only place that knows Jinja2 and itables."""

from importer.reporter.page.calendar import Calendar, Placement
from importer.reporter.page.contents import Contents, TargetFacts
from importer.reporter.page.document import write_page
from importer.reporter.page.timeline import Bar as TimelineBar
from importer.reporter.page.timeline import Timeline

__all__ = ["Calendar", "Contents", "Placement", "TargetFacts", "Timeline", "TimelineBar", "write_page"]
