import { type SniffedFormat, sniffFormat } from '../../../providers/audio';
import { ascii, concat, noise, samplesToBytes, sine } from './support/assemble';
import { buildFlac } from './support/flac';
import { id3v2, MPEG1_STEREO, MPEG25_MONO, mp3Frames } from './support/mp3';
import { BEGIN, buildOpus, buildPage, opusPacket } from './support/opus';
import { buildWav } from './support/wav';

const adts = concat([Uint8Array.of(0xff, 0xf1, 0x50, 0x80, 0x10, 0x1f, 0xfc), noise(121, 1)]);
const pcm = samplesToBytes(sine(400, 440, 24_000));
const vorbis = { flags: BEGIN, granule: 0n, serial: 1, sequence: 0, lacing: [30] };

test.each<[SniffedFormat, string, Uint8Array]>([
  ['MP3', 'frames', mp3Frames(MPEG1_STEREO, 2)],
  ['MP3', 'frames of MPEG 2.5', mp3Frames(MPEG25_MONO, 2)],
  ['MP3', 'a tag', concat([id3v2(20), mp3Frames(MPEG1_STEREO, 1)])],
  ['MP3', 'one header', Uint8Array.of(0xff, 0xfb, 0x90, 0xc4)],
  ['WAV', 'WAV', buildWav(pcm)],
  ['OGG_OPUS', 'Opus', buildOpus({ packets: [opusPacket(40, 1)] })],
  ['OGG', 'Vorbis', buildPage({ ...vorbis, body: concat([ascii('\x01vorbis'), noise(23, 1)]) })],
  ['FLAC', 'FLAC', buildFlac(sine(20, 440, 24_000))],
  ['AAC', 'ADTS', concat([adts, adts])],
  ['MP4', 'MP4', concat([Uint8Array.of(0, 0, 0, 28), ascii('ftypM4A '), noise(60, 1)])],
  ['WEBM', 'WebM', concat([Uint8Array.of(0x1a, 0x45, 0xdf, 0xa3), noise(60, 1)])],
  ['JSON', 'an object', ascii('{"error":"quota"}')],
  ['JSON', 'an indented object', ascii('\n {\n      "error": 1\n}')],
  ['JSON', 'an array', ascii('[{"a":1}]')],
  ['JSON', 'a string of base64', ascii('"UklGRiQAAABXQVZF"')],
  ['HTML', 'a page', ascii('\r\n<!DOCTYPE HTML><title>502</title>')],
  ['HTML', 'a page with a byte order mark', concat([Uint8Array.of(0xef, 0xbb, 0xbf), ascii('<html lang="en">')])],
  ['XML', 'XML', ascii('<?xml version="1.0"?><Error/>')],
  ['TEXT', 'words', ascii('upstream request timeout')],
  ['EMPTY', 'nothing', new Uint8Array(0)],
  ['UNKNOWN', 'PCM', pcm],
  ['UNKNOWN', 'noise', noise(200, 5)],
  ['UNKNOWN', 'silence', new Uint8Array(200)],
  ['UNKNOWN', 'a sync that no frame follows', concat([Uint8Array.of(0xff, 0xfb, 0x90, 0xc4), noise(2000, 1)])],
])('%s is seen in %s', (format, _, bytes) => {
  expect(sniffFormat(bytes)).toBe(format);
});
