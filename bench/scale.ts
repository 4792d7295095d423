import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from './benchmark.ts';
import { openMemoryApp, turnMs } from './memory-app.ts';
import { median } from './statistics.ts';

const SIZES = [1, 100, 1_000];
const TURNS = 500;
const ROUNDS = 3;
/** Longer than turns are held back to be committed together. */
const COMMIT_MS = 200;

/** How sizes and times grow with the tree. */
export async function scale(): Promise<Row[]> {
  // So that the first size does not pay for what is compiled once.
  await measure(Math.max(...SIZES));
  const rows: Row[] = [];
  for (const size of SIZES) {
    const rounds: Measured[] = [];
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measure(size));
    const of = (key: keyof Measured): number => median(rounds.map((each) => each[key]));
    const works = `${size.toLocaleString('en')} ${size === 1 ? 'work' : 'works'}`;
    rows.push(
      { what: `state document, ${works}`, value: of('documentKb'), unit: 'kB' },
      { what: `commit of one change, ${works}`, value: of('commitKb'), unit: 'kB' },
      { what: `one turn, ${works}`, value: of('turnMs'), unit: 'ms' },
      { what: `opening the app to its first turn, ${works}`, value: of('openedMs'), unit: 'ms' },
    );
  }
  return rows;
}

interface Measured {
  readonly documentKb: number;
  readonly commitKb: number;
  readonly turnMs: number;
  readonly openedMs: number;
}

async function measure(size: number): Promise<Measured> {
  const app = await openMemoryApp(size, 'one');
  try {
    await turnMs(app, TURNS);
    const measured = await turnMs(app, TURNS);
    await sleep(COMMIT_MS);
    await app.turn();
    await sleep(COMMIT_MS);
    return {
      documentKb: kilobytes(app.loop.document()),
      commitKb: kilobytes(app.committed.turn),
      turnMs: measured,
      openedMs: app.openedMs,
    };
  } finally {
    await app.close();
  }
}

function kilobytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value)) / 1_000;
}
