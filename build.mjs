// Builds dist/ with the TypeScript compiler, what containers run with esbuild, and the dashboard with Vite; skips when nothing changed
// since the last build.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  readdirSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { build as buildPage } from 'vite';
import { buildContainerRuntime } from './build-container.mjs';

const STAMP = 'dist/.build';
const UI_STAMP = 'dist/ui/.build';
const SOURCES = ['runtime', 'cli', 'infra'];
const CONFIGS = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'build.mjs',
  'build-container.mjs',
];

function sourceHash() {
  return hashOf([...filesBelow(SOURCES, /\.(ts|json|py)$/), ...CONFIGS]);
}

function filesBelow(folders, pattern) {
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update(readFileSync(file));
  return hash.digest('hex');
}

/** Clients that need no package manager: one file for web pages, one for Python. */
async function buildClients(folder) {
  await build({
    entryPoints: [join(folder, 'runtime/client/index.js')],
    outfile: join(folder, 'client.js'),
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [{ name: 'codes-of-clients', setup: leaveOutOtherCodes }],
  });
  mkdirSync(join(folder, 'client'), { recursive: true });
  copyFileSync('runtime/client/python/stormkite.py', join(folder, 'client/stormkite.py'));
}

/** Errors that a page can neither raise nor receive would be most of its code. */
function leaveOutOtherCodes({ onLoad }) {
  const kept = new Set(['client.js', 'server.js', 'state.js', 'app.js']);
  onLoad({ filter: /[\\/]errors[\\/]codes[\\/][\w-]+\.js$/ }, ({ path }) => {
    if (kept.has(basename(path))) return undefined;
    const names = [...readFileSync(path, 'utf8').matchAll(/^export const (\w+)/gm)];
    return { contents: names.map(([, name]) => `export const ${name} = {};`).join('\n') };
  });
}

/** The dashboard: taken from the last build when its sources are the same. */
async function buildDashboard(folder) {
  const target = join(folder, 'ui');
  const hash = hashOf([...filesBelow(['ui'], /./), 'package-lock.json', 'tsconfig.json']);
  if (existsSync(UI_STAMP) && readFileSync(UI_STAMP, 'utf8') === hash) {
    if (folder !== 'dist') cpSync('dist/ui', target, { recursive: true });
    return;
  }
  const fresh = `${folder}/ui.${process.pid}`;
  await buildPage({
    configFile: 'ui/vite.config.ts',
    logLevel: 'warn',
    build: { outDir: resolve(fresh) },
  });
  writeFileSync(join(fresh, '.build'), hash);
  rmSync(target, { recursive: true, force: true });
  renameSync(fresh, target);
}

/** What builds that were interrupted have left. */
function removeLeftovers() {
  for (const name of readdirSync('.')) {
    const [, pid] = /^dist\.(\d+)(?:\.old)?$/.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(name, { recursive: true, force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

removeLeftovers();
const hash = sourceHash();
if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== hash) {
  // Built aside and swapped in, so that whoever runs from dist/ meanwhile is not left without it.
  const fresh = `dist.${process.pid}`;
  const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', fresh];
  execFileSync(process.execPath, tsc, { stdio: 'inherit' });
  chmodSync(join(fresh, 'cli/main.js'), 0o755);
  await buildClients(fresh);
  await buildContainerRuntime(fresh);
  await buildDashboard(fresh);
  writeFileSync(join(fresh, '.build'), hash);
  if (existsSync('dist')) renameSync('dist', `${fresh}.old`);
  renameSync(fresh, 'dist');
  rmSync(`${fresh}.old`, { recursive: true, force: true });
} else await buildDashboard('dist');
