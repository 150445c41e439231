"""One record for each kind of object.

Owns what a kind of object is called, where it is found, what it links to and how it is kept.
Does not own how any of that is done: the store, the services and the API derive it from the record.
"""
