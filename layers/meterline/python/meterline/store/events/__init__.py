"""Which partitions hold the events of a type.

Owns event partitions and their index.
Does not own what an event says.
"""
