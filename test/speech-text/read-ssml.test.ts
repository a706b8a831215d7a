import type { SpeechText } from '../../providers/contract/speech-text';
import { AppError } from '../../src/lib/errors';
import { readSsml, SSML_ELEMENTS } from '../../src/speech-text/read-ssml';
import { usedMarkup } from '../../src/speech-text/spans';

const speak = (inner: string) => `<speak>${inner}</speak>`;
const refusal = (ssml: string): AppError => {
  try {
    readSsml(ssml);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

describe('SSML becomes spans', () => {
  const table: [string, string, SpeechText][] = [
    [
      'a root with the namespace, a declaration and a language',
      '<?xml version="1.0"?><speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">Hi</speak>',
      [{ kind: 'text', text: 'Hi' }],
    ],
    [
      'a break in milliseconds, in seconds, by strength, by default',
      speak('a<break time="250ms"/>b<break time="1.5s"/>c<break strength="x-strong"/>d<break/>e'),
      [
        { kind: 'text', text: 'a' },
        { kind: 'break', milliseconds: 250 },
        { kind: 'text', text: 'b' },
        { kind: 'break', milliseconds: 1_500 },
        { kind: 'text', text: 'c' },
        { kind: 'break', milliseconds: 1_250 },
        { kind: 'text', text: 'd' },
        { kind: 'break', milliseconds: 750 },
        { kind: 'text', text: 'e' },
      ],
    ],
    [
      'a break of nothing is none',
      speak('a<break strength="none"/>b<break time="0s"/>c'),
      [{ kind: 'text', text: 'abc' }],
    ],
    [
      'paragraphs and sentences end with one boundary, the greater one',
      speak('<p><s>A.</s> <s>B.</s></p><p>C.</p>'),
      [
        { kind: 'text', text: 'A.' },
        { kind: 'boundary', level: 'sentence' },
        { kind: 'text', text: ' B.' },
        { kind: 'boundary', level: 'paragraph' },
        { kind: 'text', text: 'C.' },
      ],
    ],
    [
      'text before a paragraph is kept apart from it',
      speak('Title<p>Body</p>'),
      [
        { kind: 'text', text: 'Title' },
        { kind: 'boundary', level: 'paragraph' },
        { kind: 'text', text: 'Body' },
      ],
    ],
    [
      'inner prosody goes over outer prosody',
      speak('<prosody rate="slow" pitch="+2st">a<prosody rate="120%" volume="-6dB">b</prosody></prosody>'),
      [
        { kind: 'text', text: 'a', prosody: { rate: 'slow', pitch: '+2st' } },
        { kind: 'text', text: 'b', prosody: { rate: '120%', pitch: '+2st', volume: '-6dB' } },
      ],
    ],
    [
      'emphasis is moderate unless it says so',
      speak('<emphasis>a</emphasis><emphasis level="strong">b</emphasis>'),
      [
        { kind: 'text', text: 'a', emphasis: 'moderate' },
        { kind: 'text', text: 'b', emphasis: 'strong' },
      ],
    ],
    [
      'say-as and phoneme, each its own span',
      speak(
        '<say-as interpret-as="date" format="dmy">1/2/2026</say-as><phoneme alphabet="ipa" ph="təˈmeɪtoʊ">tomato</phoneme>',
      ),
      [
        { kind: 'text', text: '1/2/2026', sayAs: { interpretAs: 'date', format: 'dmy' } },
        { kind: 'text', text: 'tomato', phoneme: { alphabet: 'ipa', ph: 'təˈmeɪtoʊ' } },
      ],
    ],
    [
      'a language that differs from the document marks its span, the same one does not',
      '<speak xml:lang="en">a <lang xml:lang="fr-FR">bonjour</lang> <s xml:lang="en">b</s></speak>',
      [
        { kind: 'text', text: 'a ' },
        { kind: 'text', text: 'bonjour', language: 'fr-FR' },
        { kind: 'text', text: ' ' },
        { kind: 'boundary', level: 'sentence' },
        { kind: 'text', text: 'b' },
      ],
    ],
    [
      'the alias of sub joins the text around it',
      speak('the <sub alias="W three">W3</sub> org'),
      [{ kind: 'text', text: 'the W three org' }],
    ],
    ['text is NFC', speak('Cafe&#x301;'), [{ kind: 'text', text: 'Café' }]],
    ['CR LF is one line end, as XML says', speak('a\r\nb'), [{ kind: 'text', text: 'a\nb' }]],
    [
      'metadata of any vocabulary is silent',
      speak('<metadata><rdf:RDF><dc:title>x</dc:title></rdf:RDF></metadata>a'),
      [{ kind: 'text', text: 'a' }],
    ],
  ];
  test.each(table)('%s', (_name, ssml, spans) => {
    expect(readSsml(ssml)).toEqual(spans);
  });

  test('a predefined entity and a character reference are resolved once', () => {
    expect(readSsml(speak('&amp;lt; &#65;'))).toEqual([{ kind: 'text', text: '&lt; A' }]);
  });

  test('the features of markup in use are named, each once', () => {
    const spans = readSsml(
      speak(
        '<prosody rate="slow">a</prosody><break/><emphasis>b</emphasis><break/><lang xml:lang="de">c</lang><say-as interpret-as="date">d</say-as><phoneme ph="e">e</phoneme>',
      ),
    );
    expect([...usedMarkup(spans)].sort()).toEqual(['break', 'emphasis', 'lang', 'phoneme', 'prosody', 'say-as']);
    expect(usedMarkup(readSsml(speak('<p>plain</p>')))).toEqual([]);
  });
});

describe('breaks are bounded', () => {
  test('10 s each and 60 s together are taken', () => {
    expect(
      readSsml(speak(`a${'<break time="10s"/>'.repeat(6)}b`)).filter((span) => span.kind === 'break'),
    ).toHaveLength(6);
  });
  test.each([
    ['one of 10.001 s', 'a<break time="10001ms"/>b', /at most 10 s/],
    ['one of 11 s', 'a<break time="11s"/>b', /at most 10 s/],
    ['60 s and a millisecond together', `a${'<break time="10s"/>'.repeat(6)}<break time="1ms"/>b`, /60 s together/],
    ['a negative time', 'a<break time="-1s"/>b', /number with ms or s/],
    ['a time without unit', 'a<break time="500"/>b', /number with ms or s/],
    ['an endless time', 'a<break time="Infinitys"/>b', /number with ms or s/],
    ['an unknown strength', 'a<break strength="huge"/>b', /strength of a break is one of/],
  ])('%s: refused', (_name, inner, message) => {
    const error = refusal(speak(inner));
    expect(error).toMatchObject({ code: 'BAD_USER_INPUT', fields: { field: 'text' } });
    expect(error.message).toMatch(message);
  });
});

describe('what is not spoken here is UNSUPPORTED and named', () => {
  test.each([
    ['audio', '<audio src="https://example.com/a.wav"/>a'],
    ['lexicon', '<lexicon uri="a.pls"/>a'],
    ['voice', '<voice name="x">a</voice>'],
    ['an element of a vendor', '<mstts:express-as style="sad">a</mstts:express-as>'],
    ['an unknown element', '<blink>a</blink>'],
    ['an unknown element in silent text', '<sub alias="b"><blink>a</blink></sub>'],
  ])('%s', (_name, inner) => {
    const error = refusal(speak(inner));
    expect(error.code).toBe('UNSUPPORTED');
    expect(error.fields.supported).toEqual(SSML_ELEMENTS);
    expect(error.message).toContain(`<${String(error.fields.element)}>`);
    expect(inner).toContain(String(error.fields.element));
  });

  test('attributes of prosody that no span carries', () => {
    expect(refusal(speak('<prosody contour="(0%,+20Hz)">a</prosody>'))).toMatchObject({
      code: 'UNSUPPORTED',
      fields: { supported: ['rate', 'pitch', 'volume'] },
    });
  });
});

describe('broken or dangerous SSML is refused with line and column', () => {
  test.each([
    ['an unclosed element', '<speak>a<p>b</speak>'],
    ['an end without a start', '<speak>a</p></speak>'],
    ['a document that stops', '<speak>a'],
    ['an undefined entity', speak('a &nbsp; b')],
    ['a bare ampersand', speak('R & D')],
    ['an attribute without quotes', speak('<break time=1s/>')],
    ['an attribute given twice', speak('a<break time="1s" time="2s"/>')],
    ['plain text', 'Hello'],
    ['text after the root', '<speak>a</speak>b'],
    ['another root', '<p>a</p>'],
    ['speak in speak', speak('<speak>a</speak>')],
    ['a DOCTYPE', `<!DOCTYPE speak>${speak('a')}`],
    ['entity declarations', `<!DOCTYPE speak [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;">]>${speak('&b;')}`],
    ['an external entity', `<!DOCTYPE speak [<!ENTITY f SYSTEM "file:///etc/passwd">]>${speak('&f;')}`],
    ['nesting without bound', `<speak>${'<prosody rate="slow">'.repeat(5_000)}a${'</prosody>'.repeat(5_000)}</speak>`],
    [
      'nesting without bound in metadata',
      `<speak><metadata>${'<x>'.repeat(5_000)}${'</x>'.repeat(5_000)}</metadata>a</speak>`,
    ],
    ['sub without alias', speak('<sub>a</sub>')],
    ['say-as without interpret-as', speak('<say-as>a</say-as>')],
    ['phoneme without ph', speak('<phoneme>a</phoneme>')],
    ['phoneme without text, which would be spoken and not counted', speak('a<phoneme ph="tomato"/>')],
    ['phoneme that holds a speech of its own', speak(`<phoneme ph="${'ə'.repeat(25)}">a</phoneme>`)],
    ['elements in phoneme', speak('<phoneme ph="a"><emphasis>a</emphasis></phoneme>')],
    ['text in break', speak('a<break>b</break>')],
    ['prosody with a value of another grammar', speak('<prosody rate="fast; drop">a</prosody>')],
    ['an unknown level of emphasis', speak('<emphasis level="max">a</emphasis>')],
    ['lang without xml:lang', speak('<lang>a</lang>')],
    ['a language that is none', speak('<lang xml:lang="e n">a</lang>')],
    ['a control character by reference', speak('a&#7;b')],
  ])('%s', (_name, ssml) => {
    const error = refusal(ssml);
    expect(error).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: { field: 'text', line: 1, column: expect.any(Number) },
    });
    expect(error.message).toMatch(/^SSML, line 1, column \d+: [^\n]+\.$/);
  });

  test('the place is that in the text that was sent', () => {
    const { fields } = refusal('<speak>\n  <p>one</p>\n  <break time="99s"/>\n</speak>');
    expect(fields).toMatchObject({ line: 3, column: 21 });
  });

  test.each([
    ['a C1 control character by reference', speak('a&#x85;b')],
    ['no text at all', '<speak/>'],
    ['breaks alone', speak('<break time="1s"/>')],
    ['silent text alone', speak('<desc>words</desc> <mark name="a"/>')],
  ])('%s: refused as text', (_name, ssml) => {
    expect(refusal(ssml)).toMatchObject({ code: 'BAD_USER_INPUT', fields: { field: 'text' } });
  });

  test('a message shows no more than a little of a long value', () => {
    expect(refusal(speak(`<emphasis level="${'x'.repeat(10_000)}">a</emphasis>`)).message.length).toBeLessThan(300);
    expect(refusal(speak(`<${'x'.repeat(10_000)}/>`)).message.length).toBeLessThan(400);
  });
});
