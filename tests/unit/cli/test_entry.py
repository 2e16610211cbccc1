"""The console script: Ctrl-C before a command listens for it."""

import sys
from collections.abc import Sequence
from types import ModuleType

import pytest

from services.cli import __main__ as entry


class _Interrupting:
    """Ctrl-C at the moment when the commands begin to load."""

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None) -> None:
        if name == "services.cli.main":
            raise KeyboardInterrupt


def test_what_is_interrupted_while_it_loads_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "services.cli.main", raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Interrupting(), *sys.meta_path])
    with pytest.raises(SystemExit) as left:
        entry.main()
    assert left.value.code == 130
    assert capsys.readouterr() == ("", "")
