/** Entry point of every container of an app: a flow or a work, as the task definition says. */
import { ROLE_VARIABLE, WORK_EXIT_CODES } from '../backends/aws/contract.ts';
import { appError, renderError, toWire } from '../errors/index.ts';
import { writeTaskLog } from './task-log.ts';

try {
  const role = process.env[ROLE_VARIABLE];
  if (role === 'flow') await (await import('./task-flow.ts')).runFlowTask(process.env);
  else if (role === 'work') await (await import('./task-work.ts')).runWorkTask(process.env);
  else {
    throw appError('HOST_TASK_ENVIRONMENT', {
      variable: ROLE_VARIABLE,
      problem: `is ${JSON.stringify(role ?? '')}, neither flow nor work`,
    });
  }
} catch (error) {
  if (process.env[ROLE_VARIABLE] === 'flow')
    writeTaskLog({ stormkite: 'failed', app: '', error: toWire(error) });
  else process.stderr.write(`${renderError(error)}\n`);
  process.exit(WORK_EXIT_CODES.misdeployed);
}
