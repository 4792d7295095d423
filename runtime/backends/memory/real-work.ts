/** Runs a work's own code in this process, on an instance of its own. */
import { background } from '../../errors/index.ts';
import type { WorkProcess } from '../../component/binding.ts';
import type { App } from '../../component/app.ts';
import { openWorkProcess, type WorkProcessHandle } from '../../component/process-side.ts';
import type { CallMessage } from '../../protocol/downlink.ts';
import type { Operation } from '../../state/operation.ts';
import type { MemoryProcess, WorkProgram } from './memory-process.ts';

/**
 * The program of a real work.
 *
 * @param createApp - builds the app again, so that the work shares no object with the flow
 */
export function realWork(
  process: MemoryProcess,
  createApp: () => App,
  exports: Readonly<Record<string, unknown>>,
): WorkProgram {
  const stop = new AbortController();
  const life: WorkProcess = {
    signal: () => stop.signal,
    attempt: () => process.current?.attempt ?? 1,
    claimPort: () => handle.port ?? 0,
  };
  const handle = openWorkProcess(createApp(), exports, process.spec, life);
  const flush = (): void => {
    const ops = drainVars(handle);
    if (ops.length > 0) process.report(ops);
  };
  let scheduled = false;
  handle.fields.hooks = {
    ...handle.fields.hooks,
    onDirty: () => {
      if (scheduled) return;
      scheduled = true;
      queueMicrotask(() => {
        scheduled = false;
        flush();
      });
    },
  };
  let running: Promise<void> = Promise.resolve();
  return {
    onLaunch: () => {
      running = Promise.resolve(handle.onStart() as Promise<void> | void).then(() => {
        handle.setVar('_internal_ip', '127.0.0.1');
        process.report(drainVars(handle), { type: 'ready' });
      });
      background(running, `onStart of ${process.spec.work}`);
    },
    onCall: (call) => {
      running = running.then(() => runCall(process, handle, call, stop.signal));
      background(running, `a call of ${process.spec.work}`);
    },
    onFlowDelta: ({ ops }) => handle.applyFlowDelta(ops),
    onStop: async () => {
      stop.abort();
      await running;
      await handle.onExit();
      flush();
    },
  };
}

async function runCall(
  process: MemoryProcess,
  handle: WorkProcessHandle,
  call: CallMessage,
  signal: AbortSignal,
): Promise<void> {
  handle.fold(call.fold);
  process.report(drainVars(handle), { type: 'running', call: call.call, attempt: call.attempt });
  try {
    const result = await handle.run(call.args);
    process.report(drainVars(handle));
    if (signal.aborted) process.end('stopped');
    else if (result === undefined) process.end('succeeded');
    else process.end('failed', { reason: 'invalid_return_value', error: new Error('run() returned a value') });
  } catch (error) {
    await fail(process, handle, error, signal);
  }
}

async function fail(
  process: MemoryProcess,
  handle: WorkProcessHandle,
  error: unknown,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) {
    process.report(drainVars(handle));
    process.end('stopped');
    return;
  }
  let handled = true;
  try {
    await handle.onException(error);
  } catch {
    handled = false;
  }
  process.report(drainVars(handle));
  process.end('failed', { reason: 'user_exception', error, handled });
}

function drainVars(handle: WorkProcessHandle): Operation[] {
  return handle.fields.drain().map((op): Operation => {
    const path = `/vars${op.path}`;
    return 'from' in op ? { ...op, path, from: `/vars${op.from}` } : { ...op, path };
  });
}
