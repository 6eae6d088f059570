"""What is certified of random programs, against the worst that they do; `make prove` tries more."""

import pytest

from tests.prove.prover import prove_all

SAMPLES = {"any": 24, "switches": 16, "straight": 24}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SAMPLES)
def test_no_run_takes_more_than_is_certified(shape: str) -> None:
    counts, findings = prove_all(range(SAMPLES[shape]), shape)
    assert findings == []
    assert counts["compiled"] >= 0.8 * counts["programs"]
    if shape == "straight":
        assert counts["attempts tight"] == counts["compiled"]
