"""A result as plain data: to a JSON document with a schema version and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from mnistbench.errors import ArtifactError

SCHEMA_VERSION = 1


class Result:
    """Base of the result classes: to a JSON document and back."""

    kind = "result"

    def as_dict(self) -> dict[str, Any]:
        """A document of JSON types with ``schema_version`` and ``kind`` in front."""
        assert dataclasses.is_dataclass(self)
        return {"schema_version": SCHEMA_VERSION, "kind": self.kind, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, document: Any) -> Self:
        """Read what :meth:`as_dict` wrote; fields that are not known are passed over.

        Raises:
            ArtifactError: When the document is of another kind or a newer schema,
                or lacks a field.
        """
        if not isinstance(document, dict) or document.get("kind") != cls.kind:
            raise ArtifactError(f'not a {cls.kind} result; expected a JSON object with "kind": "{cls.kind}"')
        version = document.get("schema_version")
        if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
            raise ArtifactError(
                f"schema version {version!r:.40} is not known here (newest: {SCHEMA_VERSION}); update mnistbench"
            )
        try:
            return cls(**cls._known(document))
        except (TypeError, AttributeError, ValueError, OverflowError) as error:
            # The value itself stands in it, however long it is.
            raise ArtifactError(f"a {cls.kind} result lacks a field or has a wrong one: {error!s:.300}") from None

    @classmethod
    def _known(cls, document: dict[str, Any]) -> dict[str, Any]:
        """Those values that this class has fields for, revived."""
        assert dataclasses.is_dataclass(cls)
        names = {f.name for f in dataclasses.fields(cls)}
        return cls._revive({key: value for key, value in document.items() if key in names})

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Turn the JSON types of single fields back into theirs."""
        return values


def revive_parts(
    values: dict[str, Any], *, one: Mapping[str, type[Result]], rows: Mapping[str, type[Result]]
) -> dict[str, Any]:
    """Turn the parts of a whole back into results, for its ``_revive``; a key that is missing stays so.

    Args:
        values: Fields by name.
        one: Classes of those fields that are one result.
        rows: Classes of those that are several in order.

    Raises:
        TypeError, AttributeError, ValueError: When a part is no such result; ``from_dict`` makes them typed.
    """
    revived = dict(values)
    for key, kind in one.items():
        if key in values:
            revived[key] = kind(**kind._known(values[key]))
    for key, kind in rows.items():
        if key in values:
            revived[key] = tuple(kind(**kind._known(row)) for row in values[key])
    return revived
