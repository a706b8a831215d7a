/** What is taken of recorded audio, wherever it comes from. */

/** Largest recording by URL or upload, in bytes. A model may take less. */
export const RECORDING_BYTES_MAX = 100 * 1_048_576;
/** Largest recording inside a request, in bytes once decoded: with base64's third on top it fits a request's body. */
export const BASE64_BYTES_MAX = 6 * 1_048_576;
/** Longest recording, in seconds. A model may take less. */
export const RECORDING_SECONDS_MAX = 4 * 3_600;

/** How long a URL is waited for: until its headers, between two pieces, and in all. Milliseconds. */
export const FETCH_HEADERS_MS = 15_000;
export const FETCH_IDLE_MS = 10_000;
export const FETCH_TOTAL_MS = 120_000;
