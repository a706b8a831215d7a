import type { Database } from '../db/database';

/** Before anything was heard: 14 characters a second, the pace of unhurried English. */
const FIRST_GUESS_MS_PER_CHARACTER = 1000 / 14;
/** Weight of a new speech: what was learnt fades over some twenty of them. */
const WEIGHT = 0.05;
const FLUSH_MS = 5_000;
const VOICES_MAX = 20_000;

interface Pace {
  millisecondsPerCharacter: number;
  samples: number;
  changed: boolean;
}

export interface PaceKey {
  readonly provider: string;
  readonly model: string;
  readonly voice: string;
  readonly speed: number;
}

/**
 * How fast each provider, model and voice speaks at each speed, learnt from what was really made. Estimates read it
 * from memory; changes reach the database in the background, as a crash costs an estimate and nothing else.
 */
export class SpeechPaces {
  private readonly paces = new Map<string, Pace & PaceKey>();
  private flushing: NodeJS.Timeout | null = null;

  constructor(
    private readonly database: Database,
    private readonly onError: (error: unknown) => void,
  ) {}

  async load(): Promise<void> {
    const { rows } = await this.database.query<{
      provider: string;
      model: string;
      voice: string;
      speed: string;
      milliseconds_per_character: number;
      samples: string;
    }>('SELECT * FROM speech_paces ORDER BY updated_at DESC LIMIT $1', [VOICES_MAX]);
    for (const row of rows) {
      const key = { provider: row.provider, model: row.model, voice: row.voice, speed: Number(row.speed) };
      this.paces.set(nameOf(key), {
        ...key,
        millisecondsPerCharacter: row.milliseconds_per_character,
        samples: Number(row.samples),
        changed: false,
      });
    }
  }

  /** Expected milliseconds of a text of so many characters. */
  expect(key: PaceKey, characters: number): number {
    const known = this.paces.get(nameOf(key)) ?? this.paces.get(nameOf({ ...key, speed: 1 }));
    const atSpeed =
      known && known.speed !== roundSpeed(key.speed)
        ? known.millisecondsPerCharacter / key.speed
        : known?.millisecondsPerCharacter;
    return Math.round(characters * (atSpeed ?? FIRST_GUESS_MS_PER_CHARACTER / key.speed));
  }

  learn(key: PaceKey, characters: number, milliseconds: number): void {
    if (characters <= 0 || milliseconds <= 0) return;
    const name = nameOf(key);
    const measured = milliseconds / characters;
    const known = this.paces.get(name);
    if (known) {
      // A longer text says more: 100 characters count in full.
      const weight = Math.max(WEIGHT, 1 / (known.samples + 1)) * Math.min(1, characters / 100);
      known.millisecondsPerCharacter += (measured - known.millisecondsPerCharacter) * weight;
      known.samples += 1;
      known.changed = true;
    } else if (this.paces.size < VOICES_MAX) {
      this.paces.set(name, {
        ...key,
        speed: roundSpeed(key.speed),
        millisecondsPerCharacter: measured,
        samples: 1,
        changed: true,
      });
    }
    this.flushing ??= setTimeout(() => void this.flush(), FLUSH_MS).unref();
  }

  async flush(): Promise<void> {
    if (this.flushing) clearTimeout(this.flushing);
    this.flushing = null;
    const changed = [...this.paces.values()].filter((pace) => pace.changed);
    if (changed.length === 0) return;
    for (const pace of changed) pace.changed = false;
    try {
      await this.database.query(
        `INSERT INTO speech_paces SELECT p.provider, p.model, p.voice, p.speed, p.pace, p.samples, ledger_now()
         FROM jsonb_to_recordset($1::jsonb) AS p (provider text, model text, voice text, speed numeric, pace double precision,
           samples bigint)
         ON CONFLICT (provider, model, voice, speed) DO UPDATE SET updated_at = excluded.updated_at,
           milliseconds_per_character = excluded.milliseconds_per_character, samples = excluded.samples`,
        [JSON.stringify(changed.map((pace) => ({ ...pace, pace: pace.millisecondsPerCharacter })))],
      );
    } catch (error) {
      this.onError(error);
    }
  }
}

const roundSpeed = (speed: number): number => Math.round(speed * 100) / 100;
const nameOf = (key: PaceKey): string => `${key.provider}\n${key.model}\n${key.voice}\n${roundSpeed(key.speed)}`;
