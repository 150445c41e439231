"""The figures behind charts: amounts over time, top customers, forecasts.

Owns reading what was billed and used, window by window, and its rows.
Does not own any rule of a bill or of counting: it asks for what these say.
"""
