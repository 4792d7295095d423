// Builds dist/ with the TypeScript compiler; skips when nothing changed since the last build.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  readdirSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';

const STAMP = 'dist/.build';
const SOURCES = ['runtime', 'cli', 'infra'];
const CONFIGS = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'build.mjs',
];

function sourceHash() {
  const hash = createHash('sha256');
  const files = SOURCES.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder, { recursive: true })
      .map((name) => join(folder, String(name)))
      .filter((name) => /\.(ts|json)$/.test(name)),
  );
  for (const file of [...files.toSorted(), ...CONFIGS])
    hash.update(file).update(readFileSync(file));
  return hash.digest('hex');
}

const hash = sourceHash();
if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== hash) {
  // Built aside and swapped in, so that whoever runs from dist/ meanwhile is not left without it.
  const fresh = `dist.${process.pid}`;
  const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', fresh];
  execFileSync(process.execPath, tsc, { stdio: 'inherit' });
  chmodSync(join(fresh, 'cli/main.js'), 0o755);
  writeFileSync(join(fresh, '.build'), hash);
  if (existsSync('dist')) renameSync('dist', `${fresh}.old`);
  renameSync(fresh, 'dist');
  rmSync(`${fresh}.old`, { recursive: true, force: true });
}
