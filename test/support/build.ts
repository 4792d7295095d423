import { execFileSync } from 'node:child_process';

/** Vitest's global set-up: tests that start the built CLI start the current one. */
export default function build(): void {
  execFileSync(process.execPath, ['build.mjs'], { stdio: 'inherit' });
}
