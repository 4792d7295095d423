import { afterAll, beforeAll, describe, test } from 'vitest';
import { appCommandSchema, appCommandsSchema } from '../../../cli/schemas.ts';
import { CliRig } from './cli-rig.ts';

const SHOP = `import { App, Flow } from 'stormkite';
const users = {
  parse(value: any) {
    if (typeof value.name !== 'string') throw new Error('name must be text');
    return value;
  },
};
class Root extends Flow {
  names: string[] = [];
  run() { console.log('names: ' + this.names.join()); }
  configureApi() {
    return [{ method: 'GET', path: '/names', handler: () => this.names }] as const;
  }
  configureCommands() {
    return [
      {
        name: 'add-user', description: 'Adds a user', args: users,
        handler: ({ name, admin = false }: { name: string; admin?: boolean }) => {
          this.names.push(admin ? name + '!' : name);
          return this.names.length;
        },
      },
      { name: 'fail', description: 'Fails', handler: () => { throw new Error('not today'); } },
      { name: 'hello', description: 'Greets', handler: () => 'hello' },
    ];
  }
}
export default new App(new Root());
`;

describe('commands of an app', () => {
  let rig: CliRig;
  beforeAll(async () => {
    rig = await CliRig.open();
    const app = rig.app(await rig.write('shop/app.ts', SHOP));
    await app.prints('names: ');
  });
  afterAll(() => rig.close());

  test('are listed', async ({ expect }) => {
    const { code, stdout } = await rig.run('command');
    expect(code).toBe(0);
    expect(stdout).toMatch(/add-user.*Adds a user/);
    const listing = await rig.run('command', '--app', 'shop', '--json');
    expect(appCommandsSchema.parse(JSON.parse(listing.stdout))).toMatchObject({
      app: 'shop',
      commands: [{ name: 'add-user' }, { name: 'fail' }, { name: 'hello' }],
    });
  });

  test('run with arguments, and print what they give', async ({ expect }) => {
    expect(await rig.run('command', 'hello')).toMatchObject({ code: 0, stdout: 'hello\n' });
    const first = await rig.run(
      'command',
      'add-user',
      '--arg',
      'name=bob=b',
      '--arg',
      'admin=true',
      '--json',
    );
    expect(appCommandSchema.parse(JSON.parse(first.stdout))).toEqual({
      app: 'shop',
      command: 'add-user',
      result: 1,
    });
    await rig.run('command', 'add-user', '--args', '{"name":"ann"}');
    expect(await rig.run('state', 'get', '/vars/names')).toMatchObject({
      stdout: expect.stringMatching(/bob=b!",\s+"ann/),
    });
  });

  test('fail with a code and the right exit code', async ({ expect }) => {
    const rows: [args: string[], exit: number, code: string][] = [
      [['fail'], 1, 'API_HANDLER_FAILED'],
      [['nothing'], 2, 'API_COMMAND_UNKNOWN'],
      [['add-user'], 2, 'API_INPUT_INVALID'],
      [['add-user', '--arg', 'name'], 2, 'CLI_OPTION_INVALID'],
      [['add-user', '--args', '{'], 2, 'CLI_VALUE_NOT_JSON'],
      [['add-user', '--args', '[]'], 2, 'CLI_USAGE'],
      [['add-user', '--args', '{"age":1e400}'], 2, 'CLI_VALUE_NOT_JSON'],
      [['add-user', '--arg', 'age=1e400'], 2, 'CLI_VALUE_NOT_JSON'],
    ];
    const done = await Promise.all(rows.map(([args]) => rig.run('command', ...args)));
    for (const [index, [, exit, code]] of rows.entries())
      expect(done[index]).toMatchObject({ code: exit, stderr: expect.stringContaining(code) });
  });

  test('an app whose routes or commands cannot be served does not start', async ({ expect }) => {
    const reserved = SHOP.replace("'/names'", "'/api/v1/names'");
    const twice = SHOP.replace("'hello', d", "'fail', d");
    const rows = [
      [await rig.write('reserved/app.ts', reserved), 'API_ROUTE_RESERVED'],
      [await rig.write('twice/app.ts', twice), 'API_COMMAND_DUPLICATE'],
    ] as const;
    for (const [file, code] of rows) {
      const app = rig.app(file);
      expect(await app.done).toMatchObject({ code: 2, stderr: expect.stringContaining(code) });
    }
  });
});
