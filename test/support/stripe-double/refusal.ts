/** An error as Stripe answers it. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly type: 'invalid_request_error' | 'idempotency_error' | 'card_error' | 'api_error',
    message: string,
    readonly fields: { readonly code?: string; readonly param?: string } = {},
  ) {
    super(message);
  }

  get body(): unknown {
    return { error: { type: this.type, message: this.message, ...this.fields } };
  }
}

export const invalid = (message: string, param?: string, code?: string): Refusal =>
  new Refusal(400, 'invalid_request_error', message, { ...(code && { code }), ...(param && { param }) });

export const missing = (kind: string, id: string, param = 'id'): Refusal =>
  new Refusal(404, 'invalid_request_error', `No such ${kind}: '${id}'`, { code: 'resource_missing', param });
