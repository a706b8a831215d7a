/** Signs that NFKD does not turn into ASCII, or turns into something that reads wrongly, and how they are said. */
const REPLACEMENTS: Readonly<Record<string, string>> = {
  '\u2018': "'",
  '\u2019': "'",
  '\u201A': "'",
  '\u201B': "'",
  '\u02BC': "'",
  '\u2032': "'",
  '\u00B4': "'",
  '\u201C': '"',
  '\u201D': '"',
  '\u201E': '"',
  '\u201F': '"',
  '\u00AB': '"',
  '\u00BB': '"',
  '\u2033': '"',
  '\u2010': '-',
  '\u2011': '-',
  '\u2012': '-',
  '\u2013': '-',
  '\u2212': '-',
  '\u2044': '/',
  // A dash between clauses is heard as a pause.
  '\u2014': ', ',
  '\u2015': ', ',
  '\u2026': '... ',
  '\u2022': ', ',
  '\u00B7': ' ',
  '\u00C6': 'AE',
  '\u00E6': 'ae',
  '\u0152': 'OE',
  '\u0153': 'oe',
  '\u00D8': 'O',
  '\u00F8': 'o',
  '\u00DF': 'ss',
  '\u1E9E': 'SS',
  '\u0141': 'L',
  '\u0142': 'l',
  '\u0110': 'D',
  '\u0111': 'd',
  '\u00D0': 'D',
  '\u00F0': 'd',
  '\u00DE': 'Th',
  '\u00FE': 'th',
  '\u0131': 'i',
  '\u0126': 'H',
  '\u0127': 'h',
  '\u014A': 'Ng',
  '\u014B': 'ng',
  '\u20AC': ' euro ',
  '\u00A3': ' pound ',
  '\u00A5': ' yen ',
  '\u00A2': ' cent ',
  '\u00A7': ' section ',
  '\u00A9': ' copyright ',
  '\u00AE': ' registered ',
  '\u2122': ' trademark ',
  '\u00B0': ' degrees ',
  '\u2103': ' degrees Celsius ',
  '\u2109': ' degrees Fahrenheit ',
  '\u00B5': 'micro',
  '\u03BC': 'micro',
  '\u00D7': ' times ',
  '\u00F7': ' divided by ',
  '\u00B1': ' plus or minus ',
  '\u2260': ' is not equal to ',
  '\u2264': ' is at most ',
  '\u2265': ' is at least ',
  '\u2248': ' is about ',
  '\u221E': ' infinity ',
  '\u2192': ' to ',
  '\u00B2': ' squared ',
  '\u00B3': ' cubed ',
  '\u2030': ' per thousand ',
};
const REPLACED = new RegExp(`[${Object.keys(REPLACEMENTS).join('')}]`, 'g');

/**
 * Writes a text in ASCII, all that an English-only engine reads: accents are taken off, typographic signs become plain
 * ones or the words for them, compatibility forms (full width, ligatures, fractions) are spelled out. Letters of other
 * scripts, pictures and controls leave a space, so that the words around them stay apart. White space is kept.
 */
export function asciiText(text: string): string {
  return (
    text
      .replace(REPLACED, (sign) => REPLACEMENTS[sign]!)
      // "2½" is two numbers, not 21/2; the same for "10⁶".
      .replace(/(?<=\d)(?=[\u00BC-\u00BE\u2070-\u2079\u2150-\u215F])/g, ' ')
      .normalize('NFKD')
      .replace(REPLACED, (sign) => REPLACEMENTS[sign]!)
      .replace(/(?!\s)[\p{M}\p{Cf}]/gu, '')
      .replace(/[^\s\x21-\x7E]/gu, ' ')
  );
}

/** Whether flite makes a sound of it: alone, each of the other ASCII characters is silent in all of its voices. */
export function isHeardByFlite(ascii: string): boolean {
  return /[A-Za-z0-9#$%&*+/=@\\^_|~]/.test(ascii);
}
