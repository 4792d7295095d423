import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { leaseKey } from '../../../runtime/backends/aws/contract.ts';
import { packAlone } from '../../support/aws-campaign.ts';
import { EmulatedRig } from '../../support/emulated-rig.ts';
import { HttpProxy, type ProxiedRequest } from '../../support/http-proxy.ts';

const APP = 'idle';
/** A work that nobody calls, and turns that find nothing changed. */
const IDLE = `import { App, CloudCompute, Flow, Work } from 'stormkite';
export class Unused extends Work<object> {
  constructor() { super({ parallel: true, cloudCompute: new CloudCompute('cpu-small') }); }
  run() {}
}
class Root extends Flow {
  unused = new Unused();
  run() { console.log('nothing to do'); }
}
export default new App(new Root(), { idleTurn: 700 });
`;
/** Requests in a row that are renewals alone. */
const RENEWALS = 12;

describe('an app on AWS in which nothing runs', { timeout: 120_000 }, () => {
  let rig: EmulatedRig;
  beforeAll(async () => {
    rig = await EmulatedRig.open();
  }, 60_000);
  afterAll(() => rig.close());

  test('renews its lease and asks AWS for nothing else, also in its idle turns', async ({
    expect,
  }) => {
    const asked: string[] = [];
    const hear = (request: ProxiedRequest): 'pass' => {
      asked.push(nameOf(request));
      return 'pass';
    };
    const [dynamodb, aws] = await Promise.all(
      [rig.dynamodb.endpoint, rig.emulator.endpoint].map((endpoint) =>
        HttpProxy.open(endpoint, { before: hear }),
      ),
    );
    try {
      const file = join(rig.folder, 'idle.ts');
      await writeFile(file, IDLE);
      const app = await rig.deploy(await packAlone(rig, file), {
        name: APP,
        flowEnv: {
          ...variables(['DYNAMODB', 'DYNAMODB_STREAMS'], dynamodb),
          ...variables(['ECS', 'EC2', 'AUTO_SCALING', 'CLOUDWATCH_LOGS'], aws),
        },
      });
      const turns = (): number => app.lines.filter(({ line }) => line === 'nothing to do').length;
      await app.until(
        'it has come to rest',
        () =>
          turns() >= 1 &&
          asked.slice(-4).length === 4 &&
          asked.slice(-4).every((name) => name === 'renew'),
      );
      asked.length = 0;
      const before = turns();
      await app.until('its lease was renewed often', () => asked.length >= RENEWALS);
      expect(new Set(asked)).toEqual(new Set(['renew']));
      expect(turns() - before).toBeGreaterThanOrEqual(2);
      await app.end();
    } finally {
      await Promise.all([dynamodb?.close(), aws?.close()]);
    }
  });
});

function variables(
  services: readonly string[],
  proxy: HttpProxy | undefined,
): Record<string, string> {
  return Object.fromEntries(
    services.map((name) => [`AWS_ENDPOINT_URL_${name}`, proxy?.endpoint ?? '']),
  );
}

function nameOf({ operation, body }: ProxiedRequest): string {
  const isLease = body.includes(`"${leaseKey(APP)}"`);
  return isLease && operation === 'UpdateItem' ? 'renew' : `${operation} ${body.toString()}`;
}
