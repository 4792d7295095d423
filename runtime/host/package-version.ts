import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** From source and from `dist`. */
const CANDIDATES = ['../../package.json', '../../../package.json'];

/** Version of the running package. */
export function stormkiteVersion(): string {
  for (const candidate of CANDIDATES) {
    try {
      const text = readFileSync(fileURLToPath(new URL(candidate, import.meta.url)), 'utf8');
      const { name, version } = JSON.parse(text) as { name?: unknown; version?: unknown };
      if (name === 'stormkite' && typeof version === 'string') return version;
    } catch {
      // Not there: the other one is.
    }
  }
  return '0.0.0';
}
