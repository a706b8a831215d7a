import type { VoiceFilter } from '../../../schema/inputs/voice-filter';
import type { Voice } from '../../../schema/types/voice';
import { AppError, badInput } from '../../lib/errors';

const LANGUAGE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/;
const QUERY_MAX = 200;

/** What a voice is looked at for: what the schema shows, and whose it is. */
export type FilteredVoice = Pick<
  Voice,
  'id' | 'name' | 'description' | 'languages' | 'gender' | 'quality' | 'status'
> & { readonly firstParty: boolean };

/**
 * The test that a filter stands for. Languages are matched as RFC 4647 basic filtering does: "en" takes "en-US", and
 * "en-US" does not take "en".
 * @throws AppError BAD_USER_INPUT for a provider that is none, a language that is no tag, a query that is too long
 */
export function readVoiceFilter(
  filter: VoiceFilter,
  isProvider: (id: string) => boolean,
  providers: () => readonly string[],
): (voice: FilteredVoice) => boolean {
  if (filter.provider != null && !isProvider(filter.provider)) {
    throw new AppError('BAD_USER_INPUT', 'There is no such provider; Provider.id names those that there are.', {
      field: 'filter.provider',
      supported: providers(),
    });
  }
  if (filter.language != null && !LANGUAGE.test(filter.language)) {
    throw badInput('filter.language', 'language takes a BCP 47 tag, as "en" or "pt-BR".');
  }
  if (filter.query != null && filter.query.length > QUERY_MAX) {
    throw badInput('filter.query', `query takes at most ${QUERY_MAX} characters.`);
  }
  const language = filter.language?.toLowerCase();
  const gender = filter.gender?.trim().toLowerCase();
  const words = folded(filter.query ?? '')
    .split(/\s+/)
    .filter((word) => word !== '');
  return (voice) => {
    if (language !== undefined && !voice.languages.some((tag) => covers(language, tag.toLowerCase()))) return false;
    if (gender !== undefined && voice.gender?.toLowerCase() !== gender) return false;
    if (filter.quality != null && voice.quality !== filter.quality) return false;
    if (filter.firstParty != null && voice.firstParty !== filter.firstParty) return false;
    if (filter.status != null && voice.status !== filter.status) return false;
    if (words.length === 0) return true;
    const text = folded(`${voice.name} ${voice.description ?? ''} ${voice.id}`);
    return words.every((word) => text.includes(word));
  };
}

const covers = (range: string, tag: string): boolean => tag === range || tag.startsWith(`${range}-`);

const folded = (text: string): string => text.normalize('NFKC').toLowerCase();
