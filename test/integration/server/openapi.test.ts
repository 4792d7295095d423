import { afterAll, beforeAll, describe, test } from 'vitest';
import { z } from 'zod';
import { Flow } from '../../../runtime/component/flow.ts';
import type { ApiRoute, AppCommand } from '../../../runtime/component/flow-options.ts';
import { apiDocs } from '../../../runtime/server/api-docs.ts';
import { toTemplate } from '../../../runtime/server/openapi.ts';
import { until } from '../../support/until.ts';
import { ServerRig } from './server-rig.ts';
import { StreamReader } from './stream-reader.ts';
import { streamEventSchema } from '../../../runtime/server/schemas.ts';

class Root extends Flow {
  n = 1;
  run(): void {}
  override configureCommands(): AppCommand[] {
    return [
      {
        name: 'grow',
        description: 'Adds workers',
        args: z.object({ by: z.number() }),
        handler: () => null,
      },
      { name: 'clear', description: 'Forgets all', handler: () => null },
    ];
  }
  override configureApi(): ApiRoute[] {
    return [
      {
        method: 'POST',
        path: '/predict/:model',
        body: z.object({ text: z.string() }),
        handler: () => null,
      },
      {
        method: 'GET',
        path: '/find',
        body: z.object({ q: z.string(), page: z.string().optional() }),
        handler: () => null,
      },
      { method: 'PUT', path: '/raw', body: { parse: (value) => value }, handler: () => null },
    ];
  }
}

interface Described {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}
interface Operation {
  readonly summary: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema: object }>> };
  readonly responses: Readonly<Record<string, object>>;
}

describe('the OpenAPI document', () => {
  let rig: ServerRig;
  let document: Described;
  beforeAll(async () => {
    rig = await ServerRig.open({ createRoot: () => new Root(), rootPath: '/r' });
    document = (await rig.ask('GET', '/openapi.json')).body as Described;
  });
  afterAll(() => rig.close());

  test('has every route of the API and of the app, and no other', ({ expect }) => {
    const registered = rig.routes
      .filter(({ method, url }) => method !== 'OPTIONS' && isApi(url))
      .map(({ method, url }) => `${method} ${toTemplate(url)}`);
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.toSorted()).toEqual(registered.toSorted());
    expect(registered.length).toBeGreaterThan(20);
    const documented = Object.keys(apiDocs).map((key) => key.replace(' ', ' /r/api/v1'));
    expect(described).toEqual(expect.arrayContaining(documented));
  });

  test('is of version 3.1, and complete for every route', ({ expect }) => {
    expect(document.openapi).toBe('3.1.0');
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const operation of Object.values(operations)) {
        expect(operation.summary).not.toBe('');
        const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        const parameters = operation.parameters.filter((each) => each.in === 'path');
        expect(parameters.map(({ name }) => name)).toEqual(named);
        expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['401', '403']));
      }
    }
    expect(JSON.stringify(document)).not.toContain('undefined');
  });

  test('has the schemas of the app', ({ expect }) => {
    const predict = document.paths['/r/predict/{model}']?.['post'];
    expect(predict?.requestBody?.content['application/json']?.schema).toMatchObject({
      type: 'object',
      properties: { text: { type: 'string' } },
      required: ['text'],
    });
    expect(document.paths['/r/find']?.['get']?.parameters).toMatchObject([
      { name: 'q', in: 'query', required: true },
      { name: 'page', in: 'query', required: false },
      { name: 'stormkite-client', in: 'header' },
    ]);
    const command = document.paths['/r/api/v1/commands/{name}']?.['post'];
    expect(command?.requestBody?.content['application/json']?.schema).toMatchObject({
      anyOf: [
        { title: 'grow', description: 'Adds workers', properties: { by: { type: 'number' } } },
        { title: 'clear', type: 'object' },
      ],
    });
    // Of a schema that is none of zod's nothing is known.
    expect(document.paths['/r/raw']?.['put']?.requestBody?.content['application/json']).toEqual({
      schema: {},
    });
  });

  test('tells of a body, and that it may be too large, where a route takes one', ({ expect }) => {
    const taking = [
      'patch /r/api/v1/state',
      'post /r/api/v1/stop',
      'post /r/api/v1/commands/{name}',
      'post /r/predict/{model}',
      'put /r/raw',
    ];
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, { requestBody, responses }] of Object.entries(operations)) {
        const takes = taking.includes(`${method} ${path}`);
        expect(requestBody !== undefined, path).toBe(takes);
        expect('413' in responses, path).toBe(takes);
        expect(Object.keys(responses)).toEqual(expect.arrayContaining(['500', '503']));
      }
    }
  });

  test('names what a request is refused with, and a header that changes its answer', async ({
    expect,
  }) => {
    const stream = document.paths['/r/api/v1/stream']?.['get'];
    const { status } = await rig.ask('GET', '/stream?pointer=/__proto__');
    expect(Object.keys(stream?.responses ?? {})).toContain(String(status));
    const state = document.paths['/r/api/v1/state']?.['get'];
    expect(state?.parameters).toMatchObject([
      { name: 'pointer', in: 'query' },
      { name: 'if-none-match', in: 'header' },
    ]);
    const logs = document.paths['/r/api/v1/logs']?.['get'];
    expect(logs?.parameters.map(({ name }) => name)).toEqual(['tail', 'follow', 'search']);
  });

  test('tells the truth about what is answered', async ({ expect }) => {
    const paths: Record<string, string> = {
      'GET /status': '/status',
      'GET /works': '/works',
      'GET /history': '/history',
      'GET /layout': '/layout',
      'GET /commands': '/commands',
    };
    for (const [key, path] of Object.entries(paths)) {
      const { body } = await rig.ask('GET', path);
      expect(() => strict(apiDocs[key]?.answer.schema).parse(body), key).not.toThrow();
    }
    const body = [{ op: 'replace', path: '/vars/n', value: 2 }];
    const headers = { 'if-match': '"0"' };
    const patched = await rig.ask('PATCH', '/state', { body });
    strict(apiDocs['PATCH /state']?.answer.schema).parse(patched.body);
    const stale = await rig.ask('PATCH', '/state', { body, headers });
    strict(apiDocs['PATCH /state']?.failure).parse(stale.body);
    const reader = new StreamReader();
    await reader.connect(rig.api, 'types=turn,stage,status,log,error,layout');
    await rig.ask('PATCH', '/state', { body: [{ op: 'replace', path: '/vars/n', value: 3 }] });
    await until('it is told', () => reader.of('turn').length > 0);
    for (const { data } of reader.told) streamEventSchema.parse(data);
    reader.drop();
  });
});

/** What is for pages is no API. */
function isApi(url: string): boolean {
  const pages = ['/view', '/assets', '/client', '/frontends', '/works'];
  return (
    url.startsWith('/r/') && url !== '/r/' && !pages.some((page) => url.startsWith(`/r${page}`))
  );
}

/** As documented, and nothing more than that. */
function strict(schema: z.ZodType | undefined): z.ZodType {
  if (schema instanceof z.ZodObject) return schema.strict();
  if (schema === undefined) throw new Error('there is no schema');
  return schema;
}
