import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { AppError } from '../../../src/lib/errors';
import { type ProbedRecording, probeRecording } from '../../../src/recordings/probe/probe-recording';

/** A folder for the time of a test file. */
export function scratchFolder(): { readonly path: string; remove(): void } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'polyphony-recordings-'));
  return { path: folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** What the probe says of these bytes: the recording, or the refusal. */
export async function probed(folder: string, bytes: Uint8Array): Promise<ProbedRecording | AppError> {
  const file = path.join(folder, 'probed');
  writeFileSync(file, bytes);
  return probeRecording(file).catch((error: AppError) => error);
}
