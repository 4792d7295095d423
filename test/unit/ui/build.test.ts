import { resolveConfig } from 'vite';
import { test } from 'vitest';

test('the dashboard is built for those who use it, whatever started the build', async ({
  expect,
  onTestFinished,
}) => {
  const before = process.env['NODE_ENV'];
  onTestFinished(() => {
    process.env['NODE_ENV'] = before;
  });
  expect(before).toBe('test');
  const { isProduction } = await resolveConfig({ configFile: 'ui/vite.config.ts' }, 'build');
  expect(isProduction).toBe(true);
});
