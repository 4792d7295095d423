import { createHash } from 'node:crypto';
import type { InstanceTypes } from './ec2/instance-types.ts';
import type { Subnet } from './ec2/subnets.ts';
import type { LogGroups } from './logs/log-groups.ts';
import type { Operations } from './operation.ts';
import type { Parameters } from './parameters.ts';

/** What provisioning needs of the emulator. */
export interface ProvisionParts {
  readonly region: string;
  readonly instanceTypes: InstanceTypes;
  readonly ecs: Operations;
  readonly autoScaling: Operations;
  readonly logs: LogGroups;
  readonly parameters: Parameters;
  readonly subnets: readonly Subnet[];
  /** `null`: no tables are made. */
  readonly dynamodbEndpoint: string | null;
  hasGroup(name: string): boolean;
  hasProvider(name: string): boolean;
  hasService(cluster: string, name: string): boolean;
}

/** The same way in as over the wire. */
export async function call(operations: Operations, name: string, input: object): Promise<object> {
  const operation = operations[name];
  if (operation === undefined) throw new TypeError(`the emulator has no operation ${name}`);
  return await operation(input);
}

/** A name of ours as part of a name of AWS; different for different names. */
export function familyPart(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9_-]/g, '_');
  if (plain === name) return name;
  return `${plain}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}
