import { App, Flow, Work } from 'stormkite';
import { MemoryBackend } from '../../../runtime/backends/memory/memory-backend.ts';
import type { MemoryProcess } from '../../../runtime/backends/memory/memory-process.ts';
import { realWork } from '../../../runtime/backends/memory/real-work.ts';
import type { Delta } from '../../../runtime/protocol/delta.ts';
import type { WorkSpec } from '../../../runtime/protocol/work-spec.ts';
import { deltaChannelContract } from '../../contract/delta-channel.contract.ts';
import { launcherContract } from '../../contract/launcher.contract.ts';
import { plainHardware } from '../../support/plain-hardware.ts';

class Counter extends Work {
  count = 0;
  run(times: number): void {
    for (let i = 0; i < times; i += 1) this.count += 1;
  }
}

class Root extends Flow {
  counter = new Counter();
  other = new Counter();
  run(): void {}
}

const createApp = () => new App(new Root());

function specOf(work: string, changes: Partial<WorkSpec> = {}): WorkSpec {
  return {
    app: 'test',
    work,
    epoch: 1,
    seq: 0,
    vars: { count: 0 },
    definitions: [],
    tree: ['root', 'root.counter', 'root.other'],
    env: {},
    secrets: {},
    ...plainHardware,
    ...changes,
  };
}

function openBackend() {
  const durable: Delta[] = [];
  const processes = new Map<string, MemoryProcess>();
  const backend = new MemoryBackend({
    lease: { appendDeltas: async (deltas) => void durable.push(...deltas) },
    program: (process) => {
      processes.set(process.spec.work, process);
      return realWork(process, createApp, {});
    },
  });
  return { backend, durable, processes };
}

launcherContract(
  'memory',
  async () => {
    const { backend, processes } = openBackend();
    return {
      launcher: backend.launcher,
      spec: (index, changes) => specOf(index === 0 ? 'root.counter' : 'root.other', changes),
      kill: (work) => processes.get(work)?.exit('exited', 'killed by the test'),
      close: () => backend.launcher.close(),
    };
  },
  {
    'a secret that cannot be read refuses the launch for good':
      'works in this process have no environment of their own, so secrets are not resolved',
  },
);

deltaChannelContract('memory', async () => {
  const { backend, durable } = openBackend();
  return {
    channel: backend.channel,
    work: 'root.counter',
    start: async (seq) => {
      const ready = new Promise<void>((resolve) => {
        const stop = backend.channel.subscribe(({ event }) => {
          if (event?.type !== 'ready') return;
          stop();
          resolve();
        });
      });
      await backend.launcher.launch(specOf('root.counter', { seq }));
      await ready;
    },
    durable: () => durable,
    close: () => backend.launcher.close(),
  };
});
