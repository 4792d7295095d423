import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** Rounds of the campaigns on the emulated AWS; those on this machine count their own. */
const ROUNDS = [1, 2, 3];

function campaign(name: string, include: readonly string[], groupOrder: number) {
  return {
    resolve: base.resolve ?? {},
    test: {
      name,
      include: [...include],
      sequence: { groupOrder },
      globalSetup: ['test/support/set-up.ts'],
      pool: 'forks' as const,
      maxWorkers: 2,
      testTimeout: 300_000,
      hookTimeout: 300_000,
    },
  };
}

/** The fault campaigns, each three times: `npm run test:faults`. */
export default defineConfig({
  test: {
    projects: [
      campaign('local', ['test/faults/*.test.ts'], 1),
      ...ROUNDS.map((round) =>
        campaign(`aws, round ${round}`, ['test/faults/aws/**/*.test.ts'], 1 + round),
      ),
    ],
  },
});
