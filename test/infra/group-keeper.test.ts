import { createServer } from 'node:http';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'vitest';
import { GROUP_KEEPER_PROGRAM } from '../../infra/constructs/group-keeper-program.ts';
import { ROOT } from './synth.ts';

interface Answer {
  readonly Status: string;
  readonly Reason?: string;
  readonly PhysicalResourceId: string;
}

/** Runs the program as Lambda does, against Auto Scaling and CloudFormation at the level of HTTP. */
async function handle(
  RequestType: 'Create' | 'Update' | 'Delete',
  respond: (action: string, calls: readonly URLSearchParams[]) => { status?: number; xml: string },
) {
  const calls: URLSearchParams[] = [];
  let answer: Answer | null = null;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      if (request.method === 'PUT') {
        answer = JSON.parse(body);
        response.end();
        return;
      }
      const parameters = new URLSearchParams(body);
      calls.push(parameters);
      const { status = 200, xml } = respond(parameters.get('Action') ?? '', calls);
      response.writeHead(status, { 'content-type': 'text/xml' }).end(xml);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const event = {
    RequestType,
    ResourceProperties: { Group: 'group-1' },
    StackId: 's',
    RequestId: 'r',
    LogicalResourceId: 'l',
    ResponseURL: `${origin}/answer`,
  };
  // Waits between two looks are not what is tested.
  const program = `const later = setTimeout; globalThis.setTimeout = (run, ms, ...more) => later(run, ms === 5000 ? 1 : ms, ...more);\n${GROUP_KEEPER_PROGRAM}\nexports.handler(${JSON.stringify(event)});`;
  const child = spawn(process.execPath, ['--input-type=commonjs', '-e', program], {
    cwd: ROOT,
    env: {
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'x',
      AWS_SECRET_ACCESS_KEY: 'x',
      AWS_ENDPOINT_URL_AUTO_SCALING: origin,
      AWS_MAX_ATTEMPTS: '1',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const [code] = await once(child, 'close');
  server.close();
  return {
    code,
    errors,
    answer: answer as Answer | null,
    actions: calls.map((call) => call.get('Action')),
    calls,
  };
}

const group = '<member><AutoScalingGroupName>group-1</AutoScalingGroupName></member>';
const described = (members: string): string =>
  `<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups>${members}</AutoScalingGroups></DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>`;
const done = (action: string): string =>
  `<${action}Response><ResponseMetadata/></${action}Response>`;
const failure = (name: string): string =>
  `<ErrorResponse><Error><Type>Sender</Type><Code>${name}</Code><Message>no</Message></Error></ErrorResponse>`;

describe('the keeper of groups', () => {
  test('fits into a template', ({ expect }) => {
    expect(GROUP_KEEPER_PROGRAM.length).toBeLessThanOrEqual(4_096);
  });

  test('stops rebalancing of a new group', async ({ expect }) => {
    const { answer, calls, actions } = await handle('Create', (action) => ({ xml: done(action) }));
    expect(actions).toEqual(['SuspendProcesses']);
    expect(calls[0]?.get('ScalingProcesses.member.1')).toBe('AZRebalance');
    expect(answer).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'group-1' });
  });

  test('waits for a permission that was given a moment ago', async ({ expect }) => {
    const { answer, actions } = await handle('Create', (action, calls) =>
      calls.length < 3 ? { status: 403, xml: failure('AccessDenied') } : { xml: done(action) },
    );
    expect(actions).toEqual(['SuspendProcesses', 'SuspendProcesses', 'SuspendProcesses']);
    expect(answer).toMatchObject({ Status: 'SUCCESS' });
  });

  test('deletes a group with its machines and answers when it is gone', async ({ expect }) => {
    const { answer, calls } = await handle('Delete', (action, all) => {
      if (action !== 'DescribeAutoScalingGroups') return { xml: done(action) };
      const looks = all.filter((call) => call.get('Action') === action).length;
      return { xml: described(looks < 3 ? group : '') };
    });
    const deletions = calls.filter((call) => call.get('Action') === 'DeleteAutoScalingGroup');
    expect(deletions[0]?.get('ForceDelete')).toBe('true');
    expect(answer).toMatchObject({ Status: 'SUCCESS' });
  });

  test('waits while an activity is under way, and for a deletion that has begun', async ({
    expect,
  }) => {
    const { answer } = await handle('Delete', (action, all) => {
      if (action === 'DescribeAutoScalingGroups')
        return { xml: described(all.length < 6 ? group : '') };
      return {
        status: 400,
        xml: failure(all.length < 3 ? 'ScalingActivityInProgress' : 'ValidationError'),
      };
    });
    expect(answer).toMatchObject({ Status: 'SUCCESS' });
  });

  test('a group that is gone is fine', async ({ expect }) => {
    const { answer, actions } = await handle('Delete', () => ({ xml: described('') }));
    expect(actions).toEqual(['DescribeAutoScalingGroups']);
    expect(answer).toMatchObject({ Status: 'SUCCESS' });
  });

  test('what it may not do is told to CloudFormation, with the reason', async ({ expect }) => {
    const { answer } = await handle('Delete', (action) =>
      action === 'DescribeAutoScalingGroups'
        ? { xml: described(group) }
        : { status: 403, xml: failure('AccessDenied') },
    );
    expect(answer).toMatchObject({ Status: 'FAILED', Reason: 'AccessDenied: no' });
  });
});
