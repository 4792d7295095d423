/** Why a work's container could not come up, as the exit code that the flow reads. */
import { isAppError, type ErrorCode } from '../../errors/index.ts';
import { WORK_EXIT_CODES } from './contract.ts';

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  AWS_INPUT_MISSING: WORK_EXIT_CODES.noInput,
  AWS_FLOW_LOST: WORK_EXIT_CODES.flowLost,
  HOST_SECRET_UNREADABLE: WORK_EXIT_CODES.noSecret,
  HOST_MOUNT_UNREADABLE: WORK_EXIT_CODES.noMount,
  HOST_TASK_NOT_SUPPLIED: WORK_EXIT_CODES.notSupplied,
};

/** Exit code of a container that ends before it is a work. */
export function startExitCodeOf(error: unknown): number {
  const known = isAppError(error) ? BY_CODE[error.code] : undefined;
  return known ?? WORK_EXIT_CODES.misdeployed;
}
