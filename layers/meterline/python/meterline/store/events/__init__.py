"""Which partitions hold the events of a type, and the calls that send events out.

Owns event partitions and their index, and the outgoing calls to an endpoint and to an event
bus.
Does not own what an event says, nor when it is sent.
"""
