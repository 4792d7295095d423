import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** The fault campaigns, each three times: `npm run test:faults`. */
export default defineConfig({
  resolve: base.resolve ?? {},
  test: {
    include: ['test/faults/**/*.test.ts'],
    globalSetup: ['test/support/set-up.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 300_000,
  },
});
