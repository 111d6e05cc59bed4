# SPDX-License-Identifier: Apache-2.0
"""From pydantic's JSON schema to a structural schema as Kubernetes wants it (KEP-1693, KEP-2876).

No references, no titles, no defaults inside list items (they would come back as drift in every GitOps tool), patterns
as CEL rules with a message that a person understands.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from dromos_crds.fields import PATTERN_MEANING

Schema = dict[str, Any]
_KEPT = (
    "description",
    "type",
    "format",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "required",
)


def structural(model: type[BaseModel], *, defaults: bool = True) -> Schema:
    """The structural schema of a model."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _Converter(schema.get("$defs", {})).convert(schema, defaults=defaults)


class _Converter:
    def __init__(self, definitions: dict[str, Schema]) -> None:
        self._definitions = definitions

    def convert(self, schema: Schema, *, defaults: bool) -> Schema:
        schema = self._resolved(schema)
        result: Schema = {key: schema[key] for key in _KEPT if key in schema}
        result |= {key: value for key, value in schema.items() if key.startswith("x-kubernetes-")}
        if "const" in schema:
            result["enum"] = [schema["const"]]
        if "pattern" in schema:
            result["x-kubernetes-validations"] = [
                *result.get("x-kubernetes-validations", ()),
                _matches(schema["pattern"]),
            ]
        if result.get("type") == "integer":
            result.setdefault("format", "int32" if schema.get("maximum", 2**31) < 2**31 else "int64")
        if defaults and _worth_writing(schema.get("default")):
            result["default"] = schema["default"]
        result |= self._children(schema, defaults=defaults)
        return result

    def _children(self, schema: Schema, *, defaults: bool) -> Schema:
        if "properties" in schema:
            properties = {name: self.convert(part, defaults=defaults) for name, part in schema["properties"].items()}
            for name, part in schema["properties"].items():
                # without a default of its own, the defaults below it would never appear
                if "$ref" in part and name not in schema.get("required", ()) and (below := _defaults(properties[name])):
                    properties[name]["default"] = below
            return {"properties": properties}
        if "items" in schema:
            return {"items": self.convert(schema["items"], defaults=False)}
        additional = schema.get("additionalProperties")
        if isinstance(additional, dict):
            return {"additionalProperties": self.convert(additional, defaults=False)}
        if schema.get("type") == "object" and additional is not False:
            return {"x-kubernetes-preserve-unknown-fields": True}
        return {}

    def _resolved(self, schema: Schema) -> Schema:
        """Without references, and without the alternatives that structural schemas don't have."""
        if "$ref" in schema:
            target = self._resolved(self._definitions[schema["$ref"].rpartition("/")[2]])
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            both = [part.get("x-kubernetes-validations", []) for part in (target, beside)]
            merged = target | beside
            return merged | ({"x-kubernetes-validations": both[0] + both[1]} if any(both) else {})
        if "allOf" in schema or "anyOf" not in schema:
            return schema
        beside = {key: value for key, value in schema.items() if key != "anyOf"}
        branches = [self._resolved(branch) for branch in schema["anyOf"] if branch.get("type") != "null"]
        if len(branches) == 1:
            return self._resolved(branches[0]) | beside
        return _any_scalar(branches) | beside


def _any_scalar(branches: list[Schema]) -> Schema:
    if {branch.get("type") for branch in branches} == {"integer", "string"}:
        text = next(branch for branch in branches if branch["type"] == "string")
        bound = {"maxLength": text["maxLength"]} if "maxLength" in text else {}
        return {"x-kubernetes-int-or-string": True, **bound}
    return {"x-kubernetes-preserve-unknown-fields": True}


def _matches(pattern: str) -> Schema:
    # what people read is the message; a bare `pattern` would show them the regular expression
    return {"rule": f'self.matches(r"{pattern}")', "message": PATTERN_MEANING[pattern]}


def _defaults(schema: Schema) -> Schema:
    return {name: part["default"] for name, part in schema.get("properties", {}).items() if "default" in part}


def _worth_writing(default: Any) -> bool:
    # what is empty says nothing and would only be noise in `kubectl get -o yaml`
    return default is not None and default not in ("", [], ())
