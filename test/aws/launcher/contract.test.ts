import { afterAll, test } from 'vitest';
import type { DynamoDbLocal } from '../../../runtime/backends/aws/emulator/dynamodb-local.ts';
import { launcherContract } from '../../contract/launcher.contract.ts';
import { openLocal } from '../../support/dynamodb.ts';
import { LauncherRig } from './launcher-rig.ts';

const local = await openLocal();

if ('missing' in local) {
  test(`Launcher: ECS (skipped: ${local.missing})`, ({ skip }) => skip(local.missing));
} else suite(local);

function suite(dynamodb: DynamoDbLocal): void {
  afterAll(() => dynamodb.close());

  launcherContract(
    'ECS',
    async () => {
      const rig = await LauncherRig.open(dynamodb);
      const { launcher } = await rig.flow();
      return {
        launcher,
        spec: (index, changes) =>
          rig.spec(`root.${index === 0 ? 'first' : 'second'}`, { on: 'default', ...changes }),
        kill: (work) => void rig.kill(work),
        close: async () => {
          await launcher.close();
          await rig.close();
        },
      };
    },
    {
      'a stop with no grace kills':
        'StopTask has no time-out of its own: SIGKILL follows SIGTERM after that of the task definition',
      'a secret that cannot be read refuses the launch for good':
        'secrets are read by the task, whose role may read them; the flow never sees them',
    },
  );
}
