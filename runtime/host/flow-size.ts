/** The Fargate task of a flow, as `App({ flowCloudCompute })` names it. */
import { appError } from '../errors/index.ts';
import { hardwareClasses, isHardwareName } from '../hardware/catalogue.ts';

export interface FlowSize {
  readonly vcpus: number;
  readonly memoryGiB: number;
}

/** Fargate's smallest task. */
export const SMALLEST_FLOW: FlowSize = { vcpus: 0.25, memoryGiB: 0.5 };

/** @throws `INFRA_FLOW_HARDWARE`, as the stack does */
export function flowSizeOf(hardware: string | null): FlowSize {
  if (hardware === null) return SMALLEST_FLOW;
  const known = isHardwareName(hardware) ? hardwareClasses[hardware] : null;
  if (known !== null && known.gpus === 0) return known;
  const allowed = Object.entries(hardwareClasses).filter(([, { gpus }]) => gpus === 0);
  throw appError('INFRA_FLOW_HARDWARE', {
    hardware,
    allowed: allowed.map(([name]) => name).join(', '),
  });
}
