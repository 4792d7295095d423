/** Apps and what everybody sees of them, whatever they run on. */
import { fileURLToPath } from 'node:url';
import type { Json } from '../../runtime/state/json.ts';

export type Backend = 'memory' | 'local' | 'emulated AWS';

export interface Case {
  readonly title: string;
  /** App file. */
  readonly file: string;
  /** Exit code of `stormkite run`. */
  readonly exit: number;
  /** What the flow said at its end. */
  readonly message?: string;
  /** Code of the error that failed the app. */
  readonly error?: string;
  /** Every line that works printed, as `[work] line`, in order for each work. */
  readonly printed?: Readonly<Record<string, readonly string[]>>;
  /** What became of a work at the end: the stages of its statuses, with reasons but those of waiting, repeats left out. */
  readonly stages?: Readonly<Record<string, string>>;
  /** Fields at the end, by the full name of their component. */
  readonly vars?: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Why a backend cannot show this. */
  readonly except?: Partial<Readonly<Record<Backend, string>>>;
}

const app = (name: string): string => fileURLToPath(new URL(`apps/${name}.ts`, import.meta.url));
const example = (path: string): string =>
  fileURLToPath(new URL(`../../examples/${path}`, import.meta.url));

const DONE = 'pending running succeeded';
const ENDED = `${DONE} stopped:app_ended`;
const IN_PROCESS = 'works run in the process of the test, which they must not end';

export const cases: readonly Case[] = [
  {
    title: 'a cached work runs once for each set of arguments, an uncached one again and again',
    file: app('caching'),
    exit: 0,
    message: 'cached ran 1 10',
    printed: {
      'root.cached': ['cached 1', 'cached 10'],
      'root.again': ['again 1', 'again 2'],
    },
    stages: { 'root.cached': `${DONE} ${ENDED}` },
    vars: { 'root.cached': { seen: [1, 10] } },
  },
  {
    title: 'a call that is not parallel suspends the turn, from whatever depth',
    file: app('suspension'),
    exit: 0,
    message: 'results 2 4 10',
    printed: {
      'root.first': ['twice 1 is 2'],
      'root.deep.inner': ['twice 2 is 4'],
      'root.last': ['twice 4 is 8', 'twice 5 is 10'],
    },
    stages: { 'root.first': ENDED, 'root.deep.inner': ENDED, 'root.last': `${DONE} ${ENDED}` },
    vars: { root: { results: [2, 4, 10] }, 'root.deep.inner': { result: 4 } },
  },
  {
    title: 'works come and go in a Dict, a List and a field',
    file: app('dynamic'),
    exit: 0,
    message: 'all done',
    printed: {
      'root.named.a': ['root.named.a did in a dict 1'],
      'root.listed.0': ['root.listed.0 did in a list 2'],
      'root.later': ['root.later did in a field 3'],
    },
    stages: { 'root.listed.0': ENDED, 'root.later': ENDED },
    vars: { root: { finished: ['in a dict 1', 'in a list 2', 'in a field 3'] } },
  },
  {
    title: 'a work is stopped, started again, given other arguments, and deleted',
    file: app('lifecycle'),
    exit: 0,
    message: 'ran 1 2, left 0',
    printed: { 'root.job': ['run 1', 'run 2'], 'root.gone.x': ['run 3'] },
    vars: { root: { kept: [1, 2] } },
  },
  {
    title: 'a failure of a work fails the app',
    file: app('failing'),
    exit: 1,
    error: 'WORK_FAILED',
    stages: { 'root.work': 'pending running failed:user_exception stopped:app_ended' },
    vars: { 'root.work': { reached: 1 } },
  },
  {
    title: 'without raiseException the flow sees the failure and goes on',
    file: app('tolerant'),
    exit: 0,
    message: 'accepted 1 after "RangeError: -1 is negative"',
    stages: { 'root.work': `pending running failed:user_exception ${ENDED}` },
  },
  {
    title: 'a call that takes too long is timed out, and the next one runs',
    file: app('timeout'),
    exit: 0,
    message: 'timeouts 1, quick 1',
    stages: { 'root.slow': `pending running failed:timeout ${ENDED}` },
  },
  {
    title: 'onStart, onException and onExit are called in their order',
    file: app('hooks'),
    exit: 0,
    message: 'started ran swallowed',
    printed: { 'root.work': ['onStart', 'onException on purpose', 'onExit'] },
    stages: { 'root.work': 'pending running failed:user_exception stopped:requested' },
  },
  {
    title: 'only a work that overrides applyFlowDelta hears what the flow writes while it runs',
    file: app('flow-delta'),
    exit: 0,
    message: 'heard 7, isolated saw 0',
    vars: { 'root.listener': { heard: 7 }, 'root.isolated': { saw: 0 } },
  },
  {
    title: 'a secret and a variable reach the work that names them, and no other',
    file: app('secrets'),
    env: { CONFORMANCE_SECRET: 'hush' },
    exit: 0,
    message: 'a the secret red, b none none',
    except: { memory: 'works run in the process of the test and have its environment' },
  },
  {
    title: 'a work serves where its url says, until it is stopped',
    file: app('server'),
    exit: 0,
    message: 'hello /you',
    stages: { 'root.greeter': 'pending running stopped:requested' },
    except: { memory: 'works have no port' },
  },
  {
    title: 'values of megabytes arrive whole',
    file: app('large'),
    exit: 0,
    message: '900000 30000 5 e8472cf460d8a29d',
  },
  {
    title: 'calls with different arguments queue and run in order, each once',
    file: app('queue'),
    exit: 0,
    message: Array.from({ length: 20 }, (_, n) => n).join(' '),
  },
  {
    title: 'a schedule is true at once and then by the clock; an iteration goes on where it was',
    file: app('schedule'),
    exit: 0,
    message: 'a b c',
  },
  {
    title: 'what a work wrote and printed before it left its process stays',
    file: app('leaving'),
    exit: 0,
    message: 'n 300, reason exited',
    printed: { 'root.leaver': ['leaving'] },
    except: { memory: IN_PROCESS },
  },
  {
    title: 'a value that state does not take fails the call',
    file: app('refused'),
    exit: 0,
    message: 'invalid_return_value user_exception',
  },
  {
    title: 'the flow decides that the app has failed',
    file: app('fail'),
    exit: 1,
    message: 'the check found something',
    stages: { 'root.check': ENDED },
    vars: { 'root.check': { good: false } },
  },
  {
    title: "an error of the flow's own code fails the app and ends its works",
    file: app('flow-error'),
    exit: 1,
    stages: { 'root.idle': 'pending running stopped:app_ended' },
  },
  {
    title: 'the example counter',
    file: example('counter/app.ts'),
    exit: 0,
    stages: { 'root.w': ENDED },
    vars: { 'root.w': { counter: 10_000_000 } },
    except: { memory: 'ten million synchronous steps, through which nothing else runs there' },
  },
  {
    title: 'the example of isolation',
    file: example('counter/isolation.ts'),
    exit: 0,
    vars: { 'root.w': { counter: 10 } },
  },
  {
    title: 'the example of works in fields',
    file: example('dynamic/by-field.ts'),
    exit: 0,
    message: 'ran root.first and root.second',
    printed: {
      'root.first': ['the first job runs as root.first'],
      'root.second': ['the second job runs as root.second'],
    },
  },
  {
    title: 'the example of trained classifiers',
    file: example('iris/app.ts'),
    exit: 0,
    except: { memory: 'its server needs a port' },
  },
];
