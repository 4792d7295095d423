/** What happened to the state, and what it was. */
import type { FastifyInstance } from 'fastify';
import { appError } from '../errors/index.ts';
import type { ChangeSource, CommittedTurn } from '../protocol/events.ts';
import type { Operation } from '../state/operation.ts';
import type { History } from './history.ts';
import { parseInput } from './query.ts';

const DEFAULT_LIMIT = 200;

/** The operations of one source, one after the other. */
export interface HistoryDelta extends Omit<ChangeSource, 'ops'> {
  readonly ops: readonly Operation[];
}

export function addHistoryRoutes(app: FastifyInstance, history: History, base: string): void {
  app.get(`${base}/history`, async (request) => {
    const query = await parseInput((shapes) => shapes.historyQuerySchema, request.query);
    const { oldest, newest } = history;
    const { limit = DEFAULT_LIMIT } = query;
    const to = Math.min(query.to ?? newest, newest);
    // Without a beginning, the latest ones.
    const from = Math.max(query.from ?? to - limit + 1, oldest + 1);
    const turns = [];
    for (let version = from; version <= to && turns.length < limit; version += 1) {
      const turn = history.turn(version);
      if (turn !== undefined) turns.push({ version, at: turn.at, deltas: deltasOf(turn) });
    }
    return { oldest, newest, turns };
  });
  app.get(`${base}/history/:version/state`, async ({ params }, reply) => {
    const { version } = await parseInput((shapes) => shapes.versionParamsSchema, params);
    const state = history.state(version);
    const { oldest, newest } = history;
    if (state === null) throw appError('SERVER_HISTORY_TRIMMED', { version, oldest, newest });
    return reply
      .header('stormkite-version', version)
      .header('cache-control', 'no-store')
      .type('application/json')
      .send(JSON.stringify(state));
  });
}

function deltasOf({ ops, sources }: CommittedTurn): HistoryDelta[] {
  let from = 0;
  return sources.map(({ ops: count, ...source }) => {
    const own = ops.slice(from, from + count);
    from += count;
    return { ...source, ops: own };
  });
}
