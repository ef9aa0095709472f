"""Report step: report.json, report.html and the rejection files."""
