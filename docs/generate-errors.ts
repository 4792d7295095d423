/** Writes `docs/errors.md` from the registry; with `--check` fails when the file differs. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { registry } from '../runtime/errors/index.ts';

const FILE = fileURLToPath(new URL('errors.md', import.meta.url));

const EXIT: Readonly<Record<string, string>> = {
  user: 'yours to mend (exit code 2, or 1 when the running app raised it)',
  environment: 'the environment (exit code 3)',
  bug: 'ours: please report it (exit code 70)',
};

/** The page: one section per code, in alphabetical order. */
export function renderErrorsPage(): string {
  const sections = Object.entries(registry)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, spec]) => {
      const again = 'retryable' in spec && spec.retryable ? ' Trying again may succeed.' : '';
      return `## ${code}\n\n${spec.summary}${again}\n\nWhose: ${EXIT[spec.kind] ?? spec.kind}.\n`;
    });
  return [
    '# Errors\n',
    'Every error has a code that never changes, a message, and a hint. Generated from `runtime/errors/`; do not edit.\n',
    ...sections,
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const page = renderErrorsPage();
  if (!process.argv.includes('--check')) writeFileSync(FILE, page);
  else if (readFileSync(FILE, 'utf8') !== page) {
    console.error('docs/errors.md is out of date: run `npm run docs:errors`');
    process.exitCode = 1;
  }
}
