import { appError } from '../../../errors/index.ts';
import { nameOf } from './ids.ts';
import type { EmulatorParts } from './emulator-parts.ts';
import type { ImmediateFault } from './fault-schema.ts';
import { counts } from './ec2/group.ts';
import type { Instance } from './ec2/instances.ts';

/**
 * Does what a fault says, at once.
 *
 * @throws `EMULATOR_FAULT_TARGET_UNKNOWN`
 */
export function strike(fault: ImmediateFault, parts: EmulatorParts): void {
  switch (fault.kind) {
    case 'spot-interruption':
      parts.instances.interrupt(instanceOf(fault.instance, parts), fault.noticeMs);
      break;
    case 'instance-death':
      parts.instances.die(instanceOf(fault.instance, parts));
      break;
    case 'agent-lost':
      parts.clusters.setAgent(instanceOf(fault.instance, parts), fault.connected ?? false);
      break;
    case 'out-of-memory': {
      const task = parts.tasks.all.find(({ id }) => id === nameOf(fault.task));
      if (task === undefined || task.lastStatus !== 'RUNNING')
        throw appError('EMULATOR_FAULT_TARGET_UNKNOWN', { target: `task ${fault.task}` });
      parts.tasks.outOfMemory(task);
      break;
    }
  }
}

function instanceOf(id: string, { instances }: EmulatorParts): Instance {
  const found = instances.all.find((instance) => instance.id === id && counts(instance));
  if (found !== undefined) return found;
  throw appError('EMULATOR_FAULT_TARGET_UNKNOWN', { target: `instance ${id}` });
}
