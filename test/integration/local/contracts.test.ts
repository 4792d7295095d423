import type { Delta } from '../../../runtime/protocol/delta.ts';
import { deltaChannelContract } from '../../contract/delta-channel.contract.ts';
import { launcherContract } from '../../contract/launcher.contract.ts';
import { LocalRig } from '../../support/local-rig.ts';

launcherContract('local processes', async () => {
  const rig = await LocalRig.open();
  return {
    launcher: rig.backend.launcher,
    spec: (index, changes) => rig.spec(index === 0 ? 'counter' : 'ticker', changes),
    kill: (work) => process.kill(rig.backend.pidOf(work) ?? 0, 'SIGKILL'),
    close: () => rig.close(),
  };
});

deltaChannelContract('local sockets', async () => {
  const durable: Delta[] = [];
  const rig = await LocalRig.open({
    lease: { appendDeltas: async (deltas) => void durable.push(...deltas) },
  });
  return {
    channel: rig.backend.channel,
    work: 'root.counter',
    start: async (seq) => void (await rig.up('counter', { seq })),
    durable: () => durable,
    close: () => rig.close(),
  };
});
