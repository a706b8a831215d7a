/**
 * The languages of the Whisper models with the English names under which they answer
 * (https://github.com/openai/whisper, tokenizer.py); code and name in turn.
 */
const WHISPER_NAMES =
  'en english,zh chinese,de german,es spanish,ru russian,ko korean,fr french,ja japanese,pt portuguese,tr turkish,' +
  'pl polish,ca catalan,nl dutch,ar arabic,sv swedish,it italian,id indonesian,hi hindi,fi finnish,vi vietnamese,' +
  'he hebrew,uk ukrainian,el greek,ms malay,cs czech,ro romanian,da danish,hu hungarian,ta tamil,no norwegian,th thai,' +
  'ur urdu,hr croatian,bg bulgarian,lt lithuanian,la latin,mi maori,ml malayalam,cy welsh,sk slovak,te telugu,' +
  'fa persian,lv latvian,bn bengali,sr serbian,az azerbaijani,sl slovenian,kn kannada,et estonian,mk macedonian,' +
  'br breton,eu basque,is icelandic,hy armenian,ne nepali,mn mongolian,bs bosnian,kk kazakh,sq albanian,sw swahili,' +
  'gl galician,mr marathi,pa punjabi,si sinhala,km khmer,sn shona,yo yoruba,so somali,af afrikaans,oc occitan,' +
  'ka georgian,be belarusian,tg tajik,sd sindhi,gu gujarati,am amharic,yi yiddish,lo lao,uz uzbek,fo faroese,' +
  'ht haitian creole,ps pashto,tk turkmen,nn nynorsk,mt maltese,sa sanskrit,lb luxembourgish,my myanmar,bo tibetan,' +
  'tl tagalog,mg malagasy,as assamese,tt tatar,haw hawaiian,ln lingala,ha hausa,ba bashkir,jv javanese,su sundanese,' +
  'yue cantonese';

/** Other names that servers give. */
const OTHER_NAMES =
  'my burmese,ca valencian,nl flemish,ht haitian,lb letzeburgesch,ps pushto,pa panjabi,ro moldavian,ro moldovan,' +
  'si sinhalese,es castilian,zh mandarin,fil filipino,nb norwegian bokmål,nn norwegian nynorsk,el modern greek';

const CODES = new Map(
  `${WHISPER_NAMES},${OTHER_NAMES}`.split(',').map((entry) => {
    const space = entry.indexOf(' ');
    return [entry.slice(space + 1), entry.slice(0, space)] as const;
  }),
);

/** BCP 47 primary subtags of the languages that Whisper knows. */
export const WHISPER_LANGUAGES: readonly string[] = WHISPER_NAMES.split(',').map((entry) => entry.split(' ', 1)[0]!);

/** Subtags by which a language is undecided, several, or none. */
const NO_LANGUAGE: ReadonlySet<string> = new Set(['und', 'mul', 'mis', 'zxx']);

/**
 * BCP 47 for what a provider calls a language: a tag, an ISO 639-3 code ("eng"), or an English name ("english"). null where it
 * is none of them.
 */
export function languageTag(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const text = value.trim().replaceAll('_', '-');
  const named = CODES.get(text.toLowerCase());
  if (named !== undefined) return named;
  if (!/^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i.test(text)) return null;
  try {
    const tag = Intl.getCanonicalLocales(text)[0] ?? null;
    return tag === null || NO_LANGUAGE.has(primarySubtag(tag)) ? null : tag;
  } catch {
    return null;
  }
}

/** The language alone, in lower case: "pt" of "pt-BR". */
export function primarySubtag(tag: string): string {
  return tag.split('-', 1)[0]!.toLowerCase();
}

/** The two-letter code of ISO 639-1 for a tag; null where the language has none. */
export function twoLetterCode(tag: string | null): string | null {
  const subtag = tag === null ? null : primarySubtag(languageTag(tag) ?? tag);
  return subtag?.length === 2 ? subtag : null;
}
