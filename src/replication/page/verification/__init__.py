"""Whether every exhibit comes out again from what was committed, and how near.

`commitment` says what was committed and takes a clean copy of it, `report` runs the chapters there
and has a row for each exhibit, `render` shows the report as text, JSON and a page.
"""
