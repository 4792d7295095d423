/**
 * The process of one work. Started by a launcher with a {@link WorkBoot} in its environment.
 *
 * The reporter thread connects while the main thread imports the app file; then it waits for its work, which a spare
 * process may do for long.
 */
import type { WorkProcessHandle } from '../component/process-side.ts';
import { ROOT_PATH_VARIABLE, workPathOf } from '../protocol/layout.ts';
import type { WorkSpec } from '../protocol/work-spec.ts';
import { WORK_BOOT_VARIABLE } from '../protocol/work-env.ts';
import type { FailedReason } from '../protocol/messages.ts';
import { killOwnGroup } from './process-group.ts';
import { Reporter } from './reporter.ts';
import type { ToMain } from './reporter-cells.ts';
import { parseWorkBoot } from './work-boot.ts';

/** Exit code of a process that ended because of SIGTERM: 128 and the number of the signal. */
const TERMINATED = 143;

const boot = await parseWorkBoot(process.env[WORK_BOOT_VARIABLE]);
// Programs that user code starts are no works of this flow.
delete process.env[WORK_BOOT_VARIABLE];

// What is printed must not be lost when the process ends: Node.js queues writes to pipes unless they block.
for (const stream of [process.stdout, process.stderr]) {
  const { _handle: handle } = stream as { _handle?: { setBlocking?(blocking: boolean): void } };
  handle?.setBlocking?.(true);
}
// Whoever reads them may be gone; the reporter thread notices.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
// Ctrl-C is the flow's business.
process.on('SIGINT', () => undefined);

const reporter = new Reporter(boot);
process.on('exit', () => {
  reporter.flushAndWait();
  if (reporter.orphaned) killOwnGroup();
});

/** Reports why the work cannot come up, and ends the process. */
async function giveUp(reason: FailedReason, what: string, error: unknown): Promise<never> {
  const { isAppError, renderError } = await import('../errors/index.ts');
  process.stderr.write(`${renderError(error)}\n`);
  const text = error instanceof Error ? error.message : String(error);
  const message = isAppError(error) ? `${error.code}: ${text}` : text;
  reporter.say({ type: 'failed', reason, message: `${what}: ${message}` });
  process.exit(1);
}

/** Imports one after the other, all while the reporter thread starts. */
async function load() {
  const [{ loadApp }, { openWorkProcess }, { WorkRunner }, { WorkPort }, { isAppError }] =
    await Promise.all([
      import('./load-app.ts'),
      import('../component/process-side.ts'),
      import('./work-runner.ts'),
      import('./process-port.ts'),
      import('../errors/index.ts'),
    ]);
  try {
    const { app, exports } = await loadApp(boot.bundlePath, boot.projectRoot);
    return { app, exports, openWorkProcess, WorkRunner, WorkPort, isAppError };
  } catch (error) {
    return await giveUp('load', 'it could not be loaded', error);
  }
}

type Loaded = Awaited<ReturnType<typeof load>>;

async function bringUp(loaded: Loaded, spec: WorkSpec): Promise<void> {
  const { app, exports, openWorkProcess, WorkRunner, WorkPort, isAppError } = loaded;
  process.env[ROOT_PATH_VARIABLE] =
    spec.env[ROOT_PATH_VARIABLE] ?? workPathOf(app.options.rootPath, spec.work);
  const runner = new WorkRunner(spec.work, reporter, (code) => process.exit(code));
  onStop = (code, insists) => runner.stop(code, insists);
  onUncaught = (error) => runner.takeUncaught(error);
  let handle: WorkProcessHandle;
  try {
    handle = openWorkProcess(app, exports, spec, runner);
  } catch (error) {
    const reason = isAppError(error, 'WORK_TREE_DIFFERS') ? 'tree' : 'load';
    return await giveUp(reason, 'it could not be built', error);
  }
  const hear = (message: ToMain): void => {
    if (message.type === 'call') runner.call(message.message, message.applied);
    else if (message.type === 'flowDelta') runner.applyFlowDelta(message.ops);
    else if (message.type === 'stop') runner.stop(reporter.stopCode);
    else if (message.type === 'url')
      handle.fold([{ op: 'replace', path: '/vars/_url', value: message.url }]);
  };
  reporter.listen(hear);
  early.splice(0).forEach(hear);
  reporter.say({ type: 'opened' });
  reporter.attach(handle.fields);
  // Outside of a container's own network nothing reaches its loopback.
  if (boot.kind === 'aws' && boot.task.mode === 'aws') handle.setVar('_host', '0.0.0.0');
  const port = boot.kind === 'aws' ? Number(process.env['PORT'] ?? 0) : 0;
  runner.open(handle, await WorkPort.reserve(handle, reporter, port));
  try {
    await handle.onStart();
  } catch (error) {
    return await giveUp('exited', 'onStart failed', error);
  }
  if (boot.kind === 'socket') handle.setVar('_internal_ip', '127.0.0.1');
  reporter.emit({ type: 'ready' });
  runner.ready();
}

let onStop = (code: number, _insists?: boolean): void => process.exit(code);
let onUncaught = (_error: unknown): boolean => false;

process.on('SIGTERM', () => {
  const wasAsked = reporter.stopAsked;
  const code = wasAsked ? reporter.stopCode : TERMINATED;
  reporter.raiseStop();
  onStop(code, wasAsked);
});
process.on('uncaughtException', (error) => {
  if (onUncaught(error)) return;
  console.error('uncaught error outside of a call:', error);
  process.exit(1);
});

const early: ToMain[] = [];
const assigned = new Promise<WorkSpec>((resolve) => {
  reporter.listen((message) => {
    if (message.type === 'assign') resolve(message.spec);
    else if (message.type === 'stop') onStop(reporter.stopCode);
    else early.push(message);
  });
});
const loaded = await load();
reporter.say({ type: 'loaded' });
await bringUp(loaded, await assigned);
