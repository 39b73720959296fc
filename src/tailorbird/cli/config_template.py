"""A ``tailorbird.toml`` with every setting in it, commented out, made from the configuration tree itself."""

import inspect
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tailorbird.config import DEFAULT_WEIGHTS, Config, PolicyConfig

_HEAD = """\
# Tailorbird's settings. Everything is optional: a line that starts with "# " and a name shows the default.
# A variable overrides a line: TAILORBIRD_SERVER__PORT=9000. `tailorbird doctor` tells every mistake at once.
"""


def config_template() -> str:
    """The file's text. With its settings uncommented it is exactly the default configuration."""
    plain, sections = [], []
    for name, field in Config.model_fields.items():
        if name == "policies":
            sections.append(_policies())
        elif isinstance(field.default, BaseModel):
            sections.append("\n".join(_section(name, field.default)))
        elif get_origin(field.annotation) is dict:
            sections.append(f"# [{name}.NAME]\n# {field.description or ''}".rstrip())
        else:
            plain.append(_setting(name, field, field.get_default(call_default_factory=True)))
    return "\n\n".join([_HEAD.rstrip(), "\n".join(plain), *sections]) + "\n"


def _section(name: str, section: BaseModel) -> Iterator[str]:
    yield f"[{name}]"
    yield f"# {_first_line(type(section))}"
    for field_name, field in type(section).model_fields.items():
        value = getattr(section, field_name)
        if field_name == "weights":
            value = DEFAULT_WEIGHTS
        yield _setting(field_name, field, value)


def _policies() -> str:
    lines = [
        "# The recipe of one surface; one table for each surface that differs from the defaults.",
        "# [policies.home]",
    ]
    for name, field in PolicyConfig.model_fields.items():
        lines.append(_setting(name, field, field.get_default(call_default_factory=True)))
    return "\n".join(lines)


def _setting(name: str, field: FieldInfo, value: Any) -> str:
    told = [text for text in (field.description, _limits(field)) if text]
    remark = f"  # {'; '.join(told)}" if told else ""
    return f"# {name} = {_toml(value)}{remark}"


def _limits(field: FieldInfo) -> str:
    """What a value may be, from its bounds or the words allowed."""
    words = [repr(word) for word in get_args(field.annotation) if isinstance(word, str)]
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    bounds = [
        f"{sign} {getattr(rule, bound):g}"
        for rule in field.metadata
        for bound, sign in signs.items()
        if getattr(rule, bound, None) is not None
    ]
    return ", ".join(words or bounds)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        pairs = ", ".join(f"{_key(name)} = {_toml(one)}" for name, one in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(one) for one in value)}]"
    return msgspec.json.encode(value).decode()


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() else msgspec.json.encode(name).decode()


def _first_line(section: type[BaseModel]) -> str:
    return (inspect.getdoc(section) or "").partition("\n")[0]
