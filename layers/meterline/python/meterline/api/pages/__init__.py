"""Pages for people's browsers, answered by functions of their own that carry the pages layer.

Owns how a page is answered: templates that escape whatever is put into them, headers that keep
other origins, inline scripts and caches away, and assets at addresses that follow from their
content. Does not own what is on a page (``services``), nor the API's JSON (``api.app``).

How to add a page: a template, a function ``run(request, *path_values) -> Page``, and its row in a
table of routes, ``Routes([page("GET", "/i/{token}", show_invoice)])``; a Lambda function serves it
with ``handler = page_handler(ROUTES, ASSETS)``.
"""
