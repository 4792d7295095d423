import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Row } from './benchmark.ts';
import { openSocketApp, SOCKETS, spawnWriters } from './socket-app.ts';
import { median, nowMs } from './statistics.ts';

const ROUNDS = 5;
const DELTAS_EACH = 40_000;
const TOTAL = SOCKETS * DELTAS_EACH;
const LEAST_PER_SECOND = 100_000;
const LINE_END = 0x0a;

/** Deltas over ten sockets that are stored, acknowledged, applied and seen by one flow. */
export async function deltas(): Promise<Row[]> {
  const bare: number[] = [];
  const rates: number[] = [];
  const turns: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    bare.push(await bareRate());
    const measured = await flowRate();
    rates.push(measured.rate);
    turns.push(measured.turns);
  }
  return [
    {
      what: 'deltas durable, applied and seen',
      value: median(rates),
      unit: '/s',
      budget: { least: LEAST_PER_SECOND },
      baseline: { what: 'parsed and acknowledged only', value: median(bare) },
      note: `rounds ${rates.map((rate) => `${Math.round(rate / 1_000)}k`).join(' ')} in ${median(turns)} turns`,
    },
  ];
}

async function flowRate(): Promise<{ rate: number; turns: number }> {
  let startMs = 0;
  const app = await openSocketApp(DELTAS_EACH, (seen) => {
    if (seen > 0 && startMs === 0) startMs = nowMs();
  });
  await app.allSeen;
  const rate = TOTAL / ((nowMs() - startMs) / 1_000);
  const { turns } = app;
  await app.close();
  return { rate, turns };
}

/** The same writers against a server that parses each delta and acknowledges it at once. */
async function bareRate(): Promise<number> {
  const path = join(tmpdir(), 'bare');
  let startMs = 0;
  let left = SOCKETS;
  let allTaken: () => void = () => undefined;
  const taken = new Promise<void>((resolve) => {
    allTaken = resolve;
  });
  const server = createServer((socket: Socket) => {
    let rest: Buffer = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      const all = Buffer.concat([rest, chunk]);
      const end = all.lastIndexOf(LINE_END);
      rest = all.subarray(end + 1);
      const messages = all.toString('utf8', 0, Math.max(0, end)).split('\n').filter(Boolean);
      const seqs = messages.map((text) => (JSON.parse(text) as { seq?: number }).seq);
      const last = seqs.at(-1);
      socket.write(last === undefined ? '{"type":"assign"}\n' : `{"type":"ack","seq":${last}}\n`);
      if (last !== undefined && startMs === 0) startMs = nowMs();
      if (last === DELTAS_EACH && (left -= 1) === 0) allTaken();
    });
  }).listen(path);
  await once(server, 'listening');
  const child = spawnWriters(
    path,
    Array.from({ length: SOCKETS }, (_, i) => `slot${i}`),
    DELTAS_EACH,
  );
  await taken;
  const rate = TOTAL / ((nowMs() - startMs) / 1_000);
  const gone = once(child, 'exit');
  child.kill();
  await gone;
  server.close();
  return rate;
}
