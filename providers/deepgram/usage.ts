import type { CountedDay, CountedRequest, HttpUsageAdapter } from '../contract/usage';
import { asSeconds } from '../http/transcripts';
import { countTold, dateOf, dateTold, dayAfter, isWithin, momentTold } from '../http/usage-dates';
import { asArray, asObject, asObjects, asText, type JsonObject } from '../http/wire';
import { deepgramSpeech } from './tts';
import { deepgram, deepgramHeaders } from './vendor';

/** The most that a page of the list of requests holds. */
const REQUESTS_A_PAGE = 1_000;
const MS_AN_HOUR = 3_600_000;
/** The list takes moments without fractions, and with an offset in figures. */
const momentText = (moment: Date): string => `${moment.toISOString().slice(0, 19)}+00:00`;

/** Days whose sums are told apart; a coarser step says nothing of a day. */
function refuseOtherSteps(resolution: JsonObject | null, groupings: readonly (JsonObject | null)[]): void {
  if (/^days?$/.test(String(resolution?.units)) && resolution?.amount === 1) return;
  if (groupings.some((grouping) => grouping?.start !== grouping?.end)) throw new TypeError('the step is not a day');
}

function sumsOf(result: JsonObject): CountedDay[] {
  const grouping = asObject(result.grouping);
  const date = dateTold(grouping?.start);
  if (grouping?.endpoint === 'speak') return [{ date, unit: 'CHARACTER', quantity: countTold(result.tts_characters) }];
  if (grouping?.endpoint !== 'listen') return [];
  // Hours are a fraction that does not end; whole milliseconds are what they stand for.
  return [{ date, unit: 'AUDIO_SECOND', quantity: Math.round(countTold(result.hours) * MS_AN_HOUR) / 1_000 }];
}

/**
 * Only the id, the time and the path are certain: `response` is an opaque object in the documents. What it is known to have held
 * is read where it is there: `details` with `duration` in seconds, a count of characters, and `models`.
 */
function requestOf(listed: JsonObject): CountedRequest[] {
  const path = new URL(asText(listed.path) ?? '/', 'http://path');
  const endpoint = /^\/v\d+\/(speak|listen)$/.exec(path.pathname)?.[1];
  if (endpoint === undefined) return [];
  const id = asText(listed.request_id);
  if (id === null) throw new TypeError('request_id is missing');
  const details = asObject(asObject(listed.response)?.details);
  const named = path.searchParams.get('model') ?? asText(asArray(details?.models)[0]);
  const speaks = endpoint === 'speak';
  const characters = details?.character_count ?? details?.characters ?? details?.tts_characters;
  return [
    {
      id,
      at: momentTold(listed.created),
      capability: speaks ? 'TEXT_TO_SPEECH' : 'SPEECH_TO_TEXT',
      // A voice is what is called a model there.
      model: speaks && named !== null ? (deepgramSpeech.modelOfVoice?.(named) ?? null) : named,
      quantity: asSeconds(speaks ? characters : details?.duration),
    },
  ];
}

/**
 * What Deepgram counted in every project that the key sees: sums by day and endpoint, and the list of requests.
 * https://developers.deepgram.com/reference/manage/usage/breakdown and /manage/requests/list
 * The key needs the rights to read usage and requests, which one that serves requests may lack.
 */
export const deepgramUsage: HttpUsageAdapter = {
  ...deepgram,
  step: 'DAY',
  adminKey: 'OPTIONAL',
  measures: [
    { capability: 'TEXT_TO_SPEECH', unit: 'CHARACTER', countUnits: ['characters'], foreseen: 'exact' },
    {
      capability: 'SPEECH_TO_TEXT',
      unit: 'AUDIO_SECOND',
      countUnits: ['seconds'],
      // Of hours that were summed as fractions.
      tolerance: 1,
      foreseen: 'exact',
    },
  ],
  accounts: {
    request: (credential) => ({ method: 'GET', path: '/v1/projects', headers: deepgramHeaders(credential) }),
    read(body) {
      const projects = asObject(body)?.projects;
      if (!Array.isArray(projects)) throw new TypeError('projects is not a list');
      return asObjects(projects).flatMap((project) => asText(project.project_id) ?? []);
    },
  },
  sums: [
    {
      request(span, _cursor, credential, project) {
        // Whether the last day is part of the answer is not said.
        const query = new URLSearchParams({
          start: dateOf(span.start),
          end: dateOf(dayAfter(span)),
          grouping: 'endpoint',
        });
        const path = `/v1/projects/${encodeURIComponent(project)}/usage/breakdown?${query}`;
        return { method: 'GET', path, headers: deepgramHeaders(credential) };
      },
      page(body, span) {
        const answer = asObject(body);
        if (!Array.isArray(answer?.results)) throw new TypeError('results is not a list');
        const results = asObjects(answer.results);
        refuseOtherSteps(
          asObject(answer.resolution),
          results.map(({ grouping }) => asObject(grouping)),
        );
        return { items: results.flatMap(sumsOf).filter(({ date }) => isWithin(span, date)), next: null };
      },
    },
  ],
  requests: {
    request({ start, end }, cursor, credential, project) {
      const query = new URLSearchParams({
        start: momentText(start),
        end: momentText(end),
        limit: String(REQUESTS_A_PAGE),
        page: cursor ?? '0',
        // What failed is not counted.
        status: 'succeeded',
      });
      const path = `/v1/projects/${encodeURIComponent(project)}/requests?${query}`;
      return { method: 'GET', path, headers: deepgramHeaders(credential) };
    },
    page(body, _span, cursor) {
      const answer = asObject(body);
      if (!Array.isArray(answer?.requests)) throw new TypeError('requests is not a list');
      return {
        items: asObjects(answer.requests).flatMap(requestOf),
        next: answer.requests.length < REQUESTS_A_PAGE ? null : String(Number(cursor ?? '0') + 1),
      };
    },
  },
};
