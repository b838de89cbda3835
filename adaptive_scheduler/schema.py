"""The JSON Schema of tasks.toml, for editors that complete and check TOML.

It is that of the models, in the dialect that TOML editors know (draft 7) and without references, beside
which draft 7 would overlook descriptions.
"""

from typing import Any

from adaptive_scheduler.tables import File

DIALECT = "http://json-schema.org/draft-07/schema#"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a whole tasks.toml."""
    made = File.model_json_schema()
    definitions = made.pop("$defs")
    plain: dict[str, Any] = _plain(made, definitions)
    return {"$schema": DIALECT, **plain, "title": File.model_config["title"]}


def _plain(node: Any, definitions: dict[str, Any]) -> Any:
    """Put definitions where they are referred to; leave out what says nothing to people."""
    if isinstance(node, list):
        return [_plain(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        named = definitions[node["$ref"].removeprefix("#/$defs/")]
        node = {**named, **{key: value for key, value in node.items() if key != "$ref"}}
    return {
        key: {name: _plain(item, definitions) for name, item in value.items()}
        if key == "properties"
        else _plain(value, definitions)
        for key, value in node.items()
        if not (key == "title" or (key == "default" and value is None))
    }
