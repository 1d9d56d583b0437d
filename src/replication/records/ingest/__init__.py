"""Exports of vendors, as they come, to record tables.

`files` and `tables` open whatever was exported as columns of text, `vendors` and `mapping` say
which column is what, `patents` and `others` make the records, `kinds` holds the rule by name (R15)
to the types that a file gives, `run` is the command. DuckDB does the work: a file is never held in
memory as a whole.
"""
