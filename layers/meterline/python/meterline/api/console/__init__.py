"""The operator's console: pages that are a client of the API, and of nothing else.

Owns signing in with an API key, what each page asks the API for, and how its answers look. Each
figure is one call of the API, made with the session's credential, which a page can show as curl.
Does not own any rule or number (the API answers), nor how pages are answered (``api.pages``).

How to add a page: a template, a function ``run(visit, *path_values) -> Page``, and its row in the
table of its module, with ``signed_in("GET", "/console/…", run)``.
"""
