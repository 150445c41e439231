"""The wire: everything between API Gateway and the services, in Stripe's dialect.

How to add a resource

1. Describe it by one record in ``core/kinds``: its name, its permission, which fields hold ids that
   ``expand`` may follow, how its lists are divided ... Everything else is derived from it.
2. Write its verbs as services: ``create_widget(ctx, params)``, ``update_widget(ctx, id, params)``,
   each answering with the stored body.
3. Write its table in ``api/routes/widgets.py``, with the words of ``api/params/specs.py``::

       CREATE = object_(name=string(required=True, max_length=250), metadata=metadata())
       ROUTES = Routes([
           post("/v1/widgets", "widget", create_widget, CREATE),
           retrieve("/v1/widgets/{id}", "widget"),
           post("/v1/widgets/{id}", "widget", update_widget, UPDATE),
           delete("/v1/widgets/{id}", "widget", delete_widget),
           listing("/v1/widgets", "widget", filters=object_(active=boolean())),
           post("/v1/widgets/{id}/archive", "widget", archive_widget),
       ])

4. A function serves it: ``handler = lambda_handler(ROUTES)`` from ``api.app``.

``retrieve`` and ``listing`` (``api/lists.py``) need no service. Authentication, idempotency,
unknown parameters, lists, expansion, errors and headers are done here, once, for every operation.
"""
