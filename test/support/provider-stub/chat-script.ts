/** What a chat stand-in has understood of a request, whatever its wire. */
export interface ChatPrompt {
  /** What the last message says; the stand-in answers to it. */
  readonly last: string;
  /** Everything that counts as input, as text. */
  readonly input: string;
  readonly tools: readonly { readonly name: string; readonly schema: unknown }[];
  readonly schema: unknown;
  readonly maxOutputTokens: number;
}

/** The answer of a stand-in, cut as its model would have made it. */
export interface ChatScript {
  readonly words: readonly string[];
  readonly toolCalls: readonly { readonly name: string; readonly id: string; readonly parts: readonly string[] }[];
  readonly finish: 'stop' | 'length' | 'tools';
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/**
 * The same answer for the same prompt: each tool that the last message names is called; a schema gets a document that fits
 * it; anything else is said back. A word, or a part of a document, is a token.
 */
export function chatScript({ last, input, tools, schema, maxOutputTokens }: ChatPrompt): ChatScript {
  const called = tools.filter(({ name }) => last.includes(name));
  const text = schema === null ? `You said: ${last}` : JSON.stringify(exampleOf(schema));
  const words = called.length > 0 ? ['Let me ', 'look. '] : (text.match(/\S*\s*/g) ?? []).filter((word) => word !== '');
  const kept = words.slice(0, maxOutputTokens);
  const toolCalls = called.map((tool, index) => ({
    name: tool.name,
    id: `call_${index}_${tool.name}`,
    parts: JSON.stringify(exampleOf(tool.schema)).match(/.{1,4}/gsu) ?? [],
  }));
  const cut = kept.length < words.length;
  return {
    words: kept,
    toolCalls: cut ? [] : toolCalls,
    finish: cut ? 'length' : called.length > 0 ? 'tools' : 'stop',
    inputTokens: 8 + Math.ceil(Buffer.byteLength(input) / 4),
    outputTokens: cut ? kept.length : kept.length + toolCalls.reduce((sum, { parts }) => sum + parts.length, 0),
  };
}

/** A document that fits a schema of the kinds that tests use. */
function exampleOf(schema: unknown): unknown {
  const source = (schema ?? {}) as Record<string, unknown>;
  if (Array.isArray(source.enum)) return source.enum[0];
  if (source.type === 'object' || source.properties !== undefined) {
    const properties = Object.entries((source.properties ?? {}) as Record<string, unknown>);
    return Object.fromEntries(properties.map(([name, property]) => [name, exampleOf(property)]));
  }
  if (source.type === 'array') return [exampleOf(source.items)];
  if (source.type === 'integer') return 3;
  if (source.type === 'number') return 2.5;
  if (source.type === 'boolean') return true;
  return 'Zürich "am See"';
}

/** One server-sent event as it lies on the wire. */
export function eventOf(data: unknown, name?: string): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return `${name === undefined ? '' : `event: ${name}\n`}data: ${text}\n\n`;
}
