import type { ProviderCount } from '../contract/provider';
import type { Transcript, TranscriptionCall } from '../contract/stt';
import { languageTag } from '../http/languages';
import { asSeconds, piecesOf, secondsBilled, shareOfLogarithm, textOf } from '../http/transcripts';
import { asObject, asObjects, type JsonObject } from '../http/wire';

/**
 * The answers of `POST /v1/audio/transcriptions` that are JSON: `json`, `verbose_json` and `diarized_json` tell more or less of
 * the same fields. Throws TypeError when there is no text.
 */
export function openAiTranscript(body: unknown, call: TranscriptionCall): Transcript {
  const answer = asObject(body) ?? {};
  return {
    text: textOf(answer.text),
    // A name ("english"), or codes of the languages heard, the first first.
    language: languageTag(answer.language) ?? languageTag(asObjects(answer.languages)[0]?.code),
    segments: piecesOf(
      asObjects(answer.segments).map(({ text, start, end, speaker, avg_logprob: logarithm }) => {
        return { text, start, end, speaker, confidence: shareOfLogarithm(logarithm) };
      }),
      call,
    ),
    words: piecesOf(
      asObjects(answer.words).map(({ word, start, end }) => ({ text: word, start, end })),
      call,
    ),
    billedUnits: usageOf(asObject(answer.usage)) ?? secondsBilled(answer.duration),
  };
}

/** Billed by length or by tokens; which, the answer alone says, never the model. */
function usageOf(usage: JsonObject | null): ProviderCount | null {
  if (usage?.type !== 'tokens') return secondsBilled(usage?.seconds);
  const tokens = asSeconds(usage.total_tokens);
  return tokens === null ? null : { unit: 'tokens', quantity: tokens };
}
