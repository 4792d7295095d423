import { appError } from '../errors/index.ts';
import { failpoints, onFailpoint } from '../loop/failpoints.ts';

/** `NAME`, or `NAME:COUNT` for a later time that the flow comes by. For tests of crashes. */
const VARIABLE = 'STORMKITE_FAILPOINT';

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
    if (left === 0) process.kill(process.pid, 'SIGKILL');
  });
}
