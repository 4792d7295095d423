/** Opens an emulator with a running task, tells the task's processes, and waits to be killed. */
import { openEmulator } from '../../../runtime/backends/aws/emulator/emulator.ts';
import { SystemClock } from '../../../runtime/host/system-clock.ts';

const program = `
  const { spawn } = require('node:child_process');
  const stray = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
  console.log(JSON.stringify([process.pid, stray.pid]));
  setInterval(() => undefined, 1000);`;
const emulator = await openEmulator({
  clock: new SystemClock(),
  directory: process.argv[2] ?? null,
  onLog: ({ line }) => console.log(line),
});
await emulator.provision({
  app: 'killed',
  hardware: {},
  environmentSecrets: { KEY: 'kept' },
  flow: { command: ['node', '-e', program] },
});
setInterval(() => undefined, 60_000);
