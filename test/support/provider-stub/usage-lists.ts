import { acceptedKey, documentedFaults } from './documented';
import { type StubAnswer, type StubRequest, validationError } from './requests';
import type { StubListedRequest, StubUsage } from './usage-book';

const json = (status: number, body: unknown): StubAnswer => ({ kind: 'json', status, body });

/** The history of ElevenLabs. */
export function elevenLabsUsage(request: StubRequest, usage: StubUsage, refusedKeys: ReadonlySet<string>): StubAnswer {
  const key = request.headers['xi-api-key'];
  if (typeof key !== 'string' || key === '' || refusedKeys.has(key)) {
    return json(401, { detail: { type: 'authentication_error', code: 'invalid_api_key', message: 'Invalid API key' } });
  }
  const [fault] = documentedFaults('elevenlabs.json', '/v1/history', request);
  if (fault !== undefined) return validationError(['query'], fault, 'value_error');
  const { query } = request;
  const size = Number(query.get('page_size') ?? 100);
  if (size > 1_000) return validationError(['query', 'page_size'], 'at most 1000', 'less_than_equal');
  const after = Number(query.get('date_after_unix') ?? 0);
  const before = Number(query.get('date_before_unix') ?? Number.POSITIVE_INFINITY);
  const items = usage.elevenLabs
    .map((item, index) => ({ ...item, id: `item-${index}`, seconds: Math.floor(item.at / 1_000) }))
    .filter(({ seconds }) => seconds >= after && seconds < before)
    .sort((one, other) => other.at - one.at);
  const from = items.findIndex(({ id }) => id === query.get('start_after_history_item_id')) + 1;
  const page = items.slice(from, from + Math.min(size, usage.pageMax));
  return json(200, {
    history: page.map(({ id, requestId, seconds, model, text, billed }) => ({
      history_item_id: id,
      request_id: requestId,
      voice_id: '21m00Tcm4TlvDq8ikWAM',
      model_id: model,
      voice_name: 'Rachel',
      voice_category: 'premade',
      text,
      date_unix: seconds,
      character_count_change_from: 1_000,
      character_count_change_to: 1_000 + billed,
      content_type: 'audio/mpeg',
      state: 'created',
      source: 'TTS',
    })),
    last_history_item_id: page.at(-1)?.id ?? null,
    has_more: from + page.length < items.length,
    scanned_until: page.at(-1)?.seconds ?? null,
  });
}

/** Sums and the list of requests of Deepgram. */
export function deepgramUsage(request: StubRequest, usage: StubUsage, refusedKeys: ReadonlySet<string>): StubAnswer {
  const failure = (status: number, code: string, message: string): StubAnswer =>
    json(status, { err_code: code, err_msg: message, request_id: 'stub' });
  if (acceptedKey(request, 'Token', refusedKeys) === null) {
    return failure(401, 'INVALID_AUTH', 'Invalid credentials.');
  }
  const [, , , projectId, ...rest] = request.path.split('/');
  const template = projectId === undefined ? '/v1/projects' : `/v1/projects/{project_id}/${rest.join('/')}`;
  const [fault] = documentedFaults('deepgram.yaml', template, request);
  if (fault !== undefined) return failure(400, 'INVALID_QUERY_PARAMETER', fault);
  if (projectId === undefined) {
    return json(200, { projects: [...usage.deepgram.keys()].map((id) => ({ project_id: id, name: id })) });
  }
  const project = usage.deepgram.get(projectId);
  if (project === undefined) return failure(404, 'PROJECT_NOT_FOUND', 'A project with that ID was not found.');
  return rest[0] === 'requests'
    ? deepgramRequests(request.query, project.requests)
    : deepgramDays(request.query, project.days);
}

function deepgramDays(
  query: URLSearchParams,
  days: { readonly date: string; readonly endpoint: string; readonly hours: number; readonly characters: number }[],
): StubAnswer {
  const [start, end] = [query.get('start') ?? '', query.get('end') ?? ''];
  const results = days
    .filter(({ date }) => date >= start && date <= end)
    .map(({ date, endpoint, hours, characters }) => ({
      hours,
      total_hours: hours,
      agent_hours: 0,
      tokens_in: 0,
      tokens_out: 0,
      tts_characters: characters,
      requests: 1,
      grouping: {
        start: date,
        end: date,
        accessor: null,
        endpoint: query.get('grouping') === 'endpoint' ? endpoint : null,
        feature_set: null,
        models: [],
        method: null,
        tags: null,
        deployment: null,
      },
    }));
  return json(200, { start, end, resolution: { units: 'day', amount: 1 }, results });
}

/** Newest first, pages counted from 0. */
function deepgramRequests(query: URLSearchParams, requests: readonly StubListedRequest[]): StubAnswer {
  const [start, end] = [Date.parse(query.get('start') ?? ''), Date.parse(query.get('end') ?? '')];
  const limit = Number(query.get('limit') ?? 10);
  const page = Number(query.get('page') ?? 0);
  const status = query.get('status');
  const listed = requests
    .filter(({ at, failed = false }) => at >= start && at < end && (status !== 'succeeded' || !failed))
    .sort((one, other) => other.at - one.at)
    .slice(page * limit, (page + 1) * limit);
  return json(200, {
    page,
    limit,
    requests: listed.map(({ id, at, path, details, failed = false }) => ({
      request_id: id,
      project_uuid: 'project',
      created: new Date(at).toISOString(),
      path,
      api_key_id: 'key',
      response: details === undefined ? {} : { details },
      code: failed ? 400 : 200,
      deployment: 'hosted',
      callback: '',
    })),
  });
}
