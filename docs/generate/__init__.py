"""Makes from the code what the pages say about it, so that they cannot say anything else.

A page names what it wants in a comment on a line of its own, `<!-- generated: options -->`; `hook.py` puts it there
when MkDocs builds the site.
"""
