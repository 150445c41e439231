"""Which segments are a counter's: those that are named, from the newest one on backwards."""

import pytest

from meterline.store.metering.segment_chain import Chain, prior_of

PLACE = "s#2026-01-31T23#"


def segment(end: str, prior: str | None) -> tuple[str, dict[str, dict[str, str]]]:
    return PLACE + end, {} if prior is None else prior_of(prior)


FIRST = segment("0010#0000000302000", "")
SECOND = segment("0020#0000000504300", "0010#0000000302000")
TRANSACTED = [segment(f"0030#000000060{number}", "0020#0000000504300") for number in (0, 1)]
LEFT_BEHIND = [
    segment("0010#0000000302100", ""),
    segment("0020#0000000404300", "0010#0000000302000"),
    segment("0020#0000000504400", "0010#0000000302000"),
    segment("0030#0000000704300", "0030#0000000601"),
]
OF_A_FORMER_RELEASE = [segment(f"0002#000000010{number}", None) for number in (0, 1)]
AFTER_IT = segment("0002#0000000204300", "0002#0000000101")

# what there is | the newest, as the counter tells | which are its
CASES = {
    "none": ([], "", []),
    "all": ([FIRST, SECOND], "0020#0000000504300", [FIRST, SECOND]),
    "those of one commit": ([SECOND, *TRANSACTED], "0030#0000000601", [SECOND, *TRANSACTED]),
    "without copies": (
        [FIRST, SECOND, *TRANSACTED, *LEFT_BEHIND],
        "0030#0000000601",
        [FIRST, SECOND, *TRANSACTED],
    ),
    "copies alone": (LEFT_BEHIND, "0010#0000000302000", []),
    "those of a former release": (
        OF_A_FORMER_RELEASE,
        "0002#0000000101",
        OF_A_FORMER_RELEASE,
    ),
    "of a counter that does not tell": (OF_A_FORMER_RELEASE, "", OF_A_FORMER_RELEASE),
    "those of both": (
        [*OF_A_FORMER_RELEASE, AFTER_IT, LEFT_BEHIND[0]],
        "0002#0000000204300",
        [*OF_A_FORMER_RELEASE, AFTER_IT],
    ),
    "those from a place on": ([SECOND, *LEFT_BEHIND[1:]], "0020#0000000504300", [SECOND]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_named_is_a_segment_and_what_is_not_is_a_copy(case: str) -> None:
    there, newest, expected = CASES[case]
    chain = Chain(newest)
    own = [one for one in sorted(there, key=lambda one: one[0], reverse=True) if chain.has(*one)]
    assert own[::-1] == sorted(expected, key=lambda one: one[0])
