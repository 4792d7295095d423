import { afterEach, describe, test } from 'vitest';
import { z } from 'zod';
import { Flow } from '../../../runtime/component/flow.ts';
import type { ApiRequest, ApiRoute, AppCommand } from '../../../runtime/component/flow-options.ts';
import { Work } from '../../../runtime/component/work.ts';
import { until } from '../../support/until.ts';
import { ServerRig } from './server-rig.ts';

class Train extends Work {
  constructor() {
    super({ parallel: true });
  }
  run(): void {}
}

const gates: (() => void)[] = [];

class Root extends Flow {
  train = new Train();
  items: string[] = [];
  /** How many items each turn saw. */
  seen = 0;
  isTurning = false;
  overlaps = 0;

  async run(): Promise<void> {
    this.isTurning = true;
    await new Promise((resolve) => setImmediate(resolve));
    this.seen = this.items.length;
    this.isTurning = false;
  }

  override configureApi(): ApiRoute[] {
    return [
      {
        method: 'POST',
        path: '/items/:kind',
        body: z.object({ name: z.string().min(1), count: z.number().int().default(1) }),
        handler: ({ name, count }: { name: string; count: number }, { params }: ApiRequest) => {
          if (this.isTurning) this.overlaps += 1;
          for (let n = 0; n < count; n += 1) this.items.push(`${params['kind']}:${name}`);
          return { items: this.items };
        },
      },
      {
        method: 'GET',
        path: '/items',
        handler: (query: Record<string, string>, { client }: ApiRequest) => ({
          items: this.items.filter((item) => item.includes(query['search'] ?? '')),
          client,
        }),
      },
      {
        method: 'PUT',
        path: '/later',
        handler: async (text: string) => {
          await new Promise<void>((resolve) => gates.push(resolve));
          this.items.push(text);
          return this.items.length;
        },
      },
      { method: 'DELETE', path: '/items', handler: () => void (this.items = []) },
      {
        method: 'POST',
        path: '/broken',
        handler: (what: string) => {
          if (what === 'map') return new Map();
          if (what === 'teapot') throw Object.assign(new Error('short'), { statusCode: 418 });
          if (what === 'redirect') throw Object.assign(new Error('no'), { statusCode: 302 });
          if (what === 'async') return Promise.reject(new Error('later'));
          throw new Error('oh no');
        },
      },
      { method: 'POST', path: '/end', handler: () => this.stop('ended by a route') },
    ];
  }

  override configureCommands(): AppCommand[] {
    return [
      {
        name: 'add',
        description: 'Adds an item',
        args: z.object({ name: z.string() }),
        handler: ({ name }: { name: string }) => {
          this.items.push(name);
          return this.items.length;
        },
      },
      { name: 'echo', description: 'Gives its arguments back', handler: (args: object) => args },
    ];
  }
}

describe('routes and commands of the app', () => {
  let rig: ServerRig;
  afterEach(() => rig.close());
  const open = async (options: Parameters<typeof ServerRig.open>[0] = {}): Promise<void> => {
    rig = await ServerRig.open({ createRoot: () => new Root(), ...options });
  };
  const vars = (): Record<string, unknown> =>
    rig.loop.document()['vars'] as Record<string, unknown>;

  test('a route reads and writes the flow, between turns, and what it wrote starts one', async ({
    expect,
  }) => {
    await open();
    const asked = Array.from({ length: 20 }, (_, index) =>
      rig.askRaw('POST', '/items/fruit', {
        body: { name: `f${index}` },
        headers: { 'stormkite-client': 'shop' },
      }),
    );
    for (const answer of await Promise.all(asked)) expect(answer.status).toBe(200);
    await until('a turn saw them', () => vars()['seen'] === 20);
    expect(vars()).toMatchObject({ overlaps: 0 });
    const { body } = await rig.ask('GET', '/history');
    expect(JSON.stringify(body)).toContain('{"source":"client","client":"shop"');
    expect(await rig.askRaw('GET', '/items?search=f19')).toMatchObject({
      status: 200,
      body: { items: ['fruit:f19'], client: '127.0.0.1' },
    });
    expect(await rig.askRaw('DELETE', '/items')).toMatchObject({ status: 200, body: null });
    expect(vars()['items']).toEqual([]);
  });

  test('what a route wrote is committed when it answers', async ({ expect }) => {
    await open();
    await rig.askRaw('POST', '/items/a', { body: { name: 'b' } });
    expect(rig.history.head().document).toMatchObject({ vars: { items: ['a:b'] } });
    const later = rig.askRaw('PUT', '/later', { body: '"x"' });
    await until('it waits', () => gates.length > 0);
    // The app goes on while it waits.
    await rig.askRaw('POST', '/items/a', { body: { name: 'c' } });
    gates.pop()?.();
    expect(await later).toMatchObject({ status: 200, body: 3 });
    expect(rig.history.head().document).toMatchObject({ vars: { items: ['a:b', 'a:c', 'x'] } });
  });

  test('an input that its schema refuses never reaches the handler', async ({ expect }) => {
    await open();
    for (const body of [{}, { name: '' }, { name: 'a', count: 1.5 }, 'null', '[]']) {
      expect(await rig.askRaw('POST', '/items/a', { body })).toMatchObject({
        status: 422,
        body: {
          code: 'API_INPUT_INVALID',
          issues: expect.arrayContaining([
            { path: expect.any(Array), message: expect.any(String) },
          ]),
        },
      });
    }
    expect(vars()['items']).toEqual([]);
  });

  test.for([
    ['map', 500, 'API_RESULT_NOT_JSON'],
    ['throw', 500, 'API_HANDLER_FAILED'],
    ['async', 500, 'API_HANDLER_FAILED'],
    ['redirect', 500, 'API_HANDLER_FAILED'],
    ['teapot', 418, 'API_REQUEST_REFUSED'],
  ] as const)(
    'a handler that fails (%s) is answered with a code',
    async ([what, status, code], { expect }) => {
      await open();
      const answer = await rig.askRaw('POST', '/broken', { body: JSON.stringify(what) });
      expect(answer).toMatchObject({ status, body: { code, message: expect.any(String) } });
      expect(answer.text).not.toContain('user-routes.test.ts');
      expect((await rig.ask('GET', '/status')).body).toMatchObject({ stage: 'running' });
    },
  );

  test('a handler that gives no answer in time is answered for', async ({ expect }) => {
    await open({ handlerTimeoutMs: 50 });
    expect(await rig.askRaw('PUT', '/later', { body: '"x"' })).toMatchObject({
      status: 504,
      body: { code: 'API_HANDLER_TIMEOUT' },
    });
    gates.pop()?.();
  });

  test('a handler may end the app', async ({ expect }) => {
    await open();
    expect(await rig.askRaw('POST', '/end')).toMatchObject({ status: 200, body: null });
    expect(await rig.loop.ended).toMatchObject({ stage: 'stopped', message: 'ended by a route' });
    expect(await rig.askRaw('GET', '/items')).toMatchObject({
      status: 422,
      body: { code: 'SERVER_APP_ENDED' },
    });
  });

  test('commands are listed with their schemas, checked, and give a result', async ({ expect }) => {
    await open();
    expect((await rig.ask('GET', '/commands')).body).toMatchObject([
      {
        name: 'add',
        description: 'Adds an item',
        args: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
      },
      { name: 'echo' },
    ]);
    expect(await rig.ask('POST', '/commands/add', { body: { name: 'x' } })).toMatchObject({
      status: 200,
      body: { result: 1 },
    });
    expect((await rig.ask('POST', '/commands/echo')).body).toEqual({ result: {} });
    expect(await rig.ask('POST', '/commands/add', { body: { name: 7 } })).toMatchObject({
      status: 422,
      body: { code: 'API_INPUT_INVALID', issues: [{ path: ['name'] }] },
    });
    expect(await rig.ask('POST', '/commands/constructor', { body: {} })).toMatchObject({
      status: 404,
      body: { code: 'API_COMMAND_UNKNOWN' },
    });
  });

  test('routes lie below the root path, and pass the same checks as the API', async ({
    expect,
  }) => {
    await open({ rootPath: '/r', token: 't' });
    const headers = { authorization: 'Bearer t' };
    expect((await rig.askRaw('GET', '/r/items', { headers })).status).toBe(200);
    expect((await rig.askRaw('GET', '/items', { headers })).status).toBe(404);
    expect((await rig.askRaw('GET', '/r/items')).status).toBe(401);
    const evil = { ...headers, origin: 'https://evil.example' };
    expect((await rig.askRaw('GET', '/r/items', { headers: evil })).status).toBe(403);
  });
});
