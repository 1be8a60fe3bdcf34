from __future__ import annotations

import pytest

from mnistbench.errors import InputError
from mnistbench.measure.student import student_quantile


@pytest.mark.parametrize(
    ("degrees", "quantile"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (5, 2.5706), (9, 2.2622), (30, 2.0423), (121, 1.9798)],
)
def test_students_quantiles_are_those_of_the_tables(degrees: int, quantile: float) -> None:
    assert student_quantile(0.975, degrees) == pytest.approx(quantile, abs=6e-5)
    assert student_quantile(0.5, degrees) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("probability", "degrees"), [(0.4, 3), (1.0, 3), (0.9, 0)])
def test_quantiles_that_do_not_exist_are_refused(probability: float, degrees: int) -> None:
    with pytest.raises(InputError):
        student_quantile(probability, degrees)
