"""The whole of Meterline on one machine: MiniStack, the real template, and a root for the API."""
