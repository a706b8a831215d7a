import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  print,
  type SelectionSetNode,
  visit,
} from 'graphql';

/** What decides how the events of a subscription look, apart from the events: where it begins is no part of it. */
export interface EventShape {
  /** The operation without its name and without the arguments of its field, with the fragments. */
  readonly text: string;
  /** Names of the variables that the text uses. */
  readonly variables: readonly string[];
}

const shapes = new WeakMap<DocumentNode, WeakMap<OperationDefinitionNode, EventShape>>();

/** The shape of a valid subscription; made once for a document. */
export function eventShape(document: DocumentNode, operation: OperationDefinitionNode): EventShape {
  let ofDocument = shapes.get(document);
  if (!ofDocument) {
    ofDocument = new WeakMap();
    shapes.set(document, ofDocument);
  }
  let shape = ofDocument.get(operation);
  if (!shape) {
    shape = makeShape(document, operation);
    ofDocument.set(operation, shape);
  }
  return shape;
}

function makeShape(document: DocumentNode, operation: OperationDefinitionNode): EventShape {
  const roots = rootFields(document, operation.selectionSet);
  const bare = visit(document, {
    OperationDefinition: (node) => (node === operation ? { ...node, name: undefined } : null),
    Field: (node) => (roots.has(node) ? { ...node, arguments: [] } : undefined),
  });
  const used = new Set<string>();
  visit(bare, {
    VariableDefinition: () => false,
    Variable: ({ name }) => void used.add(name.value),
  });
  const text = print(
    visit(bare, { VariableDefinition: ({ variable }) => (used.has(variable.name.value) ? undefined : null) }),
  );
  return { text, variables: [...used].sort() };
}

/** The fields of the selection set itself, through whatever fragments. */
function rootFields(document: DocumentNode, selections: SelectionSetNode): Set<FieldNode> {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const found = new Set<FieldNode>();
  const look = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) found.add(selection);
      else if (selection.kind === Kind.INLINE_FRAGMENT) look(selection.selectionSet);
      else look(fragments.get(selection.name.value)!.selectionSet);
    }
  };
  look(selections);
  return found;
}
