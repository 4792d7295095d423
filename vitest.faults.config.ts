import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** Rounds of the campaigns on the emulated AWS; those on this machine count their own. */
const ROUNDS = [1, 2, 3];

function campaign(
  name: string,
  include: readonly string[],
  groupOrder: number,
  limits: { readonly maxWorkers: number; readonly maxConcurrency?: number },
) {
  return {
    resolve: base.resolve ?? {},
    test: {
      name,
      include: [...include],
      sequence: { groupOrder },
      globalSetup: ['test/support/set-up.ts'],
      pool: 'forks' as const,
      testTimeout: 300_000,
      hookTimeout: 300_000,
      ...limits,
    },
  };
}

/** The fault campaigns, each three times: `npm run test:faults`. */
export default defineConfig({
  test: {
    projects: [
      campaign('local', ['test/faults/*.test.ts'], 1, { maxWorkers: 2 }),
      // One file after the other: each runs several apps at once, of several processes.
      ...ROUNDS.map((round) =>
        campaign(`aws, round ${round}`, ['test/faults/aws/**/*.test.ts'], 1 + round, {
          maxWorkers: 1,
          maxConcurrency: 6,
        }),
      ),
    ],
  },
});
