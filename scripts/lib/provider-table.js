/** The table of providers in README.md, made of what their adapters declare. */

const BEGIN = '<!-- providers: made by "npm run docs:providers" -->';
const END = '<!-- /providers -->';

/** In the order in which they are shown everywhere else. */
const SPEECH_FORMATS = ['MP3', 'WAV', 'OGG_OPUS', 'FLAC', 'PCM', 'MULAW'];
const RECORDING_FORMATS = ['WAV', 'MP3', 'OGG', 'FLAC', 'MP4', 'WEBM', 'AAC'];

function speechRow({ formats, streamedFormats }) {
  const offered = SPEECH_FORMATS.filter((format) => formats[format] !== undefined);
  const streamed = offered.filter((format) => streamedFormats === undefined || streamedFormats.includes(format));
  const streams = streamed.length === 0 ? 'no' : streamed.length === offered.length ? 'yes' : streamed.join(', ');
  return ['speech', streams, offered.join(', ')];
}

function transcriptionRow({ models }) {
  const taken = RECORDING_FORMATS.filter((format) => models.some((model) => model.formats.includes(format)));
  return ['transcription', 'no', taken.join(', ')];
}

function chatRow({ models }) {
  const offered = [
    'text',
    ...(models.some(({ tools }) => tools) ? ['tools'] : []),
    ...(models.some(({ responseSchema }) => responseSchema) ? ['JSON schema'] : []),
  ];
  return ['language models', 'yes', offered.join(', ')];
}

/** `speech`, `transcription` and `chat`: providers of each capability by id. */
function providerTable({ speech, transcription, chat }) {
  const rows = new Map();
  const add = (providers, rowOf) => {
    for (const { declaration } of providers.values()) {
      const { provider, name, keyHeader } = declaration;
      const own = keyHeader === null ? 'needs none' : `\`${keyHeader}\``;
      rows.set(provider, [...(rows.get(provider) ?? []), [`${name} (\`${provider}\`)`, ...rowOf(declaration), own]]);
    }
  };
  add(speech, speechRow);
  add(transcription, transcriptionRow);
  add(chat, chatRow);
  const head = ['provider', 'capability', 'streams', 'formats', 'own key'];
  const lines = [head, head.map(() => '---'), ...[...rows.values()].flat()];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** A document with its table in the place of the one that it has. */
function withProviderTable(document, table) {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin)
    throw new Error(`The document has no lines ${BEGIN} and ${END} to put the table between.`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${document.slice(end)}`;
}

module.exports = { providerTable, withProviderTable };
