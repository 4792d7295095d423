import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb';
import type * as Contract from '../runtime/backends/aws/contract.ts';
import { AwsBench } from './aws-app.ts';
import type { Row } from './benchmark.ts';
import { fromDist } from './built.ts';
import { LAST } from './last-value.ts';
import { median, nowMs, percentile } from './statistics.ts';

/** us-east-1, on demand, November 2026: dollars per unit of 1 KB written, of 4 KB read, and per request for stream records. */
const DOLLARS = { writeUnit: 0.625e-6, readUnit: 0.125e-6, streamRead: 0.2e-6 };
const SAMPLES = 100;
const APART_MS = 220;
const SUSTAINED_SAMPLES = 1_500;
const SUSTAINED_APART_MS = 5;
const RATE_WRITES = 40_000;
const BARE = 50;
const BACKLOG = { works: 50, each: 200 };
const IDLE_MS = 20_000;
const HOUR_MS = 3_600_000;
/** DynamoDB takes as many in a batch. */
const BATCH = 25;

/** From a change in a work until `flow.run()` reads it, by polling; and what it costs. */
export async function awsLatency(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const pollMs of [50, 250]) {
    const apart = await ages(pollMs, SAMPLES, APART_MS);
    const sustained = await ages(pollMs, SUSTAINED_SAMPLES, SUSTAINED_APART_MS);
    const baseline = { what: 'bare PutItem', value: median(apart.bare) };
    const isBudgeted = pollMs === 50;
    rows.push(
      {
        what: `change to flow.run(), ${pollMs} ms polling, p50`,
        value: percentile(apart.ages, 0.5),
        unit: 'ms',
        baseline,
        ...(isBudgeted ? { budget: { most: 60 } } : {}),
        note: `${apart.ages.length} changes, ${APART_MS} ms apart`,
      },
      {
        what: `change to flow.run(), ${pollMs} ms polling, p99`,
        value: percentile(apart.ages, 0.99),
        unit: 'ms',
        baseline,
        ...(isBudgeted ? { budget: { most: 120 } } : {}),
      },
      {
        what: `sustained, ${pollMs} ms polling, p99`,
        value: percentile(sustained.ages, 0.99),
        unit: 'ms',
        baseline,
        ...(isBudgeted ? { budget: { most: 250 } } : {}),
        note: `a change every ${SUSTAINED_APART_MS} ms`,
      },
      {
        what: `cost of 1,000 changes, ${pollMs} ms polling`,
        value: apart.dollars * (1_000 / SAMPLES) * 1e6,
        unit: 'µ$',
        note: `${APART_MS} ms apart; ${Math.round((apart.requests * 1_000) / SAMPLES)} requests of DynamoDB, ${Math.round((apart.streamReads * 1_000) / SAMPLES)} of its stream; at ${SUSTAINED_APART_MS} ms apart ${((sustained.dollars * 1e9) / SUSTAINED_SAMPLES).toFixed(0)} µ$`,
      },
    );
  }
  return rows;
}

async function ages(pollMs: number, samples: number, everyMs: number) {
  const bench = await AwsBench.open(1);
  try {
    const bare = await bench.bare(BARE, nowMs);
    const seen: number[] = [];
    let last = 0;
    let allSeen: () => void = () => undefined;
    const done = new Promise<void>((resolve) => {
      allSeen = resolve;
    });
    const flow = await bench.flow(
      ([n = 0]) => {
        if (n === last) return;
        last = n;
        // Of several that come together the flow sees the latest.
        if (n === LAST) allSeen();
        else seen.push(nowMs() - n);
      },
      {
        channel: { pollMs, flowingPollMs: pollMs, quietPollMs: pollMs },
        launched: () => bench.write({ writes: samples, everyMs }),
      },
    );
    await done;
    const work = await bench.writerUsage();
    const { usage, streamUsage } = bench;
    const writeUnits = work.writeUnits + usage.writeUnits;
    const readUnits = work.readUnits + usage.readUnits;
    const result = {
      // The first ones find a cold client.
      ages: seen.slice(Math.min(5, seen.length >> 2)),
      bare,
      requests: work.requests + usage.requests,
      streamReads: streamUsage.requests,
      dollars:
        writeUnits * DOLLARS.writeUnit +
        readUnits * DOLLARS.readUnit +
        streamUsage.requests * DOLLARS.streamRead,
    };
    await flow.close();
    return result;
  } finally {
    await bench.close();
  }
}

/** Changes that 1, 10 and 50 works make as fast as they may, until the flow has seen the last one. */
export async function awsDeltas(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const works of [1, 10, 50]) {
    const bench = await AwsBench.open(works);
    try {
      const bare = await bench.bare(BARE, nowMs);
      const each = Math.ceil(RATE_WRITES / works);
      let startMs = 0;
      let allSeen: () => void = () => undefined;
      const done = new Promise<void>((resolve) => {
        allSeen = resolve;
      });
      const flow = await bench.flow(
        (values) => {
          const seen = values.reduce((sum, n) => sum + n, 0);
          if (seen > 0 && startMs === 0) startMs = nowMs();
          if (values.every((n) => n >= each)) allSeen();
        },
        { launched: () => bench.write({ writes: each, everyMs: 0 }) },
      );
      await done;
      const seconds = (nowMs() - startMs) / 1_000;
      const { puts } = await bench.writerUsage();
      rows.push({
        what: `sustained changes, ${works} work${works === 1 ? '' : 's'}`,
        value: (each * works) / seconds,
        unit: '/s',
        baseline: { what: 'bare PutItem, one after the other', value: 1_000 / median(bare) },
        note: `put together into ${Math.round(puts / seconds)} items a second`,
      });
      await flow.close();
    } finally {
      await bench.close();
    }
  }
  return rows;
}

/** A flow that comes back finds what 50 works wrote meanwhile; then nothing happens any more. */
export async function awsRestart(): Promise<Row[]> {
  const bench = await AwsBench.open(BACKLOG.works);
  try {
    let launched: () => void = () => undefined;
    const allLaunched = new Promise<void>((resolve) => {
      launched = resolve;
    });
    const first = await bench.flow(() => undefined, { launched });
    await allLaunched;
    await first.close();
    const startMs = nowMs();
    await queueDeltas(bench, BACKLOG.each);
    const queuedMs = nowMs() - startMs;
    const openedMs = nowMs();
    let seenMs = 0;
    let allSeen: () => void = () => undefined;
    const done = new Promise<void>((resolve) => {
      allSeen = resolve;
    });
    const second = await bench.flow((values) => {
      if (seenMs > 0 || !values.every((n) => n === BACKLOG.each)) return;
      seenMs = nowMs() - openedMs;
      allSeen();
    });
    await done;
    await second.close();
    return [
      {
        what: 'restart with 10,000 pending deltas of 50 works, until flow.run() has all',
        value: seenMs,
        unit: 'ms',
        baseline: { what: 'writing them, in batches of 25', value: queuedMs },
      },
      await idleRow(),
    ];
  } finally {
    await bench.close();
  }
}

/** An app in which no work runs. */
async function idleRow(): Promise<Row> {
  const bench = await AwsBench.open(0);
  try {
    const flow = await bench.flow(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS / 4));
    const before = { ...bench.usage };
    const streamsBefore = bench.streamUsage.requests;
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    const writes = bench.usage.writeUnits - before.writeUnits;
    const reads = bench.usage.readUnits - before.readUnits;
    const requests = bench.usage.requests - before.requests;
    await flow.close();
    const perHour = HOUR_MS / IDLE_MS;
    return {
      what: 'an idle app, requests of DynamoDB an hour',
      value: requests * perHour,
      unit: '/h',
      budget: { most: 900 },
      baseline: { what: 'renewals of a lease, every 5 s', value: HOUR_MS / 5_000 },
      note: `$${((writes * DOLLARS.writeUnit + reads * DOLLARS.readUnit) * perHour * 730).toFixed(2)} a month; of the stream ${bench.streamUsage.requests - streamsBefore}`,
    };
  } finally {
    await bench.close();
  }
}

/** Writes deltas as works do while no flow is there: `n` counts up to `each`. */
export async function queueDeltas(bench: AwsBench, each: number): Promise<void> {
  const { deltaSortKey } = await fromDist<typeof Contract>('runtime/backends/aws/contract');
  const items = bench.works.flatMap(({ key }) =>
    Array.from({ length: each }, (_, i) => ({
      pk: { S: key },
      sk: { S: deltaSortKey(i + 1) },
      e: { N: '1' },
      t: { N: '0' },
      id: { S: `${key}-${i}` },
      v: { S: `{"ops":[{"op":"replace","path":"/vars/n","value":${i + 1}}]}` },
    })),
  );
  const { deltas } = bench.tables;
  for (let from = 0; from < items.length; from += BATCH * 4) {
    const parts = Array.from({ length: 4 }, (_, i) =>
      items.slice(from + i * BATCH, from + (i + 1) * BATCH),
    ).filter((part) => part.length > 0);
    await Promise.all(
      parts.map((part) =>
        bench.client.send(
          new BatchWriteItemCommand({
            RequestItems: { [deltas]: part.map((Item) => ({ PutRequest: { Item } })) },
          }),
        ),
      ),
    );
  }
}
