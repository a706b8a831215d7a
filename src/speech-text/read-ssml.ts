import { SaxesParser } from 'saxes';
import type { SpeechSpan, SpeechText } from '../../providers/contract/speech-text';
import { AppError } from '../lib/errors';
import { countText } from './count-characters';
import { joinText, type TextSpan, trimOuter } from './spans';
import {
  BREAKS_TOGETHER_MILLISECONDS_MAX,
  breakMilliseconds,
  emphasisOf,
  languageOf,
  PROSODY_ATTRIBUTES,
  phonemeOf,
  pronunciationCharactersMax,
  prosodyOf,
  sayAsOf,
} from './ssml-values';
import { isBlank, validateText } from './validate-text';

/** Elements of SSML 1.1 that can be spoken here; all others are refused by name. */
export const SSML_ELEMENTS = [
  'speak',
  'p',
  's',
  'break',
  'sub',
  'prosody',
  'emphasis',
  'say-as',
  'phoneme',
  'lang',
  'mark',
  'desc',
  'metadata',
  'meta',
] as const;
const KNOWN = new Set<string>(SSML_ELEMENTS);
const TEXT_ONLY = new Set(['sub', 'say-as', 'phoneme']);
const EMPTY = new Set(['break', 'mark', 'meta']);
const PROSODY_REFUSED = ['contour', 'range', 'duration'];
const DEPTH_MAX = 32;

type Style = Omit<TextSpan, 'kind' | 'text'>;
interface OpenElement {
  readonly name: string;
  readonly style: Style;
  /** The text inside is not spoken. */
  readonly silent: boolean;
  /** Inside `metadata`, which holds elements of any vocabulary. */
  readonly foreign: boolean;
}
type Piece = { readonly style: Style; text: string } | Exclude<SpeechSpan, TextSpan>;

/**
 * Reads SSML into spans. Character data is what will be spoken, entities resolved, its white space as written; of
 * `sub` the alias alone; `desc`, `meta`, `metadata` and `mark` are silent. The language of `speak` itself is the
 * document's and marks no span.
 * @throws AppError BAD_USER_INPUT, field `text`, with `line` and `column` for what is not well-formed or not SSML;
 *   UNSUPPORTED, with `supported`, for elements that are not spoken here
 */
export function readSsml(text: string): SpeechText {
  return new SsmlReader().read(text);
}

class SsmlReader {
  private readonly parser = new SaxesParser({ xmlns: false, position: true });
  private readonly open: OpenElement[] = [];
  private readonly pieces: Piece[] = [];
  private breakMilliseconds = 0;
  private documentLanguage: string | undefined;

  constructor() {
    this.parser.on('error', (error) => {
      throw this.refuse(error.message.replace(/^(?:[^:]*:)?\d+:\d+: /, '').replace(/\.$/, ''));
    });
    this.parser.on('doctype', () => {
      throw this.refuse(
        'a DOCTYPE or entity declarations are not taken; write the characters themselves, or &amp; &lt; &gt;',
      );
    });
    this.parser.on('opentag', ({ name, attributes }) => this.enter(name, attributes));
    this.parser.on('closetag', () => this.leave());
    this.parser.on('text', (data) => this.speak(data));
    this.parser.on('cdata', (data) => this.speak(data));
  }

  read(text: string): SpeechText {
    if (!/^\s*</.test(text)) throw this.refuse('the text is not markup; begin with <speak>, or send it as plain text');
    this.parser.write(text).close();
    const spans = trimOuter(this.pieces.flatMap(toSpan));
    // Character references can write what the document itself may not hold.
    validateText(joinText(spans));
    return spans;
  }

  private enter(name: string, attributes: Readonly<Record<string, string>>): void {
    const parent = this.open.at(-1);
    this.requirePlace(name, parent);
    const around: Style = parent?.style ?? {};
    const silent = (parent?.silent ?? false) || name === 'sub' || name === 'desc' || name === 'metadata';
    if (!parent?.silent) this.act(name, attributes, around);
    const foreign = (parent?.foreign ?? false) || name === 'metadata';
    const style = parent?.silent ? around : this.styleOf(name, attributes, around);
    this.open.push({ name, style, silent, foreign });
  }

  private requirePlace(name: string, parent: OpenElement | undefined): void {
    if (this.open.length >= DEPTH_MAX) throw this.refuse(`elements are nested more than ${DEPTH_MAX} deep`);
    if (parent?.foreign) return;
    if (!KNOWN.has(name)) {
      throw new AppError(
        'UNSUPPORTED',
        `SSML: the element <${name.slice(0, 60)}> cannot be spoken here; remove it. Supported: ${SSML_ELEMENTS.join(', ')}.`,
        { supported: SSML_ELEMENTS, element: name.slice(0, 60) },
      );
    }
    if (parent === undefined && name !== 'speak') throw this.refuse(`the outermost element is <speak>, not <${name}>`);
    if (parent !== undefined && name === 'speak') throw this.refuse('<speak> cannot stand inside <speak>');
    if (parent && EMPTY.has(parent.name)) throw this.refuse(`<${parent.name}> holds nothing`);
    if (parent && TEXT_ONLY.has(parent.name)) throw this.refuse(`<${parent.name}> holds text alone, no <${name}>`);
  }

  private act(name: string, attributes: Readonly<Record<string, string>>, around: Style): void {
    if (name === 'p' || name === 's') this.separate(name === 'p' ? 'paragraph' : 'sentence');
    if (name === 'break') this.pause(breakMilliseconds(attributes, this.refuse));
    if (name === 'sub') {
      const alias = attributes.alias ?? '';
      if (alias.trim() === '') throw this.refuse('sub needs an alias attribute with the words to speak');
      this.append(around, alias);
    }
  }

  private styleOf(name: string, attributes: Readonly<Record<string, string>>, around: Style): Style {
    switch (name) {
      case 'speak':
        this.documentLanguage = languageOf(attributes, this.refuse);
        return around;
      case 'p':
      case 's':
      case 'lang': {
        const language = languageOf(attributes, this.refuse);
        if (language === undefined && name === 'lang') throw this.refuse('lang needs an xml:lang attribute');
        return language === undefined || language === (around.language ?? this.documentLanguage)
          ? around
          : { ...around, language };
      }
      case 'prosody': {
        const refused = PROSODY_REFUSED.find((attribute) => attributes[attribute] !== undefined);
        if (refused) {
          throw new AppError(
            'UNSUPPORTED',
            `SSML: the attribute ${refused} of <prosody> cannot be spoken here; use ${PROSODY_ATTRIBUTES.join(', ')}.`,
            { supported: PROSODY_ATTRIBUTES, element: 'prosody' },
          );
        }
        return { ...around, prosody: prosodyOf(attributes, around.prosody, this.refuse) };
      }
      case 'emphasis':
        return { ...around, emphasis: emphasisOf(attributes, this.refuse) };
      case 'say-as':
        return { ...around, sayAs: sayAsOf(attributes, this.refuse) };
      case 'phoneme':
        return { ...around, phoneme: phonemeOf(attributes, this.refuse) };
      default:
        return around;
    }
  }

  private leave(): void {
    const element = this.open.pop();
    if (!element || element.silent) return;
    if (element.name === 'p' || element.name === 's') this.separate(element.name === 'p' ? 'paragraph' : 'sentence');
    if (element.name === 'say-as' || element.name === 'phoneme') this.requireSpokenContent(element);
  }

  private requireSpokenContent(element: OpenElement): void {
    const last = this.pieces.at(-1);
    const content = last && 'style' in last && last.style === element.style ? last.text : '';
    if (isBlank(content)) throw this.refuse(`<${element.name}> needs the text that it stands for between its tags`);
    const pronunciation = element.style.phoneme?.ph ?? '';
    if (countText(pronunciation) > pronunciationCharactersMax(countText(content))) {
      throw this.refuse('the ph of phoneme is too long for the text between its tags; give one phoneme for each word');
    }
  }

  private speak(data: string): void {
    const element = this.open.at(-1);
    if (!element || element.silent || data === '') return;
    if (EMPTY.has(element.name)) throw this.refuse(`<${element.name}> holds nothing`);
    this.append(element.style, data);
  }

  private append(style: Style, text: string): void {
    const last = this.pieces.at(-1);
    if (last && 'style' in last && last.style === style) last.text += text;
    else this.pieces.push({ style, text });
  }

  private pause(milliseconds: number): void {
    this.breakMilliseconds += milliseconds;
    if (this.breakMilliseconds > BREAKS_TOGETHER_MILLISECONDS_MAX)
      throw this.refuse('breaks are at most 60 s together');
    if (milliseconds > 0) this.pieces.push({ kind: 'break', milliseconds });
  }

  /** One boundary between two texts, however many elements end and begin there; the greatest counts. */
  private separate(level: 'paragraph' | 'sentence'): void {
    for (let index = this.pieces.length - 1; index >= 0; index--) {
      const piece = this.pieces[index]!;
      if ('style' in piece) {
        if (piece.text.trim() === '') continue;
        this.pieces.push({ kind: 'boundary', level });
        return;
      }
      if (piece.kind === 'boundary') {
        if (level === 'paragraph') this.pieces[index] = { kind: 'boundary', level };
        return;
      }
    }
  }

  private readonly refuse = (message: string): AppError => {
    // What the parser calls column is how much of the line it has read: the place of the last character, from 1.
    const { line } = this.parser;
    const column = Math.max(1, this.parser.column);
    return new AppError('BAD_USER_INPUT', `SSML, line ${line}, column ${column}: ${message}.`, {
      field: 'text',
      line,
      column,
    });
  };
}

function toSpan(piece: Piece): readonly SpeechSpan[] {
  if (!('style' in piece)) return [piece];
  return piece.text === '' ? [] : [{ kind: 'text', text: piece.text.normalize('NFC'), ...piece.style }];
}
