"""Walks the pages of a site and finds whom they contact, by the very rewriting that the proxy does.

Rules of this package: one origin, within bounds, politely: `robots.txt` is obeyed, there is a pause between requests,
no cookie is kept and no form is sent. Whom to ask next, what robots and sitemaps say and what was found are pure;
`fetch.py` alone opens sockets. What a page's tags are is the caller's to say: nothing here knows of visitors.
"""
