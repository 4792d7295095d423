import { describe, test } from 'vitest';
import { z } from 'zod';
import { App } from '../../../runtime/component/app.ts';
import { Flow } from '../../../runtime/component/flow.ts';
import { readUserApi } from '../../../runtime/server/user-api.ts';

const handler = (): null => null;

/** A flow that offers whatever a test gives it, also what its types forbid. */
function rootWith(routes: unknown, commands: unknown = []): Flow {
  class Root extends Flow {
    run(): void {}
    override configureApi(): never {
      return routes as never;
    }
    override configureCommands(): never {
      return commands as never;
    }
  }
  return new App(new Root()).flow;
}

describe('configureApi', () => {
  test.for([
    { method: 'GET', path: '/a', handler },
    { method: 'POST', path: '/users/:name/notes-2.0', handler, body: z.object({}) },
    { method: 'DELETE', path: '/apis', handler },
    { method: 'PUT', path: '/api/v2/works', handler },
  ])('$method $path is a route', (route, { expect }) => {
    expect(readUserApi(rootWith([route])).routes).toEqual([route]);
  });

  test.for([
    [{ method: 'FETCH', path: '/a', handler }, 'method'],
    [{ method: 'get', path: '/a', handler }, 'method'],
    [{ method: 'GET', path: 'a', handler }, 'slash'],
    [{ method: 'GET', path: '', handler }, 'slash'],
    [{ method: 'GET', handler }, 'slash'],
    [{ method: 'GET', path: '/a//b', handler }, 'empty segment'],
    [{ method: 'GET', path: '/a/', handler }, 'empty segment'],
    [{ method: 'GET', path: '/a/../b', handler }, 'segment ..'],
    [{ method: 'GET', path: '/a?b', handler }, 'other characters'],
    [{ method: 'GET', path: '/*', handler }, 'other characters'],
    [{ method: 'GET', path: '/:a-:b', handler }, 'other characters'],
    [{ method: 'GET', path: '/:a/:a', handler }, 'parameter'],
    [{ method: 'GET', path: '/:constructor', handler }, 'parameter'],
    [{ method: 'GET', path: '/a' }, 'handler'],
    [{ method: 'GET', path: '/a', handler, body: {} }, 'schema'],
    [null, 'method'],
  ] as const)('%j is refused: %s', ([route, word], { expect }) => {
    expect(() => readUserApi(rootWith([route]))).toThrow(
      expect.objectContaining({
        code: 'API_ROUTE_INVALID',
        message: expect.stringContaining(word),
      }),
    );
  });

  test.for([
    '/',
    '/api/v1',
    '/api/v1/mine',
    '/works/root.w',
    '/frontends',
    '/view',
    '/healthz',
    '/assets/x',
    '/client.js',
    '/client/python',
  ])('%s is taken', (path, { expect }) => {
    expect(() => readUserApi(rootWith([{ method: 'GET', path, handler }]))).toThrow(
      expect.objectContaining({ code: 'API_ROUTE_RESERVED' }),
    );
  });

  test('two routes for the same requests are refused, whatever their parameters are called', ({
    expect,
  }) => {
    const routes = [
      { method: 'GET', path: '/a/:x', handler },
      { method: 'POST', path: '/a/:x', handler },
      { method: 'GET', path: '/a/:y', handler },
    ];
    expect(() => readUserApi(rootWith(routes))).toThrow(
      expect.objectContaining({ code: 'API_ROUTE_DUPLICATE' }),
    );
  });

  test('what is no list is refused', ({ expect }) => {
    expect(() => readUserApi(rootWith({}))).toThrow(
      expect.objectContaining({ code: 'API_ROUTE_INVALID' }),
    );
    expect(() => readUserApi(rootWith([], null))).toThrow(
      expect.objectContaining({ code: 'API_COMMAND_INVALID' }),
    );
  });
});

describe('configureCommands', () => {
  test.for([
    { name: 'Add', description: '', handler },
    { name: 'a b', description: '', handler },
    { name: '', description: '', handler },
    { name: 'add', handler },
    { name: 'add', description: '' },
    { name: 'add', description: '', handler, args: 1 },
    'add',
  ])('%j is refused', (command, { expect }) => {
    expect(() => readUserApi(rootWith([], [command]))).toThrow(
      expect.objectContaining({ code: 'API_COMMAND_INVALID' }),
    );
  });

  test('two of one name are refused', ({ expect }) => {
    const command = { name: 'add-user_1', description: 'Adds one', handler };
    expect(readUserApi(rootWith([], [command])).commands).toEqual([command]);
    expect(() => readUserApi(rootWith([], [command, { ...command }]))).toThrow(
      expect.objectContaining({ code: 'API_COMMAND_DUPLICATE' }),
    );
  });
});
