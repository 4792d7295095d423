import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { describe } from 'vitest';
import { defaultWorkTimings } from '../../../runtime/backends/aws/channel/work-timings.ts';
import { readWorkSecrets } from '../../../runtime/backends/aws/work-secrets.ts';
import { REGION, test } from '../../support/emulator.ts';
import { HttpProxy } from '../../support/http-proxy.ts';

const from = {
  region: REGION,
  secretsPath: '/stormkite/app',
  timings: { ...defaultWorkTimings, retryMs: 5, retryMaxMs: 20 },
  failing: () => undefined,
};

describe("a work's secrets in the cloud", () => {
  test('come from where each says', async ({ rig, expect }) => {
    const { ssm, secretsManager } = rig.clients;
    const put = (Name: string, Value: string) =>
      ssm.send(new PutParameterCommand({ Name, Value, Type: 'SecureString' }));
    await put('/stormkite/app/API_KEY', 'from the deployer');
    await put('/team/token', 'from a parameter');
    await secretsManager.send(
      new CreateSecretCommand({ Name: 'team/db', SecretString: 'from a secret' }),
    );
    const secrets = { A: 'env:API_KEY', B: 'ssm:/team/token', C: 'secretsmanager:team/db' };
    expect(await readWorkSecrets(secrets, from)).toEqual({
      A: 'from the deployer',
      B: 'from a parameter',
      C: 'from a secret',
    });
  });

  test('that are not there are named, with their source and never with a value', async ({
    rig,
    expect,
  }) => {
    expect(rig.emulator.endpoint).toContain('127.0.0.1');
    await expect(readWorkSecrets({ A: 'ssm:/nowhere' }, from)).rejects.toMatchObject({
      code: 'HOST_SECRET_UNREADABLE',
      message: expect.stringContaining('ssm:/nowhere'),
    });
  });

  test('are waited for while their service does not answer', async ({ rig, expect }) => {
    await rig.clients.ssm.send(
      new PutParameterCommand({ Name: '/team/token', Value: 'late', Type: 'SecureString' }),
    );
    const proxy = await HttpProxy.open(rig.emulator.endpoint);
    process.env['AWS_ENDPOINT_URL_SSM'] = proxy.endpoint;
    proxy.cut();
    const problems: unknown[] = [];
    const failing = (problem: unknown): void => {
      problems.push(problem);
      proxy.mend();
    };
    const secrets = await readWorkSecrets({ A: 'ssm:/team/token' }, { ...from, failing });
    expect(secrets).toEqual({ A: 'late' });
    expect(problems).toHaveLength(1);
    await proxy.close();
  });

  test('are given up when their service does not answer for long', async ({ rig, expect }) => {
    const proxy = await HttpProxy.open(rig.emulator.endpoint);
    process.env['AWS_ENDPOINT_URL_SSM'] = proxy.endpoint;
    proxy.cut();
    const timings = { ...from.timings, isolatedMs: 0 };
    await expect(
      readWorkSecrets({ A: 'ssm:/team/token' }, { ...from, timings }),
    ).rejects.toMatchObject({ code: 'HOST_TASK_NOT_SUPPLIED' });
    await proxy.close();
  });
});
