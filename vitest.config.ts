import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const alias = {
  'stormkite/testing': at('./runtime/testing.ts'),
  'stormkite/client/react': at('./runtime/client/react.ts'),
  'stormkite/client': at('./runtime/client/index.ts'),
  'stormkite/infra': at('./infra/index.ts'),
  stormkite: at('./runtime/index.ts'),
};

/** Real processes, files and sockets: in processes of their own, after everything that is quick. */
function slow(
  name: string,
  include: readonly string[],
  groupOrder: number,
  maxWorkers: number,
  timeoutMs = 60_000,
) {
  return {
    resolve: { alias },
    test: {
      name,
      sequence: { groupOrder },
      include: [...include],
      globalSetup: ['test/support/set-up.ts'],
      pool: 'forks' as const,
      maxWorkers,
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      // Once more, when a machine with a dozen busy processes got in the way; `flaky-reporter.ts` names who needed it.
      retry: 1,
    },
  };
}

/** `unit` is quick and in memory; the others in the order in which a failure of one makes those after it pointless. */
export default defineConfig({
  resolve: { alias },
  test: {
    reporters: ['./test/support/flaky-reporter.ts', 'default'],
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          sequence: { groupOrder: 1 },
          include: ['test/unit/**/*.test.ts', 'test/types/**/*.test.ts'],
          // For what hangs: on a busy machine thousands of random cases take a while.
          testTimeout: 60_000,
        },
      },
      slow('integration', ['test/integration/**/*.test.ts'], 2, 2),
      // One at a time: what an example shows depends on a processor being free for each of its processes.
      slow('examples', ['examples/**/*.test.ts'], 3, 1),
      slow('aws', ['test/aws/**/*.test.ts'], 4, 2),
      // The first stack of a file packs the app, and builds its template, in the middle of everything else.
      slow('infra', ['test/infra/**/*.test.ts'], 5, 2, 300_000),
      // Its cases are concurrent in each file.
      slow('conformance', ['test/conformance/**/*.test.ts'], 6, 1),
      slow('e2e', ['test/e2e/**/*.test.ts'], 7, 1),
    ],
  },
});
