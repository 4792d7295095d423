import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { aws_certificatemanager as acm } from 'aws-cdk-lib';
import { describe, test } from 'vitest';
import { ServerRig } from '../integration/server/server-rig.ts';
import { project, synth } from './synth.ts';

const TOKEN = 'a-token-that-the-checks-do-not-have';
const ROOT_PATH = '/team/app';
const entry = project(`
  import { App, Flow } from 'stormkite';
  class Root extends Flow { run() {} }
  export default new App(new Root(), { rootPath: '${ROOT_PATH}' });
`);
const made = synth((stack) => ({
  entry,
  ui: 'alb',
  domainName: 'app.example.com',
  allowedCidrs: ['203.0.113.0/24'],
  certificate: acm.Certificate.fromCertificateArn(
    stack,
    'Certificate',
    'arn:aws:acm:eu-central-1:123456789012:certificate/1',
  ),
}));

/** Runs the health check of the flow's container as the ECS agent does, but at another port; gives its exit code. */
async function checkHealth(port: string): Promise<number> {
  const [container] = made.resource('AWS::ECS::TaskDefinition', 'FlowDefinition').Properties
    .ContainerDefinitions;
  const [kind, program, ...args]: string[] = container.HealthCheck.Command;
  if (kind !== 'CMD' || program !== 'node') throw new Error(`${kind} ${program} is not run here`);
  const here = args.map((arg) => arg.replace(':8080/', `:${port}/`));
  const [code] = await once(spawn(process.execPath, here, { stdio: 'inherit' }), 'close');
  return code;
}

describe('the health of a deployed flow', () => {
  test('is told to the check of its container, which has no token', async ({
    expect,
    onTestFinished,
  }) => {
    const rig = await ServerRig.open({ token: TOKEN, rootPath: ROOT_PATH });
    onTestFinished(() => rig.close());
    expect((await rig.ask('GET', '/state')).status).toBe(401);
    expect(await checkHealth(new URL(rig.url).port)).toBe(0);
  });

  test('is told to the load balancer, which has no token and calls the task by its address', async ({
    expect,
    onTestFinished,
  }) => {
    const rig = await ServerRig.open({ token: TOKEN, rootPath: ROOT_PATH, host: '0.0.0.0' });
    onTestFinished(() => rig.close());
    const { Properties: target } = made.resource('AWS::ElasticLoadBalancingV2::TargetGroup');
    expect(target).toMatchObject({ Port: 8_080, Protocol: 'HTTP', TargetType: 'ip' });
    // What the load balancer takes as healthy where the template does not say.
    expect(target).not.toHaveProperty('Matcher');
    const answer = await rig.askRaw('GET', target.HealthCheckPath, {
      headers: { 'user-agent': 'ELB-HealthChecker/2.0', host: '127.0.0.1:8080' },
    });
    expect(answer.status).toBe(200);
  });

  test('is bad where nothing listens, and where another answers', async ({
    expect,
    onTestFinished,
  }) => {
    const free = createServer();
    await once(free.listen(0, '127.0.0.1'), 'listening');
    const { port } = free.address() as { port: number };
    await new Promise((closed) => free.close(closed));
    expect(await checkHealth(String(port))).toBe(1);
    const elsewhere = await ServerRig.open({ token: TOKEN, rootPath: '/other' });
    onTestFinished(() => elsewhere.close());
    expect(await checkHealth(new URL(elsewhere.url).port)).toBe(1);
  });
});
