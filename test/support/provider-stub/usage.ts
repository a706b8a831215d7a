import { acceptedKey, documentedFaults } from './documented';
import type { StubAnswer, StubRequest } from './requests';
import type { StubUsage } from './usage-book';
import { deepgramUsage, elevenLabsUsage } from './usage-lists';

const DAY_MS = 86_400_000;

const GET = { method: 'GET', operation: 'usage' } as const;

export const USAGE_ROUTES = [
  { ...GET, path: /^\/v1\/organization\/usage\/(completions|audio_transcriptions)$/, provider: 'openai' },
  { ...GET, path: /^\/v1\/organizations\/usage_report\/messages$/, provider: 'anthropic' },
  { ...GET, path: /^\/v1\/history$/, provider: 'elevenlabs' },
  { ...GET, path: /^\/v1\/projects(\/[^/]+\/(requests|usage\/breakdown))?$/, provider: 'deepgram' },
  { ...GET, path: /^\/usage\/credits$/, provider: 'cartesia' },
  { ...GET, path: /^\/v1\/admin\/usage$/, provider: 'mistral' },
  { ...GET, path: /^\/api\/v2\/account\/billing_usage$/, provider: 'resemble-ai' },
] as const;

type Answer = (request: StubRequest, usage: StubUsage, refusedKeys: ReadonlySet<string>) => StubAnswer;

/** Answers as the usage operations of the providers are documented to. Administrators' keys are told by their first letters. */
export const answerAsUsage: Answer = (request, usage, refusedKeys) =>
  ANSWERS[request.provider ?? '']!(request, usage, refusedKeys);

const json = (status: number, body: unknown): StubAnswer => ({ kind: 'json', status, body });
const dateOf = (moment: number): string => new Date(moment).toISOString().slice(0, 10);

/** The buckets of the UTC days from the one of `start` to before `end`, a page of them. */
function dayBuckets(
  start: number,
  end: number,
  limit: number,
  page: string | null,
): { dates: string[]; next: string | null } {
  const first = Math.floor(start / DAY_MS) + Number(page?.replace('page_', '') ?? 0);
  const days = Math.max(0, Math.ceil(end / DAY_MS) - first);
  const dates = Array.from({ length: Math.min(days, limit) }, (_, index) => dateOf((first + index) * DAY_MS));
  const next = days > limit ? `page_${first - Math.floor(start / DAY_MS) + limit}` : null;
  return { dates, next };
}

function openAi(request: StubRequest, usage: StubUsage, refusedKeys: ReadonlySet<string>): StubAnswer {
  const failure = (status: number, message: string, code: string): StubAnswer =>
    json(status, { error: { message, type: 'invalid_request_error', param: null, code } });
  const key = acceptedKey(request, 'Bearer', refusedKeys);
  if (key === null) return failure(401, 'Incorrect API key provided.', 'invalid_api_key');
  if (!key.startsWith('sk-admin-')) {
    return failure(
      403,
      'You have insufficient permissions. Missing scopes: api.usage.read.',
      'insufficient_permissions',
    );
  }
  const endpoint = request.path.split('/').at(-1)!;
  const [fault] = documentedFaults('openai.yaml', `/organization/usage/${endpoint}`, request);
  if (fault !== undefined) return failure(400, fault, 'invalid_value');
  const { query } = request;
  const limit = Number(query.get('limit') ?? 7);
  if (query.get('bucket_width') !== '1d' || limit > 31) return failure(400, 'limit is at most 31.', 'invalid_value');
  const end = query.get('end_time');
  const { dates, next } = dayBuckets(
    Number(query.get('start_time')) * 1_000,
    end === null ? Date.now() : Number(end) * 1_000,
    Math.min(limit, usage.pageMax),
    query.get('page'),
  );
  const data = dates.map((date) => ({
    object: 'bucket',
    start_time: Date.parse(date) / 1_000,
    end_time: (Date.parse(date) + DAY_MS) / 1_000,
    results: usage.openAi
      .filter((counted) => counted.endpoint === endpoint && counted.date === date)
      .map(({ result }) => ({
        object: `organization.usage.${endpoint}.result`,
        num_model_requests: 1,
        project_id: null,
        user_id: null,
        api_key_id: null,
        model: null,
        ...result,
      })),
  }));
  return json(200, { object: 'page', data, has_more: next !== null, next_page: next });
}

function anthropic({ headers, query }: StubRequest, usage: StubUsage, refusedKeys: ReadonlySet<string>): StubAnswer {
  const failure = (status: number, type: string, message: string): StubAnswer =>
    json(status, { type: 'error', error: { type, message }, request_id: 'req_stub' });
  const key = headers['x-api-key'];
  if (typeof key !== 'string' || refusedKeys.has(key)) return failure(401, 'authentication_error', 'invalid x-api-key');
  if (!key.startsWith('sk-ant-admin')) return failure(403, 'permission_error', 'An Admin API key is required.');
  if (headers['anthropic-version'] !== '2023-06-01') return failure(400, 'invalid_request_error', 'anthropic-version');
  const start = Date.parse(query.get('starting_at') ?? '');
  const limit = Number(query.get('limit') ?? 7);
  const known = ['starting_at', 'ending_at', 'bucket_width', 'limit', 'page'];
  const unknown = [...query.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined || Number.isNaN(start) || limit > 31 || query.get('bucket_width') !== '1d') {
    return failure(400, 'invalid_request_error', unknown ?? 'starting_at, limit, bucket_width');
  }
  // "Buckets that end before": the day that ends at that very moment is left out here, as the words say.
  const end = Date.parse(query.get('ending_at') ?? '') - 1;
  const whole = Math.floor(end / DAY_MS) * DAY_MS;
  const { dates, next } = dayBuckets(start, whole, Math.min(limit, usage.pageMax), query.get('page'));
  const data = dates.map((date) => ({
    starting_at: `${date}T00:00:00Z`,
    ending_at: `${dateOf(Date.parse(date) + DAY_MS)}T00:00:00Z`,
    results: usage.anthropic.filter((counted) => counted.date === date).map(({ result }) => result),
  }));
  return json(200, { data, has_more: next !== null, next_page: next });
}

function cartesia(request: StubRequest, usage: StubUsage, refusedKeys: ReadonlySet<string>): StubAnswer {
  const failure = (status: number, code: string, message: string): StubAnswer =>
    json(status, { error_code: code, title: code, message, request_id: 'stub' });
  const key = acceptedKey(request, 'Bearer', refusedKeys);
  if (key === null) return failure(401, 'unauthorized', 'The API key is missing or not valid.');
  if (!key.startsWith('sk_car_admin_')) return failure(403, 'forbidden', 'An admin API key is required.');
  if (!/^\d{4}-\d{2}-\d{2}$/.test(String(request.headers['cartesia-version']))) {
    return failure(400, 'invalid_version', 'Send a known version in Cartesia-Version.');
  }
  const { query } = request;
  const unknown = [...query.keys()].find((name) => !['start_ts', 'end_ts', 'interval', 'api_key_id'].includes(name));
  const [start, end] = [Date.parse(query.get('start_ts') ?? ''), Date.parse(query.get('end_ts') ?? '')];
  if (unknown !== undefined || Number.isNaN(start + end) || query.get('interval') !== 'day') {
    return failure(400, 'invalid_request', unknown ?? 'start_ts, end_ts, interval');
  }
  const { dates } = dayBuckets(start, end, 400, null);
  return json(200, {
    data: dates.map((date) => ({
      start_ts: `${date}T00:00:00Z`,
      end_ts: `${dateOf(Date.parse(date) + DAY_MS)}T00:00:00Z`,
      credits: usage.cartesia.filter((day) => day.date === date).reduce((sum, { credits }) => sum + credits, 0),
    })),
  });
}

function mistral(request: StubRequest, usage: StubUsage, refusedKeys: ReadonlySet<string>): StubAnswer {
  const failure = (status: number, message: string): StubAnswer =>
    json(status, { object: 'error', message, type: 'invalid_request', param: null, code: null });
  const key = acceptedKey(request, 'Bearer', refusedKeys);
  if (key === null) return failure(401, 'Unauthorized');
  if (!key.startsWith('admin-')) return failure(403, 'This endpoint takes admin keys.');
  const [fault] = documentedFaults('mistral.yaml', '/v1/admin/usage', request);
  if (fault !== undefined) return failure(422, fault);
  const { query } = request;
  const month = `${query.get('year')}-${(query.get('month') ?? '').padStart(2, '0')}`;
  const entries = (usage.mistral.get(month) ?? []).map((value) => ({ event_type: 'api_audio_seconds', value }));
  const none = { models: {} };
  return json(200, {
    completion: none,
    ocr: none,
    connectors: none,
    libraries_api: { pages: none, tokens: none, audio_seconds: none },
    fine_tuning: { training: {}, storage: {} },
    audio: {
      models: {
        'voxtral-mini-2602': {
          input: entries,
          // Of the same model, in another unit.
          output: [{ event_type: 'api_tokens', value: 99 }],
        },
      },
    },
    audio_characters: none,
    vibe_usage: 0,
    vibe_code: { completion: none, ocr: none, connectors: none, audio: none, audio_characters: none },
    chat: none,
    date: `${month}-01T00:00:00Z`,
    previous_month: null,
    next_month: null,
    start_date: `${month}-01T00:00:00Z`,
    end_date: `${month}-28T00:00:00Z`,
    currency: 'USD',
    currency_symbol: '$',
    prices: [],
  });
}

function resembleAi(request: StubRequest, usage: StubUsage, refusedKeys: ReadonlySet<string>): StubAnswer {
  if (acceptedKey(request, 'Bearer', refusedKeys) === null) return json(401, { message: 'Invalid API token' });
  const [start, end] = [request.query.get('start_date') ?? '', request.query.get('end_date') ?? ''];
  const isDate = /^\d{4}-\d{2}-\d{2}$/;
  if (!isDate.test(start) || !isDate.test(end)) return json(400, { success: false, message: 'start_date, end_date' });
  const seconds = [...usage.resemble].reduce((sum, [date, it]) => (date >= start && date <= end ? sum + it : sum), 0);
  return json(200, { success: true, items: { synth: String(Math.round(seconds)), detect: '1200' } });
}

const ANSWERS: Readonly<Record<string, Answer>> = {
  openai: openAi,
  anthropic,
  elevenlabs: elevenLabsUsage,
  deepgram: deepgramUsage,
  cartesia,
  mistral,
  'resemble-ai': resembleAi,
};
