/**
 * Ends (index of the last piece, inclusive) of the fewest runs of neighbouring pieces that fit, each as long as it can
 * be. `fits` is asked a few times for each run, not once for each piece, so that the whole stays linear in the text.
 * A single piece is a run even where it does not fit.
 * @param expected length of a run that just fits, where the search begins
 */
export function greedyCuts(
  lengths: readonly number[],
  expected: number,
  fits: (first: number, last: number) => boolean,
): number[] {
  const ends: number[] = [];
  for (let first = 0; first < lengths.length; first = ends.at(-1)! + 1) {
    let good = first;
    let bad = lengths.length;
    let probe = guess(lengths, first, expected);
    let step = 1;
    while (bad - good > 1) {
      if (fits(first, probe)) good = probe;
      else bad = probe;
      if (bad === lengths.length) probe = Math.min(good + step, bad - 1);
      else if (good === first) probe = Math.max(bad - step, first + 1);
      else probe = (good + bad) >> 1;
      step *= 2;
    }
    ends.push(good);
  }
  return ends;
}

/** The last piece of a run whose length is about `expected`, never the first piece alone. */
function guess(lengths: readonly number[], first: number, expected: number): number {
  let length = lengths[first]!;
  let last = first;
  while (last + 1 < lengths.length && length + lengths[last + 1]! <= expected) length += lengths[++last]!;
  return Math.min(Math.max(last, first + 1), lengths.length - 1);
}

/** Ends of at most `parts` runs of neighbouring pieces whose longest is as short as can be. */
export function evenCuts(lengths: readonly number[], parts: number): number[] {
  let low = lengths.reduce((longest, length) => Math.max(longest, length), 0);
  let high = lengths.reduce((sum, length) => sum + length, 0);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runsUnder(lengths, middle).length <= parts) high = middle;
    else low = middle + 1;
  }
  return runsUnder(lengths, low);
}

function runsUnder(lengths: readonly number[], most: number): number[] {
  const ends: number[] = [];
  let length = 0;
  lengths.forEach((piece, index) => {
    if (length > 0 && length + piece > most) {
      ends.push(index - 1);
      length = 0;
    }
    length += piece;
  });
  ends.push(lengths.length - 1);
  return ends;
}
