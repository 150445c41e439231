"""What Lambda tells a handler of its invocation."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """An invocation: without a ``function_name`` by nobody who could be given anything again."""

    function_name: str | None = None
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:tested"
    memory_limit_in_mb: int = 1024
    remaining_milliseconds: int = 86_400_000

    def get_remaining_time_in_millis(self) -> int:
        """How long the invocation can go on."""
        return self.remaining_milliseconds
