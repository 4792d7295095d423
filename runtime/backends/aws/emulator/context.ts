import type { Clock } from '../../../ports/clock.ts';
import type { Billing } from './ec2/billing.ts';
import type { InstanceTypes } from './ec2/instance-types.ts';
import type { Faults } from './faults.ts';
import type { Arns } from './ids.ts';
import type { EmulatorTimings } from './timings.ts';

/** What all parts of one emulator share. */
export interface EmulatorContext {
  readonly region: string;
  readonly arns: Arns;
  readonly clock: Clock;
  readonly timings: EmulatorTimings;
  readonly faults: Faults;
  readonly billing: Billing;
  readonly instanceTypes: InstanceTypes;
}
