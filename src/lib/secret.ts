import { inspect } from 'node:util';

const HIDDEN = '[secret]';

/** A string that shows itself only to who asks for it by name: not to logs, JSON, templates or `util.inspect`. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}
