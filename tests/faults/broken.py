"""How a simulation says which of its rules does not hold."""


class BrokenRuleError(AssertionError):
    """A rule that does not hold; ``rule`` is its name."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule = rule
