from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import medseg
from medseg import Fate, FollowUpRules, MatchedBy, follow
from medseg.instances import separate_instances
from tests.core.instances.scenes import CYST, TUMOUR, label_map
from tests.core.making import ellipsoid

GRID = medseg.Geometry.from_spacing((60, 40, 20), (1.0, 1.0, 2.0))


def scan_with(*balls, grid=GRID, label=TUMOUR) -> medseg.Panoptic:
    """Balls given as (centre along R, radius) in mm, in a row along R."""
    array = np.zeros(grid.shape, int)
    for right_mm, radius_mm in balls:
        array[ellipsoid(grid, radius_mm, (right_mm, 20.0, 20.0))] = label
    return separate_instances(label_map(array, geometry=grid))


def fates(found) -> list[tuple[Fate, tuple[int, ...], tuple[int, ...]]]:
    return [
        (
            each.fate,
            tuple(part.number for part in each.baseline),
            tuple(part.number for part in each.follow_up),
        )
        for each in found.lesions
    ]


def test_a_lesion_that_grows_is_followed_with_its_growth():
    found = follow(scan_with((20.0, 6.0)), scan_with((21.0, 9.0)))

    (lesion,) = found.lesions
    assert lesion.fate is Fate.PERSISTING
    ball_ml = 4 / 3000 * np.pi
    assert lesion.baseline_ml == pytest.approx(ball_ml * 6**3, rel=0.05)
    assert lesion.growth_ml == pytest.approx(ball_ml * (9**3 - 6**3), rel=0.05)
    assert lesion.growth_percent == pytest.approx(100 * (1.5**3 - 1), rel=0.05)
    assert lesion.longest_change_mm == pytest.approx(6.0, abs=1.0)
    assert lesion.centres_apart_mm == pytest.approx(1.0, abs=0.1)


def test_new_and_gone():
    found = follow(scan_with((10.0, 5.0)), scan_with((45.0, 5.0)))

    assert fates(found) == [(Fate.GONE, (1,), ()), (Fate.NEW, (), (1,))]
    gone, new = found.lesions
    assert gone.growth_percent == -100
    assert gone.longest_change_mm is None
    assert new.growth_percent is None
    assert new.growth_ml == new.follow_up_ml > 0
    assert found.of_fate(Fate.NEW) == (new,)


def test_one_that_splits_and_two_that_merge():
    apart, whole = scan_with((20.0, 6.0), (35.0, 6.0)), scan_with((27.5, 13.0))

    assert fates(follow(whole, apart)) == [(Fate.SPLIT, (1,), (1, 2))]
    (merged,) = follow(apart, whole).lesions
    assert merged.fate is Fate.MERGED
    assert merged.baseline_ml == pytest.approx(
        2 * merged.baseline[0].volume_ml, rel=0.01
    )
    assert merged.centres_apart_mm == pytest.approx(0, abs=0.1)


def test_what_is_left_of_a_lesion_between_two_thick_slices_is_still_that_lesion():
    """Slices of 5 mm then and 1 mm later; centres of the thick ones are at 0, 5, 10."""
    thick = medseg.Geometry.from_spacing((60, 40, 8), (1.0, 1.0, 5.0))
    thin = medseg.Geometry.from_spacing((60, 40, 36), (1.0, 1.0, 1.0))
    then = scan_with((20.0, 9.0), grid=thick)
    rest = np.zeros(thin.shape, int)
    rest[18:22, 18:22, 22] = TUMOUR
    later = separate_instances(label_map(rest, geometry=thin))

    for found in (follow(then, later), follow(later, then)):
        assert [each.fate for each in found.lesions] == [Fate.PERSISTING]


def test_the_diameters_of_fragments_are_added():
    """A rod of 50 mm of which 2 mm are gone is 48 mm long, and not half as long."""
    rod = np.zeros(GRID.shape, int)
    rod[5:55, 19:22, 9:11] = TUMOUR
    broken = rod.copy()
    broken[29:31] = 0
    then, later = (
        separate_instances(label_map(e, geometry=GRID)) for e in (rod, broken)
    )
    (lesion,) = follow(then, later).lesions

    assert lesion.fate is Fate.SPLIT
    assert lesion.baseline_longest_mm == pytest.approx(50, abs=1)
    assert lesion.follow_up_longest_mm == pytest.approx(48, abs=1)


def test_lesions_that_do_not_overlap_are_paired_by_distance_within_a_limit():
    then, later = scan_with((12.0, 3.0), (40.0, 3.0)), scan_with((20.0, 3.0))
    near, far = FollowUpRules(most_apart_mm=8.5), FollowUpRules(most_apart_mm=7.5)

    assert fates(follow(then, later, near)) == [
        (Fate.PERSISTING, (1,), (1,)),
        (Fate.GONE, (2,), ()),
    ]
    assert [each.fate for each in follow(then, later, far).lesions] == [
        *(Fate.GONE, Fate.GONE, Fate.NEW)
    ]


def test_as_many_as_possible_are_paired_at_the_least_distance():
    then, later = (
        scan_with((10.0, 2.0), (20.0, 2.0)),
        scan_with((15.0, 2.0), (29.0, 2.0)),
    )

    assert fates(follow(then, later)) == [
        (Fate.PERSISTING, (1,), (1,)),
        (Fate.PERSISTING, (2,), (2,)),
    ]


def test_an_overlap_that_is_too_small_does_not_count():
    then, later = scan_with((15.0, 8.0)), scan_with((29.0, 8.0))  # a lens of 2 mm
    strict = FollowUpRules(minimum_overlap=0.2, most_apart_mm=1.0)
    lax = FollowUpRules(minimum_overlap=0.0, most_apart_mm=1.0)

    assert len(follow(then, later, strict).lesions) == 2
    assert len(follow(then, later, lax).lesions) == 1


def test_a_lesion_is_never_one_of_another_structure():
    found = follow(scan_with((20.0, 6.0)), scan_with((20.0, 6.0), label=CYST))

    assert [each.fate for each in found.lesions] == [Fate.GONE, Fate.NEW]


@settings(max_examples=10)
@given(
    spacing_mm=st.tuples(*[st.floats(0.8, 2.5)] * 3),
    flip=st.booleans(),
)
def test_another_grid_changes_nothing_but_voxels(spacing_mm, flip):
    i, j, k = (
        int(n * 2 / d) + 2 for n, d in zip((30, 20, 20), spacing_mm, strict=True)
    )
    grid = medseg.Geometry.from_spacing((i, j, k), spacing_mm)
    grid = grid.permuted((2, 0, 1), (flip, False, True))

    found = follow(
        scan_with((15.0, 6.0), (40.0, 5.0)), scan_with((15.0, 6.0), grid=grid)
    )

    persisting, gone = found.lesions
    assert (persisting.fate, gone.fate) == (Fate.PERSISTING, Fate.GONE)
    assert persisting.growth_percent == pytest.approx(0, abs=15)


def tracked(panoptic: medseg.Panoptic, *uids: str | None) -> medseg.Panoptic:
    """The same lesions with tracking UIDs, by ascending number."""
    both = zip(panoptic.instances, uids, strict=True)
    return replace(
        panoptic, instances=tuple(replace(e, tracking_uid=uid) for e, uid in both)
    )


def test_the_table_says_how_each_lesion_was_matched():
    then = scan_with((8.0, 4.0), (25.0, 4.0), (40.0, 3.0))
    later = scan_with((8.0, 4.0), (34.0, 3.0), (52.0, 3.0))
    found = follow(then, later, FollowUpRules(most_apart_mm=8.0))

    assert [each.matched_by for each in found.lesions] == [
        *(MatchedBy.OVERLAP, None, MatchedBy.DISTANCE, None)
    ]
    assert "matched_by" in medseg.follow_up_table(found)
    assert "distance" in medseg.follow_up_csv(found)


def test_one_tracking_uid_is_one_lesion_wherever_it_lies():
    """By place the two would be taken the other way round."""
    then = tracked(scan_with((15.0, 4.0), (40.0, 4.0)), "1.2.3", "1.2.4")
    later = tracked(scan_with((15.0, 4.0), (40.0, 4.0)), "1.2.4", "1.2.3")

    found = follow(then, later)

    assert fates(found) == [
        (Fate.PERSISTING, (1,), (2,)),
        (Fate.PERSISTING, (2,), (1,)),
    ]
    assert {each.matched_by for each in found.lesions} == {MatchedBy.TRACKING_UID}
    assert "1.2.3" in medseg.follow_up_json(found)


def test_one_tracking_uid_is_one_lesion_whatever_it_is_called():
    then = tracked(scan_with((15.0, 4.0)), "1.2.3")
    later = tracked(scan_with((15.0, 4.0), label=CYST), "1.2.3")

    (lesion,) = follow(then, later).lesions
    assert lesion.fate is Fate.PERSISTING
    assert lesion.structure == "tumour"


def test_several_lesions_of_one_tracking_uid_are_parts_of_one():
    then = tracked(scan_with((25.0, 9.0)), "1.2.3")
    later = tracked(scan_with((10.0, 3.0), (40.0, 3.0)), "1.2.3", "1.2.3")

    (lesion,) = follow(then, later).lesions
    assert lesion.fate is Fate.SPLIT


def test_what_has_a_uid_in_one_scan_only_is_matched_by_its_place():
    """Each scan gives lesions new UIDs where nobody carried them on."""
    then = tracked(scan_with((15.0, 4.0), (40.0, 4.0)), "1.2.3", "1.2.5")
    later = tracked(scan_with((15.0, 4.0), (40.0, 4.0)), "1.2.3", "1.2.9")

    found = follow(then, later)

    assert [each.matched_by for each in found.lesions] == [
        *(MatchedBy.TRACKING_UID, MatchedBy.OVERLAP)
    ]


def test_what_is_matched_by_its_uid_takes_part_in_no_other_match():
    """The second lies in the first as it was, but that is elsewhere by now."""
    then = tracked(scan_with((20.0, 8.0)), "1.2.3")
    later = tracked(scan_with((20.0, 4.0), (45.0, 6.0)), None, "1.2.3")

    assert fates(follow(then, later)) == [
        (Fate.PERSISTING, (1,), (2,)),
        (Fate.NEW, (), (1,)),
    ]


def test_empty_scans_have_nothing_to_follow():
    assert follow(scan_with(), scan_with()).lesions == ()
    assert [e.fate for e in follow(scan_with(), scan_with((20.0, 5.0))).lesions] == [
        Fate.NEW
    ]


@settings(max_examples=15)
@given(
    maps=st.tuples(*[st.lists(st.booleans(), min_size=12, max_size=12)] * 2),
)
def test_every_lesion_is_in_one_row_and_the_way_back_mirrors_it(maps):
    then, later = (
        separate_instances(label_map(np.where(row, TUMOUR, 0).reshape(12, 1, 1)))
        for row in maps
    )
    rules = FollowUpRules(most_apart_mm=0.0)

    there, back = follow(then, later, rules), follow(later, then, rules)

    seen = [part.number for each in there.lesions for part in each.baseline]
    assert sorted(seen) == [each.number for each in then.instances]
    seen = [part.number for each in there.lesions for part in each.follow_up]
    assert sorted(seen) == [each.number for each in later.instances]
    pairs = {(before, after) for _, before, after in fates(there)}
    assert pairs == {(before, after) for _, after, before in fates(back)}


def uids(panoptic: medseg.Panoptic) -> list[str | None]:
    return [each.tracking_uid for each in panoptic.instances]


def test_a_lesion_matched_has_the_uid_and_the_name_of_the_baseline():
    """The first is new, the second has another UID: MedSeg gives one at each export."""
    then = tracked(scan_with((20.0, 5.0), (40.0, 5.0)), "1.2.3", "1.2.4")
    later = tracked(scan_with((6.0, 3.0), (21.0, 6.0), (40.0, 5.0)), None, "1.9", None)

    handed = medseg.with_tracking(later, follow(then, later))

    new, *known = uids(handed)
    assert known == ["1.2.3", "1.2.4"]
    assert new is not None
    assert new not in {"1.2.3", "1.2.4", "1.9"}
    names = [each.tracking_id for each in handed.instances]
    assert names == [None, "tumour 1", "tumour 2"]
    np.testing.assert_array_equal(handed.instance_map, later.instance_map)


def test_parts_of_a_lesion_have_its_uid_and_are_followed_as_one():
    then, later = (
        tracked(scan_with((27.5, 13.0)), "1.2.3"),
        scan_with((20.0, 6.0), (35.0, 6.0)),
    )

    handed = medseg.with_tracking(later, follow(then, later))

    assert uids(handed) == ["1.2.3", "1.2.3"]
    assert [e.fate for e in follow(then, handed).lesions] == [Fate.SPLIT]
    assert [e.fate for e in follow(handed, handed).lesions] == [Fate.PERSISTING]
    assert [e.fate for e in follow(handed, then).lesions] == [Fate.MERGED]


def test_one_that_merged_of_two_is_neither_of_them():
    """With the UID of one of them, the other would be gone."""
    then = tracked(scan_with((20.0, 6.0), (35.0, 6.0)), "1.2.3", "1.2.4")
    later = scan_with((27.5, 13.0))

    handed = medseg.with_tracking(later, follow(then, later))

    assert uids(handed) != [None]
    assert not {"1.2.3", "1.2.4"} & set(uids(handed))
    assert [each.fate for each in follow(then, handed).lesions] == [Fate.MERGED]


@settings(max_examples=15)
@given(
    maps=st.tuples(*[st.lists(st.booleans(), min_size=12, max_size=12)] * 2),
    rules=st.sampled_from([FollowUpRules(), FollowUpRules(most_apart_mm=0.0)]),
)
def test_what_was_handed_on_tells_the_same_fates_again(maps, rules):
    then, later = (
        separate_instances(label_map(np.where(row, TUMOUR, 0).reshape(12, 1, 1)))
        for row in maps
    )
    then = tracked(then, *[f"1.2.{n}" for n, _ in enumerate(then.instances)])

    first = follow(then, later, rules)
    again = follow(then, medseg.with_tracking(later, first), rules)

    assert fates(again) == fates(first)
