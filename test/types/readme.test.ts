import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Below the project, so that packages are found. */
const SCRATCH = join(ROOT, 'node_modules', '.cache');
const FENCE = /```ts\n([\s\S]*?)```/g;

/** Every TypeScript block of the documents, and every `@example` of the sources. */
function snippets(): { name: string; text: string }[] {
  const documents = [
    'README.md',
    ...filesBelow('docs', '.md'),
    ...filesBelow('examples', '.md'),
    ...filesBelow('runtime', '.ts'),
    ...filesBelow('infra', '.ts'),
  ];
  return documents.flatMap((file) => {
    const content = readFileSync(join(ROOT, file), 'utf8');
    const plain = file.endsWith('.ts') ? content.replaceAll(/^ *\* ?/gm, '') : content;
    return [...plain.matchAll(FENCE)].map((match, index) => ({
      name: `${file.replaceAll(/[^a-z0-9]+/gi, '-')}-${index}.ts`,
      text: match[1] ?? '',
    }));
  });
}

function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((name) => name.endsWith(ending));
}

describe('the code in README, docs and docstrings', () => {
  test('compiles under our strict settings', ({ expect }) => {
    mkdirSync(SCRATCH, { recursive: true });
    const folder = mkdtempSync(join(SCRATCH, 'snippets-'));
    try {
      const found = snippets();
      expect(found.length).toBeGreaterThan(10);
      for (const { name, text } of found)
        writeFileSync(join(folder, name), `${text}\nexport {};\n`);
      const up = relative(folder, ROOT);
      const config = {
        extends: join(up, 'tsconfig.json'),
        compilerOptions: {
          paths: {
            stormkite: [join(up, 'runtime/index.ts')],
            'stormkite/client': [join(up, 'runtime/client/index.ts')],
            'stormkite/client/react': [join(up, 'runtime/client/react.ts')],
            'stormkite/infra': [join(up, 'infra/index.ts')],
            'stormkite/testing': [join(up, 'runtime/testing.ts')],
          },
          noUnusedLocals: false,
          lib: ['ES2023', 'DOM'],
        },
        include: ['*.ts'],
      };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      const run = (): string => {
        try {
          return execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
        } catch (error) {
          return String((error as { stdout?: unknown }).stdout);
        }
      };
      expect(run()).toBe('');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 120_000);

  test('has links that lead somewhere', ({ expect }) => {
    const documents = [
      'README.md',
      'ARCHITECTURE.md',
      'CONTRIBUTING.md',
      ...filesBelow('docs', '.md'),
    ];
    const broken = [...documents, ...filesBelow('examples', '.md')].flatMap((file) => {
      const content = readFileSync(join(ROOT, file), 'utf8');
      return [...content.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
        .map(([, target = '']) => target)
        .filter(
          (target) => !target.includes('://') && !existsSync(join(ROOT, dirname(file), target)),
        )
        .map((target) => `${file}: ${target}`);
    });
    expect(broken).toEqual([]);
  });
});
