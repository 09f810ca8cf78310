"""YAML as settings need it: safe to load whoever wrote it, and small."""

from __future__ import annotations

from typing import Any

import yaml

#: The longest shipped file has 1 KB.
MAX_CHARACTERS = 100_000
#: Settings are three levels deep, and ``section.key`` lists are one more.
_MAX_DEPTH = 20
#: TensorFlow's whole numbers have 64 bits.
_MAX_NUMBER = 2**63 - 1


class _SettingsLoader(yaml.SafeLoader):
    """Builds plain values alone, each as often as it is written.

    An alias (``*name``) stands for a value again and again, so that nine lines can mean a billion
    values; nesting without bound ends in Python's recursion.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The value that comes next, as PyYAML does, within the bounds."""
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError(f"alias *{event.anchor}: write the value out{event.start_mark}")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise yaml.YAMLError(f"nested too deep{event.start_mark}")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """A whole number, as PyYAML does, within the bounds."""
        number = super().construct_yaml_int(node)
        if abs(number) > _MAX_NUMBER:
            raise yaml.YAMLError(f"a whole number of more than 64 bits{node.start_mark}")
        return number


# PyYAML finds constructors in a table, not by overriding.
_SettingsLoader.add_constructor("tag:yaml.org,2002:int", _SettingsLoader.construct_yaml_int)


def load_yaml(text: str) -> Any:
    """The values that ``text`` holds.

    Raises:
        ValueError: it is not valid YAML, or more than settings need; says what and where.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"more than {MAX_CHARACTERS:,} characters")
    try:
        return yaml.load(text, _SettingsLoader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except (LookupError, AttributeError, ArithmeticError, TypeError) as error:
        # PyYAML's constructors, of what is not what its tag says: ``!!bool maybe``
        raise ValueError(f"a value is not of its type ({error})") from error
