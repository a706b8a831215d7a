import type { Redis } from 'ioredis';
import {
  decision,
  type LimitedRequest,
  limitedRequests,
  NOTHING_LIMITED,
  type RequestWindows,
  reading,
  type WindowDecision,
  type WindowRequest,
  type WindowState,
  windowsUnavailable,
} from './request-windows';

/** One hash tag for all, so that the keys of a document lie on one slot of a cluster. */
const PREFIX = '{polyphony:windows}:';
const COMMAND = 'polyphonyAdmitWindows';

/**
 * KEYS: the windows. ARGV: cost, limit of each. Answer: admitted (0 or 1), now in ms, then used of each.
 *
 * A window is a hash of its minute and what was used in it. It counts on from a minute that lies ahead (a replica with
 * a slower clock took over), and its expiry, two minutes after its last count, ends even that.
 */
const SCRIPT = `
local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local thisMinute = math.floor(nowMs / 60000)
local minutes, used = {}, {}
local admitted = 1
for n = 1, #KEYS do
  local window = redis.call('HMGET', KEYS[n], 'minute', 'used')
  minutes[n], used[n] = thisMinute, 0
  if window[1] and tonumber(window[1]) >= thisMinute then
    minutes[n], used[n] = tonumber(window[1]), tonumber(window[2])
  end
  local cost, limit = tonumber(ARGV[2 * n - 1]), tonumber(ARGV[2 * n])
  if cost > 0 and used[n] + cost > limit then admitted = 0 end
end
local answer = { admitted, nowMs }
for n = 1, #KEYS do
  local cost = tonumber(ARGV[2 * n - 1])
  if admitted == 1 and cost > 0 then
    used[n] = used[n] + cost
    redis.call('HSET', KEYS[n], 'minute', string.format('%d', minutes[n]), 'used', string.format('%d', used[n]))
    redis.call('PEXPIRE', KEYS[n], 120000)
  end
  answer[n + 2] = used[n]
end
return answer
`;

type Run = (numberOfKeys: number, ...keysAndArguments: (string | number)[]) => Promise<number[]>;

/** Windows in Redis or Valkey, counted by one script, by the server's time. */
export class RedisWindows implements RequestWindows {
  private readonly run: Run;

  /** @param client that fails at once while it is not connected and never sends a command twice (createRedisClient). */
  constructor(client: Redis) {
    client.defineCommand(COMMAND, { lua: SCRIPT });
    const commands = client as unknown as Record<typeof COMMAND, Run>;
    this.run = (...given) => commands[COMMAND](...given);
  }

  async admit(requests: readonly WindowRequest[]): Promise<WindowDecision> {
    const limited = limitedRequests(requests);
    if (limited.length === 0) return NOTHING_LIMITED;
    const [admitted, nowMs, ...used] = await this.count(limited);
    return decision(limited, admitted === 1, used, nowMs!);
  }

  async peek(windows: readonly Omit<WindowRequest, 'cost'>[]): Promise<readonly WindowState[]> {
    return (await this.admit(reading(windows))).windows;
  }

  private async count(limited: readonly LimitedRequest[]): Promise<number[]> {
    const keys = limited.map(({ key }) => PREFIX + key);
    const counts = limited.flatMap(({ cost, limit }) => [cost, limit]);
    try {
      return await this.run(keys.length, ...keys, ...counts);
    } catch (error) {
      throw windowsUnavailable(error);
    }
  }
}
