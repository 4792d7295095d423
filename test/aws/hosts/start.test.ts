/** The container of a work that cannot become one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe } from 'vitest';
import {
  ROLE_VARIABLE,
  WORK_EXIT_CODES,
  WORK_TASK_VARIABLE,
  WORK_TIMINGS_VARIABLE,
} from '../../../runtime/backends/aws/contract.ts';
import { temporaryFolder } from '../../support/built-cli.ts';
import { test, type DynamoDbRig } from '../../support/dynamodb.ts';
import { cleanEnvironment } from '../../support/local-rig.ts';
import { KEY, putInput, specOf, WORK } from '../channel/work-rig.ts';

const ENTRY = fileURLToPath(new URL('../../../runtime/host/task-main.ts', import.meta.url));
const LOADER = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
/** Nothing listens there. */
const NOWHERE = 'http://127.0.0.1:9';

/** Runs the container's program; gives how it ended. */
async function start(
  { tables, endpoint }: DynamoDbRig,
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const { path, remove } = await temporaryFolder();
  await mkdir(join(path, 'app'));
  await writeFile(join(path, 'artifact.json'), JSON.stringify({ requirements: [] }));
  const task = {
    contract: 1,
    app: 'test',
    work: WORK,
    key: KEY,
    epoch: 1,
    tables,
    secretsPath: '/',
    mode: 'emulated',
  };
  const child = spawn(process.execPath, ['--import', LOADER, ENTRY], {
    cwd: join(path, 'app'),
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...cleanEnvironment(),
      [ROLE_VARIABLE]: 'work',
      [WORK_TASK_VARIABLE]: JSON.stringify(task),
      [WORK_TIMINGS_VARIABLE]: JSON.stringify({ inputMs: 0, isolatedMs: 0 }),
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_DYNAMODB: endpoint,
      AWS_ENDPOINT_URL_SSM: NOWHERE,
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_MAX_ATTEMPTS: '1',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      ...more,
    },
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  await remove();
  return { code, stderr };
}

describe("a work's container", () => {
  test('without an input says so by its exit code', async ({ dynamodb, expect }) => {
    const { code, stderr } = await start(dynamodb);
    expect(stderr).toContain('AWS_INPUT_MISSING');
    expect(code).toBe(WORK_EXIT_CODES.noInput);
  });

  test('whose secrets do not answer says so by its exit code', async ({ dynamodb, expect }) => {
    await putInput(dynamodb, specOf({ secrets: { A: 'ssm:/a' } }));
    const { code, stderr } = await start(dynamodb);
    expect(stderr).toContain('HOST_TASK_NOT_SUPPLIED');
    expect(code).toBe(WORK_EXIT_CODES.notSupplied);
  });

  test('that was deployed for another version says so by its exit code', async ({
    dynamodb,
    expect,
  }) => {
    const { code, stderr } = await start(dynamodb, { [WORK_TASK_VARIABLE]: '{"contract":0}' });
    expect(stderr).toContain('HOST_TASK_ENVIRONMENT');
    expect(code).toBe(WORK_EXIT_CODES.misdeployed);
  });

  test('that cannot reach the table for long gives up as one whose flow is lost', async ({
    dynamodb,
    expect,
  }) => {
    const { code, stderr } = await start(dynamodb, { AWS_ENDPOINT_URL_DYNAMODB: NOWHERE });
    expect(stderr).toContain('AWS_FLOW_LOST');
    expect(code).toBe(WORK_EXIT_CODES.flowLost);
  });
});
