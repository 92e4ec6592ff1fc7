"""Query texts to checked documents. A client sends the same few texts again and again: parsed once, kept by text."""

from __future__ import annotations

import re
from functools import lru_cache

from graphql import (
    DocumentNode,
    FieldNode,
    FieldsOnCorrectTypeRule,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    KnownArgumentNamesRule,
    NoUnusedFragmentsRule,
    NoUnusedVariablesRule,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
    specified_rules,
    validate,
)

from tracker.wire.graphql.newer import Newer

_MAX_TEXT = 20_000
_MAX_TOKENS = 3_000
_MAX_DEPTH = 30
_MAX_FIELDS = 2_000
_MAX_ALIASES = 50  # the same field again and again; clients rename a few
_KEPT = 200

# New clients name fields and arguments that are not here: the fields are answered null (view.Lenient).
_TOLERATED = {FieldsOnCorrectTypeRule, KnownArgumentNamesRule, NoUnusedFragmentsRule, NoUnusedVariablesRule}
_RULES = [rule for rule in specified_rules if rule not in _TOLERATED]


class Documents:
    """The checked documents of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self.get = lru_cache(maxsize=_KEPT)(self._get)

    def _get(self, text: str) -> Newer:
        """Raises GraphQLError, which is final for the client; refusals are not kept."""
        if len(text) > _MAX_TEXT:
            raise GraphQLError("the query is too long")
        try:
            document = parse(text, no_location=True, max_tokens=_MAX_TOKENS)
        except RecursionError:
            raise GraphQLError("the query is nested too deeply") from None
        self._features_check(document)
        _size_check(document)
        newer = Newer(self._schema, document)
        errors = validate(self._schema, newer.document, _RULES, max_errors=5)
        if errors:
            raise _named(errors[0], document)
        return newer

    def _features_check(self, document: DocumentNode) -> None:
        """A mutation that isn't known is refused by name, before anything of the request is done."""
        mutations = self._schema.mutation_type
        assert mutations is not None
        for operation in document.definitions:
            if isinstance(operation, OperationDefinitionNode) and operation.operation is OperationType.MUTATION:
                for field in operation.selection_set.selections:
                    name = field.name.value if isinstance(field, FieldNode) else ""
                    if name and name not in mutations.fields and not name.startswith("__"):
                        raise GraphQLError(f"this server does not support {name} yet")


def _named(error: GraphQLError, document: DocumentNode) -> GraphQLError:
    """Of a question about what is not kept here, which question it was."""
    unknown = re.match(r"Unknown type '(\w+)'", error.message)
    names = [it.name.value for it in document.definitions if isinstance(it, OperationDefinitionNode) and it.name]
    if unknown is None or not names:
        return error
    return GraphQLError(f"this server does not support {names[0]}: it has no {unknown[1]}")


def _size_check(document: DocumentNode) -> None:
    """Bounds depth and number of fields with all fragments spread out."""
    aliases = 0
    fragments = {
        node.name.value: node.selection_set for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    sizes: dict[str, tuple[int, int]] = {}

    def size(selections: SelectionSetNode | None, depth: int) -> tuple[int, int]:
        """Levels below, and fields."""
        if depth > _MAX_DEPTH:
            raise GraphQLError(f"the query is nested deeper than {_MAX_DEPTH} levels")
        nonlocal aliases
        levels = fields = 0
        for node in selections.selections if selections else ():
            aliases += isinstance(node, FieldNode) and node.alias is not None
            if isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name not in sizes:
                    sizes[name] = size(fragments.get(name), depth + 1)
                below = sizes[name]
            else:
                below = size(getattr(node, "selection_set", None), depth + 1)
            levels, fields = max(levels, below[0] + 1), fields + below[1] + 1
        if aliases > _MAX_ALIASES:
            raise GraphQLError(f"the query renames over {_MAX_ALIASES} fields")
        if depth + levels > _MAX_DEPTH or fields > _MAX_FIELDS:
            raise GraphQLError(f"the query is nested deeper than {_MAX_DEPTH} levels or has over {_MAX_FIELDS} fields")
        return levels, fields

    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            size(node.selection_set, 0)
