import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const alias = {
  'stormkite/testing': at('./runtime/testing.ts'),
  'stormkite/client': at('./runtime/client/index.ts'),
  stormkite: at('./runtime/index.ts'),
};

export default defineConfig({
  resolve: { alias },
  test: {
    name: 'aws',
    include: ['test/aws/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
