"""report.html: one self-contained file to look at. The only place that knows Jinja2."""
