import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { ChatAdapter } from '../contract/llm';
import type { ProviderDeclaration } from '../contract/provider';
import type { TranscriptionAdapter } from '../contract/stt';
import type { SpeechAdapter } from '../contract/tts';
import { ADAPTER_CAPABILITIES, type AdapterCapability, adapterFaults } from './check-adapter';

/** Adapters from outside this repository. */
export interface ModuleAdapters {
  readonly speech: readonly SpeechAdapter[];
  readonly transcription: readonly TranscriptionAdapter[];
  readonly chat: readonly ChatAdapter[];
}

/** Thrown with the faults of all modules at once; each begins with PROVIDER_MODULES and names the path. */
export class ProviderModulesError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(faults.join('\n'));
    this.name = 'ProviderModulesError';
  }
}

const EXPORTS =
  'Export "speech", "transcription" or "chat", each an adapter or a list of them (docs/adapters.md shows one)';

/** The settings <ID>_API_KEY and <ID>_BASE_URL of these are the platform's own. */
const RESERVED_IDS: ReadonlySet<string> = new Set(['bootstrap', 'stripe']);

/**
 * Loads CommonJS and ES modules by their absolute paths and checks what they export: `speech`, `transcription` and `chat`, by
 * name or in a default export, each an adapter or a list of adapters. The id of an adapter of ours is a replacement; one that
 * two modules share is a fault. @throws ProviderModulesError
 */
export function loadProviderModules(paths: readonly string[]): ModuleAdapters {
  const adapters: Record<AdapterCapability, ProviderDeclaration[]> = { speech: [], transcription: [], chat: [] };
  const faults: string[] = [];
  const owners = new Map<string, string>();
  for (const path of paths) {
    const fault = (what: string): void => {
      faults.push(`PROVIDER_MODULES: ${path} ${what}.`);
    };
    const exported = load(path, fault);
    if (exported === null) continue;
    for (const capability of ADAPTER_CAPABILITIES) {
      for (const adapter of listOf(exported[capability])) {
        const found = adapterFaults(capability, adapter);
        const id = (adapter as ProviderDeclaration | null)?.provider;
        const name = `exports a ${capability} adapter${typeof id === 'string' ? ` "${id}"` : ''}`;
        if (found.length > 0) {
          fault(`${name} with ${found.length === 1 ? 'a fault' : `${found.length} faults`}: ${found.join('; ')}`);
        }
        if (found.length > 0 || id === undefined) continue;
        const owner = owners.get(`${capability}/${id}`);
        if (RESERVED_IDS.has(id)) fault(`${name}, an id that is not free; choose another`);
        else if (owner !== undefined)
          fault(`${name}, and so does ${owner}; leave one of them out, or rename its provider`);
        owners.set(`${capability}/${id}`, path);
        adapters[capability].push(adapter as ProviderDeclaration);
      }
    }
  }
  if (faults.length > 0) throw new ProviderModulesError(faults);
  return adapters as unknown as ModuleAdapters;
}

/** Own keys are told apart by their header alone: two providers with one header would get each other's. @throws ProviderModulesError */
export function refuseSharedKeyHeaders(declarations: Iterable<ProviderDeclaration>): void {
  const owners = new Map<string, string>();
  for (const { provider, keyHeader } of declarations) {
    if (keyHeader === null) continue;
    const owner = owners.get(keyHeader.toLowerCase()) ?? provider;
    if (owner !== provider) {
      throw new ProviderModulesError([
        `PROVIDER_MODULES: the providers "${owner}" and "${provider}" have the same keyHeader, ${keyHeader}; give one of them another.`,
      ]);
    }
    owners.set(keyHeader.toLowerCase(), provider);
  }
}

type Exported = Partial<Record<AdapterCapability, unknown>>;

/** What a module exports for us; null where there is nothing of it, which has been told. */
function load(path: string, fault: (what: string) => void): Exported | null {
  if (!existsSync(path) || !statSync(path).isFile()) {
    fault('is not a file. Name the file of a module, its ending included');
    return null;
  }
  let loaded: unknown;
  try {
    // ES modules too: Node 20.19 and later load them this way, unless they wait at their top level.
    loaded = createRequire(path)(path);
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    fault(
      code === 'ERR_REQUIRE_ASYNC_MODULE'
        ? 'uses await at its top level, which cannot be loaded. Move it into a function'
        : `could not be loaded: ${firstLine(message ?? String(error))}. Mend the module, or leave it out`,
    );
    return null;
  }
  const exported = objectOf(objectOf(loaded)?.default) ?? objectOf(loaded);
  if (exported === null || ADAPTER_CAPABILITIES.every((capability) => listOf(exported[capability]).length === 0)) {
    fault(`exports no adapter. ${EXPORTS}`);
    return null;
  }
  return exported;
}

function objectOf(value: unknown): (Exported & { readonly default?: unknown }) | null {
  return typeof value === 'object' && value !== null ? value : null;
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

const firstLine = (message: string): string => message.split('\n', 1)[0]!.replace(/[.\s]+$/, '');
