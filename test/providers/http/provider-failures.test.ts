import fc from 'fast-check';
import {
  ERROR_MESSAGE_LENGTH_MAX,
  meaningOfStatus,
  retryAfterMs,
  safeMessage,
} from '../../../providers/http/provider-failures';

describe('meaningOfStatus', () => {
  it.each([
    [200, 'REJECTED', false],
    [301, 'REJECTED', false],
    [307, 'REJECTED', false],
    [400, 'REJECTED', false],
    [401, 'UNAUTHORIZED', false],
    [402, 'UNAUTHORIZED', false],
    [403, 'UNAUTHORIZED', false],
    [404, 'REJECTED', false],
    [405, 'REJECTED', false],
    [408, 'TIMEOUT', true],
    [409, 'UNAVAILABLE', true],
    [413, 'REJECTED', false],
    [415, 'REJECTED', false],
    [418, 'REJECTED', false],
    [422, 'REJECTED', false],
    [425, 'UNAVAILABLE', true],
    [429, 'UNAVAILABLE', true],
    [500, 'UNAVAILABLE', true],
    [502, 'UNAVAILABLE', true],
    [503, 'UNAVAILABLE', true],
    [504, 'UNAVAILABLE', true],
    [529, 'UNAVAILABLE', true],
  ])('%i is %s, retryable: %s', (status, kind, retryable) => {
    expect(meaningOfStatus(status)).toMatchObject({ kind, retryable });
  });
});

describe('retryAfterMs', () => {
  const now = Date.parse('2026-11-20T10:00:00Z');

  it.each([
    ['whole seconds', '7', 7_000],
    ['a fraction', '0.5', 500],
    ['zero', '0', 0],
    ['a date', 'Fri, 20 Nov 2026 10:00:30 GMT', 30_000],
    ['a date that has passed', 'Fri, 20 Nov 2026 09:00:00 GMT', 0],
    ['more than a day, which is cut', '9999999999', 86_400_000],
    ['words', 'soon', undefined],
    ['nothing', ' ', undefined],
    ['a negative number', '-5', expect.anything()],
  ])('%s', (_name, value, expected) => {
    const wait = retryAfterMs({ 'retry-after': value }, now);
    if (value === '-5') expect(wait === undefined || wait >= 0).toBe(true);
    else expect(wait).toBe(expected);
  });

  it('is undefined without the header', () => {
    expect(retryAfterMs({}, now)).toBeUndefined();
  });
});

describe('safeMessage', () => {
  it('never shows a secret, or half of one at the end, in any of the forms a body gives it', () => {
    const key = fc.string({ minLength: 16, maxLength: 60, unit: fc.constantFrom(...'abcXYZ0123456789_-+/"\\%') });
    const form = fc.constantFrom<(value: string) => string>(
      (value) => value,
      (value) => encodeURIComponent(value),
      (value) => JSON.stringify(value).slice(1, -1),
    );
    fc.assert(
      fc.property(fc.nat(600), key, form, fc.nat(50), (before, secret, write, after) => {
        const shown = safeMessage(`${'.'.repeat(before)}${write(secret)}${'.'.repeat(after)}`, [secret]);
        expect(shown).not.toContain(write(secret).slice(0, 8));
        expect(shown.length).toBeLessThanOrEqual(ERROR_MESSAGE_LENGTH_MAX);
      }),
    );
  });

  it('has neither control characters nor half a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 1_200 }), (text) => {
        const shown = safeMessage(text, []);
        expect(shown.length).toBeLessThanOrEqual(ERROR_MESSAGE_LENGTH_MAX);
        expect(/[\p{Cc}\u2028\u2029]/u.test(shown)).toBe(false);
        expect(encodeURIComponent(shown)).toBeDefined();
      }),
    );
  });
});
