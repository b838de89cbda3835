"""Everything that is known of one machine -> one HTML page that needs nothing else. Pure.

`book` is what it is made from, `document` the whole page; `markup` is the only place where text becomes HTML.
The scripts and page.css are what the page brings along: `commands/report.py` reads them, in their order.
"""
