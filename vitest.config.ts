import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const alias = {
  'stormkite/testing': at('./runtime/testing.ts'),
  'stormkite/client/react': at('./runtime/client/react.ts'),
  'stormkite/client': at('./runtime/client/index.ts'),
  stormkite: at('./runtime/index.ts'),
};

/** `unit` is quick and in memory; `integration` starts real processes and writes real files. */
export default defineConfig({
  resolve: { alias },
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          sequence: { groupOrder: 1 },
          include: ['test/unit/**/*.test.ts', 'test/types/**/*.test.ts'],
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'integration',
          sequence: { groupOrder: 2 },
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/support/set-up.ts'],
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        resolve: { alias },
        test: {
          // One at a time: what an example shows depends on a processor being free for each of its processes.
          name: 'examples',
          sequence: { groupOrder: 3 },
          include: ['examples/**/*.test.ts'],
          globalSetup: ['test/support/set-up.ts'],
          pool: 'forks',
          maxWorkers: 1,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
