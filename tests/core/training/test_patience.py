"""When a training is over before its last step."""

from hypothesis import given
from hypothesis import strategies as st

from medseg.training.patience import Patience

SCORES = st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=30)


def after(scores) -> Patience:
    patience = Patience()
    for score in scores:
        patience = patience.after(score)
    return patience


@given(SCORES)
def test_it_waits_since_the_first_of_the_best(scores):
    patience = after(scores)
    known = [score for score in scores if score is not None]
    if known:
        assert patience.best == max(known)
        assert patience.waited == len(scores) - 1 - scores.index(max(known))
    else:
        assert patience.waited == len(scores)


def test_it_ends_after_so_many_checkpoints_without_a_better_one_or_never():
    assert after([0.5, 0.4, 0.5]).is_over(2)
    assert not after([0.5, 0.4, 0.6]).is_over(2)
    assert not after([0.5, 0.4, 0.5]).is_over(3)
    assert not after([0.5] * 100).is_over(0)
