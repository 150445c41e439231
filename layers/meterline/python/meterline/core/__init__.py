"""Pure billing decisions: no I/O, no clock, integers and Decimals only."""
