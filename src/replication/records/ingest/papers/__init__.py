"""Papers of Web of Science, OpenAlex and CNKI, as they are exported, to the table of papers.

`tagged` and `nested` turn what is no table into one, `layouts` says whose export a file is, `rows`
reads what every row says in one form, `match` finds universities, countries and disciplines, and
`made` joins the three.
"""
