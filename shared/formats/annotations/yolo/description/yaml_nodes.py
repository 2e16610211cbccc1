"""YAML from strangers, read into nodes and never into objects: bounded in size, depth, aliases and number of nodes.

Nodes keep the text as written and its line; merge keys, tags and dates have no effect, so no input can expand.
"""

import codecs

import yaml
from yaml.constructor import SafeConstructor

from shared.formats.annotations.model import BrokenConfig

MAX_BYTES = 4 * 1024 * 1024
MAX_ALIASES = 100
MAX_DEPTH = 64
MAX_EVENTS = 220_000
"""Room for 100 000 names by their ids. Each value takes half a KiB, whatever its length."""

_LONGEST_TYPED_SCALAR = 64
_Loader: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_map(data: bytes, *, file: str) -> yaml.MappingNode:
    """The document's top map, undigested. Raises `BrokenConfig` for anything else, and for what is over a limit."""
    text = _decode(data, file)
    try:
        _check_events(text, file)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise _not_yaml(file, error) from None
    if not isinstance(root, yaml.MappingNode):
        raise BrokenConfig(file, "is empty" if root is None else "is not a map of keys to values")
    return root


def line_of(node: yaml.Node) -> int:
    """The 1-based line on which the node begins."""
    return int(node.start_mark.line) + 1


def is_text(node: yaml.Node) -> bool:
    """Whether YAML takes the node for text, and not for a number, truth value, date, nothing or a collection."""
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:str"


def is_null(node: yaml.Node) -> bool:
    """Whether YAML takes the node for nothing, as in `val:`."""
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def written(node: yaml.ScalarNode) -> str:
    """The scalar's text as written, as text that can be stored."""
    return str(node.value).encode("utf-8", "replace").decode("utf-8")


def as_python_prints(node: yaml.ScalarNode) -> str:
    """The scalar as trainers see it, `str()` of what YAML makes of it: `yes` is `True`, `007` is `7`."""
    if is_text(node) or len(node.value) > _LONGEST_TYPED_SCALAR:
        return written(node)
    try:
        return str(SafeConstructor().construct_object(node))
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError):
        return written(node)


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise BrokenConfig(file, f"is larger than {MAX_BYTES} bytes", rule="YAML_LIMIT")
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"is not UTF-8 text: byte {error.start} cannot be decoded"
        raise BrokenConfig(file, reason, rule="YAML_ENCODING", line=None if utf16 else line) from None


def _check_events(text: str, file: str) -> None:
    """Refuse what would be costly or dangerous to build, before anything is built."""
    aliases = depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader), 1):
        aliases += isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if aliases > MAX_ALIASES or depth > MAX_DEPTH or count > MAX_EVENTS:
            raise BrokenConfig(file, "too many aliases, levels or values", rule="YAML_LIMIT", line=line)
        if "python/" in (getattr(event, "tag", None) or ""):
            reason = "the tag names a Python object, which is never built"
            raise BrokenConfig(file, reason, rule="YAML_SYNTAX", line=line)


def _not_yaml(file: str, error: yaml.YAMLError) -> BrokenConfig:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be parsed"
    return BrokenConfig(
        file, f"is not YAML: {problem}", rule="YAML_SYNTAX", line=None if mark is None else mark.line + 1
    )
