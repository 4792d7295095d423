import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { describe } from 'vitest';
import { readWorkSecrets } from '../../../runtime/backends/aws/work-secrets.ts';
import { REGION, test } from '../../support/emulator.ts';

const from = { region: REGION, secretsPath: '/stormkite/app' };

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
});
