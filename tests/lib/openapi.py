# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds answers against an OpenAPI 3.1 description: the part of JSON Schema 2020-12 that ours uses. A keyword that is not known here is an error."""
import json
import re

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KNOWN = {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "minimum", "maximum", "format", "description", "$ref"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)")
HTTP_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


class Description:
    def __init__(self, text):
        self.document = json.loads(text)
        if not self.document["openapi"].startswith("3.1"):
            raise ValueError("this is no OpenAPI 3.1")
        self.used = set()
        for operation in self.operations():
            for answer in operation["responses"].values():
                for media in answer["content"].values():
                    self.check_schema(media["schema"])
            for parameter in operation.get("parameters", ()):
                self.check_schema(parameter["schema"])
        for schema in self.document["components"]["schemas"].values():
            self.check_schema(schema)

    def operations(self):
        return [operation for path in self.document["paths"].values() for method, operation in path.items() if method in HTTP_METHODS]

    def resolve(self, reference):
        at = self.document
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]
        self.used.add(reference)
        return at

    def check_schema(self, schema):
        if set(schema) - KNOWN:
            raise ValueError(f"not known: {set(schema) - KNOWN}")
        if "$ref" in schema:
            self.resolve(schema["$ref"])
        for name in schema.get("required", ()):
            if name not in schema["properties"]:
                raise ValueError(f"{name} is required and not described")
        for child in (*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *filter(None, (schema.get("items"),))):
            self.check_schema(child)

    def errors(self, value, schema, where="$"):
        if "$ref" in schema:
            yield from self.errors(value, self.resolve(schema["$ref"]), where)
        if "anyOf" in schema and all(list(self.errors(value, one, where)) for one in schema["anyOf"]):
            yield f"{where}: none of what it may be: {value!r}"
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if kinds and not any(is_type(value, kind) for kind in kinds):
            yield f"{where}: {value!r} is no {kinds}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where}: {value!r} is none of {schema['enum']}"
        if "const" in schema and value != schema["const"]:
            yield f"{where}: {value!r} is not {schema['const']!r}"
        if is_type(value, "number") and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield f"{where}: {value} is out of bounds"
        if isinstance(value, str) and schema.get("format") == "date-time" and not TIME.fullmatch(value):
            yield f"{where}: {value!r} is no time"
        if isinstance(value, dict) and "properties" in schema:
            for name in set(schema.get("required", ())) - set(value):
                yield f"{where}: {name} is missing"
            for name, inner in value.items():
                if name in schema["properties"]:
                    yield from self.errors(inner, schema["properties"][name], f"{where}.{name}")
                elif schema.get("additionalProperties", True) is False:
                    yield f"{where}: {name} is not described"
        if isinstance(value, list) and "items" in schema:
            for number, inner in enumerate(value):
                yield from self.errors(inner, schema["items"], f"{where}[{number}]")

    def operation(self, path):
        """The one for a path with its parameters filled in; None: none is described."""
        for template, item in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path):
                return item["get"]
        return None

    def check(self, path, status, kind, text):
        """Raises ValueError unless this answer to GET is as described. path: with its query."""
        operation = self.operation(path.split("?")[0])
        if operation is None:
            raise ValueError(f"{path} is not described")
        answer = operation["responses"].get(str(status))
        if answer is None or kind not in answer["content"]:
            raise ValueError(f"{path}: {status} as {kind} is not described")
        if kind == "application/json":
            found = list(self.errors(json.loads(text), answer["content"][kind]["schema"]))
            if found:
                raise ValueError(f"{path}: " + "\n".join(found[:10]))
