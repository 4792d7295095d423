import { writeFileSync } from 'node:fs';
import { appError } from '../errors/index.ts';
import { failpoints, onFailpoint } from '../loop/failpoints.ts';

/** `NAME`, or `NAME:COUNT` for a later time that the flow comes by. For tests of crashes. */
const VARIABLE = 'STORMKITE_FAILPOINT';
/** File that is made when it happens: where it is, nothing happens again. For a flow that is started again by itself. */
const ONCE_VARIABLE = 'STORMKITE_FAILPOINT_ONCE';

/**
 * Lets this process be killed at the failpoint that the environment names.
 *
 * @throws `CLI_FAILPOINT_UNKNOWN`
 */
export function killAtFailpoint(env: Readonly<Record<string, string | undefined>>): void {
  const value = env[VARIABLE];
  if (value === undefined || value === '') return;
  const [wanted, count = '1'] = value.split(':');
  const name = failpoints.find((each) => each === wanted);
  let left = Number(count);
  if (name === undefined || !Number.isInteger(left) || left < 1) {
    throw appError('CLI_FAILPOINT_UNKNOWN', { value, known: failpoints.join(', ') });
  }
  onFailpoint((reached) => {
    if (reached !== name) return;
    left -= 1;
    if (left === 0 && isFirst(env[ONCE_VARIABLE])) process.kill(process.pid, 'SIGKILL');
  });
}

/** Makes the file; false when it is there already. */
function isFirst(file: string | undefined): boolean {
  if (file === undefined) return true;
  try {
    writeFileSync(file, '', { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}
