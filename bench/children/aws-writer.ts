/**
 * Works without user code on AWS: the real work's end of the line for each, in one process.
 * Argument: JSON of {@link WriterJob}. Sends its {@link Usage} when it is asked by a message.
 */
import type * as Chan from '../../runtime/backends/aws/channel/dynamo-work-channel.ts';
import type * as Timings from '../../runtime/backends/aws/channel/work-timings.ts';
import type * as Tail from '../../runtime/protocol/frame-tail.ts';
import { meteredDynamoDb, type Usage } from '../aws-meter.ts';
import { fromDist } from '../built.ts';
import { LAST } from '../last-value.ts';
import { nowMs } from '../statistics.ts';

export interface WriterJob {
  readonly endpoint: string;
  readonly tables: { readonly state: string; readonly deltas: string };
  readonly works: readonly { readonly work: string; readonly key: string }[];
  /** Writes of each work; each is its number, or with `everyMs` the time at which it is made, and {@link LAST} after them. */
  readonly writes: number;
  /** Milliseconds between two writes of a work; 0: as fast as it may. */
  readonly everyMs: number;
}

/** Writes that a work may have under way, as a work's process has it. */
const CREDIT = 256;

const job = JSON.parse(process.argv[2] ?? '{}') as WriterJob;
const { DynamoWorkChannel } = await fromDist<typeof Chan>(
  'runtime/backends/aws/channel/dynamo-work-channel',
);
const { defaultWorkTimings } = await fromDist<typeof Timings>(
  'runtime/backends/aws/channel/work-timings',
);
const { formatTail } = await fromDist<typeof Tail>('runtime/protocol/frame-tail');
const usage: Usage = { requests: 0, writeUnits: 0, readUnits: 0, puts: 0 };
const client = await meteredDynamoDb(job.endpoint, usage);

for (const { work, key } of job.works) begin(work, key);
process.on('message', () => process.send?.(usage));
process.on('disconnect', () => process.exit());

function begin(work: string, key: string): void {
  let sent = 0;
  let acknowledged = 0;
  const post = (tail: string): void => {
    sent += 1;
    channel.post(tail);
    channel.given(sent);
  };
  const write = (value: number): void => {
    post(formatTail([{ op: 'replace', path: '/vars/n', value }]));
  };
  const feed = (): void => {
    while (sent <= job.writes && sent - acknowledged < CREDIT) write(sent);
  };
  const pace = (): void => {
    if (sent > job.writes) return write(LAST);
    write(nowMs());
    setTimeout(pace, job.everyMs);
  };
  const channel = new DynamoWorkChannel(
    {
      kind: 'aws',
      task: {
        contract: 1,
        app: 'bench',
        work,
        key,
        epoch: 1,
        tables: job.tables,
        secretsPath: '/bench',
        mode: 'emulated',
      },
      region: 'us-east-1',
      bundlePath: '',
      projectRoot: '',
      timings: defaultWorkTimings,
    },
    client,
    {
      assigned: () => {
        post(formatTail([], { type: 'ready' }));
        if (job.everyMs > 0) pace();
        else feed();
      },
      acknowledged: (posts) => {
        acknowledged = posts;
        if (job.everyMs === 0) feed();
      },
      call: () => undefined,
      flowDelta: () => undefined,
      stop: () => undefined,
      written: () => undefined,
      gone: () => undefined,
      leave: () => undefined,
    },
    {
      print: (line) => void process.stderr.write(`${line}\n`),
      note: () => undefined,
    },
  );
  channel.start();
}
