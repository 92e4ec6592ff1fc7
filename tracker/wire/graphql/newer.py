"""What clients ask for that the schema doesn't know: features by name, and what newer ones say in inputs.

Of inputs, what says nothing (null, false, empty) is left out. Anything else would be lost without a word: it is refused
by name.
"""

from __future__ import annotations

from typing import Any

from graphql import (
    REMOVE,
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLSchema,
    ListTypeNode,
    NonNullTypeNode,
    ObjectFieldNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    TypeNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    type_from_ast,
    value_from_ast_untyped,
    visit,
)

# Fields that stand for a whole feature: null would look like an empty list, or like nothing found.
FEATURES = {
    "Project.runQueue": "launch queues",
    "Project.runQueues": "launch queues",
    "Query.launchAgent": "launch agents",
    "Entity.defaultResourceConfig": "launch queues",
    "Project.triggers": "automations",
    "Entity.triggers": "automations",
    "Entity.integrations": "integrations",
    "Query.organization": "organizations and registries",
    "Entity.project": "registries",
    "Project.members": "members of registries",
    "Project.teamMembers": "members of registries",
    "Query.users": "searching users",
    "Sweep.agent": "lists of agents",
    "Sweep.agents": "lists of agents",
}

# Relay's, in any input: it changes nothing.
_TOLERATED = "clientMutationId"


class _Variables(Visitor):
    """Takes variables of unknown types out of a document; `found`: their names and types."""

    def __init__(self, schema: GraphQLSchema) -> None:
        super().__init__()
        self._schema = schema
        self.found: dict[str, str] = {}

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        for definition in node.variable_definitions or ():
            kind = _named(definition.type)
            if kind not in self._schema.type_map:
                self.found[definition.variable.name.value] = kind

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> Any:
        return REMOVE if node.variable.name.value in self.found else None

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        return self._removed(node.value)

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> Any:
        return self._removed(node.value)

    def _removed(self, value: ValueNode) -> Any:
        return REMOVE if isinstance(value, VariableNode) and value.name.value in self.found else None


def _named(node: TypeNode) -> str:
    while isinstance(node, (ListTypeNode, NonNullTypeNode)):
        node = node.type
    return str(node.name.value)  # type: ignore[attr-defined]


class _Fields(Visitor):
    """Takes out fields that inputs written in a document don't have; `found`: how an error names them, and values.

    Raises GraphQLError for FEATURES.
    """

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self._info = info
        self.found: list[tuple[str, ValueNode]] = []

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if feature := FEATURES.get(f"{self._info.get_parent_type()}.{node.name.value}"):
            raise GraphQLError(f"this server does not support {feature} ({node.name.value}) yet")

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> Any:
        parent = get_named_type(self._info.get_parent_input_type())
        if self._info.get_input_type() or not is_input_object_type(parent):
            return None
        self.found.append((f"{node.name.value} of {parent}", node.value))
        return REMOVE


class Newer:
    """What was taken out of a document, to be weighed with the variables of each request."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        info = TypeInfo(schema)
        variables, fields = _Variables(schema), _Fields(info)
        self.document: DocumentNode = visit(visit(document, variables), TypeInfoVisitor(info, fields))
        self._variables, self._fields = variables.found, fields.found
        self._inputs = {
            definition.variable.name.value: kind
            for node in self.document.definitions
            if isinstance(node, OperationDefinitionNode)
            for definition in node.variable_definitions or ()
            if is_input_object_type(get_named_type(kind := type_from_ast(schema, definition.type)))
        }

    def known(self, said: dict[str, Any]) -> dict[str, Any]:
        """The variables without what says nothing. Raises GraphQLError for what would be lost."""
        for name, kind in self._variables.items():
            _weigh(kind, said.get(name))
        for label, node in self._fields:
            _weigh(label, value_from_ast_untyped(node, said))
        return said | {name: _known(said[name], kind) for name, kind in self._inputs.items() if name in said}


def _known(value: Any, kind: Any) -> Any:
    kind = get_nullable_type(kind)
    if isinstance(kind, GraphQLList):
        of = kind.of_type
        return [_known(item, of) for item in value] if isinstance(value, list) else _known(value, of)
    if not isinstance(kind, GraphQLInputObjectType) or not isinstance(value, dict):
        return value
    for name, item in value.items():
        if name not in kind.fields:
            _weigh(f"{name} of {kind}", item)
    return {name: _known(item, kind.fields[name].type) for name, item in value.items() if name in kind.fields}


def _weigh(label: str, value: Any) -> None:
    says_nothing = value is None or value is False or (isinstance(value, (str, list, dict)) and not value)
    if not says_nothing and not label.startswith(f"{_TOLERATED} "):
        raise GraphQLError(f"this server does not support {label[:200]} yet")
