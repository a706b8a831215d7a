import { getOperationAST, parse } from 'graphql';
import { eventShape } from '../../src/transport/event-shape';

function shapeOf(source: string, name?: string) {
  const document = parse(source);
  return eventShape(document, getOperationAST(document, name)!);
}

const PLAIN = 'subscription { usageUpdated { cursor } }';

it.each([
  ['another place to begin', 'subscription { usageUpdated(after: "abc") { cursor } }'],
  ['a variable for the place', 'subscription ($after: String) { usageUpdated(after: $after) { cursor } }'],
  ['a name', 'subscription Live { usageUpdated { cursor } }'],
  ['other white space', 'subscription{usageUpdated{cursor}}'],
  [
    'another operation beside it',
    'subscription A { usageUpdated { cursor } } query B($x: Int) { speeches(first: $x) { id } }',
  ],
])('%s makes no other shape', (_what, source) => {
  expect(shapeOf(source, source.includes(' A ') ? 'A' : undefined)).toEqual(shapeOf(PLAIN));
});

it.each([
  ['another field', 'subscription { usageUpdated { usage { id } } }'],
  ['another name of the field', 'subscription { mine: usageUpdated { cursor } }'],
  ['a directive', 'subscription ($x: Boolean!) { usageUpdated { cursor @include(if: $x) } }'],
  ['a directive on the field', 'subscription ($x: Boolean!) { usageUpdated @include(if: $x) { cursor } }'],
  ['an argument further in', 'subscription { usageUpdated { cursor(form: "short") } }'],
])('%s makes another shape', (_what, source) => {
  expect(shapeOf(source).text).not.toBe(shapeOf(PLAIN).text);
});

it('names the variables on which events depend, also through fragments, with their defaults', () => {
  const shape = shapeOf(
    `subscription ($after: String, $x: Boolean! = true, $y: Boolean!) { ...Root }
     fragment Root on Subscription { usageUpdated(after: $after) { ...Inner } }
     fragment Inner on UsageUpdate { cursor @include(if: $x) usage @skip(if: $y) { id } }`,
  );
  expect(shape.variables).toEqual(['x', 'y']);
  expect(shape.text).toContain('$x: Boolean! = true');
  expect(shape.text).not.toContain('after');
});
