/**
 * A field that costs work of its own (a query, a file): its value where it is at hand, else a function that graphql-js
 * calls when, and only when, the field is asked for. A refusal there fails that field alone.
 */
export type Lazy<Value> = Value | (() => Value | Promise<Value>);
