import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';
import { renderErrorsPage } from '../../../docs/generate-errors.ts';
import { registry } from '../../../runtime/errors/index.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

function textOf(folders: readonly string[], keep: (path: string) => boolean): string {
  return folders
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true }).map((name) =>
        join(ROOT, folder, String(name)),
      ),
    )
    .filter((path) => path.endsWith('.ts') && keep(path))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}

describe('the registry of errors', () => {
  const codes = Object.keys(registry);
  const sources = textOf(['runtime', 'cli', 'infra'], (path) => !path.includes('/errors/codes/'));
  const tests = textOf(['test', 'examples'], (path) => !path.endsWith('registry.test.ts'));

  test('docs/errors.md is what the registry says', ({ expect }) => {
    expect(readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')).toBe(renderErrorsPage());
  });

  test.for(codes)('%s is raised in the source', (code, { expect }) => {
    expect(sources.includes(`'${code}'`)).toBe(true);
  });

  test.for(codes)('%s is asserted in a test', (code, { expect }) => {
    expect(tests.includes(code)).toBe(true);
  });
});
