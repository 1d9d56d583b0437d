"""The ministry's statistics as workbooks in the layout of its compilation.

`heads` makes one name of a head of several rows, `workbook` reads the sheets and holds them to
their totals, `statistics` makes the tables of exchange and resources.
"""
