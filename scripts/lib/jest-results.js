/** Tests say in their name why they are skipped: "... (skipped: TEST_REDIS_URL is not set)". */
const REASON = /\(skipped:?\s+([^)]+)\)/i;
const NO_REASON = 'no reason given';
const NOT_RUN = new Set(['pending', 'todo', 'skipped', 'disabled']);

/**
 * Counts out of jest's JSON, and the names of the tests that did not run, by the reason that they give. A file that
 * could not be run at all counts as one failure.
 */
function summarize(json) {
  const skipped = new Map();
  for (const { assertionResults } of json.testResults) {
    for (const { ancestorTitles, title, status } of assertionResults) {
      if (!NOT_RUN.has(status)) continue;
      const name = [...ancestorTitles, title].join(' > ');
      const reason = REASON.exec(name)?.[1] ?? NO_REASON;
      skipped.set(reason, [...(skipped.get(reason) ?? []), name.replace(REASON, '').replace(/\s+/g, ' ').trim()]);
    }
  }
  return {
    passed: json.numPassedTests,
    failed: json.numFailedTests + json.numRuntimeErrorTestSuites,
    skipped: [...skipped.values()].reduce((sum, names) => sum + names.length, 0),
    reasons: Object.fromEntries(skipped),
  };
}

module.exports = { summarize };
