"""Bulk-import on-call schedules and shadow shifts from spreadsheets: nothing lost, nothing twice."""
