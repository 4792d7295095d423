import { describe, test } from 'vitest';
import { isAppError } from '../../../runtime/errors/index.ts';
import {
  isFrontend,
  ServerFrontend,
  StaticWebFrontend,
  type ServerFrontendOptions,
} from '../../../runtime/frontend/frontend.ts';
import { toFrontendSpec } from '../../../runtime/frontend/frontend-spec.ts';
import { toFrontendStart } from '../../../runtime/host/frontend-env.ts';

const FACTS = {
  port: 4321,
  host: '127.0.0.1',
  rootPath: '/frontends/root-1',
  stateUrl: 'http://127.0.0.1:7501',
  token: null,
  pythonClient: '/package/client',
  pythonPath: '',
};

describe('the options of a frontend', () => {
  test.for([
    {},
    { command: [] },
    { command: [''] },
    { command: 'vite' },
    { command: ['vite', 1] },
    { command: ['vite'], cwd: '' },
    { command: ['vite'], env: { PORT: 1 } },
    { command: ['vite'], env: { 'A=B': 'x' } },
    { command: ['vite'], env: ['A'] },
    { command: ['vi\0te'] },
    { command: ['vite'], stripPrefix: 'yes' },
  ])('%o is refused', (options, { expect }) => {
    const make = () => new ServerFrontend(options as unknown as ServerFrontendOptions);
    expect(make).toThrow(expect.objectContaining({ code: 'FRONTEND_OPTION_INVALID' }));
  });

  test('a static frontend needs a folder', ({ expect }) => {
    for (const folder of ['', 'a\0b', undefined, 7])
      expect(() => new StaticWebFrontend(folder as string)).toThrow(
        expect.objectContaining({ code: 'FRONTEND_OPTION_INVALID' }),
      );
    expect(isAppError(new Error('other'), 'FRONTEND_OPTION_INVALID')).toBe(false);
  });

  test('what is a frontend is told by its kind, not by its look', ({ expect }) => {
    expect(isFrontend(new StaticWebFrontend('ui'))).toBe(true);
    expect(isFrontend({ kind: 'static', directory: 'ui' })).toBe(false);
    expect(isFrontend(null)).toBe(false);
  });
});

describe('the identity of a frontend', () => {
  const spec = (owner: string, options: Partial<ServerFrontendOptions> = {}) =>
    toFrontendSpec(owner, new ServerFrontend({ command: ['vite'], ...options })).id;

  test('is the same for equal options of one owner, whatever their order', ({ expect }) => {
    expect(spec('root', { env: { A: '1', B: '2' } })).toBe(
      spec('root', { env: { B: '2', A: '1' } }),
    );
    expect(spec('root')).toMatch(/^root-[0-9a-f]{8}$/);
  });

  test('differs by owner and by every option', ({ expect }) => {
    const ids = [
      spec('root'),
      spec('root.a'),
      spec('root', { command: ['vite', '--open'] }),
      spec('root', { cwd: 'ui' }),
      spec('root', { env: { A: '1' } }),
      spec('root', { stripPrefix: false }),
      toFrontendSpec('root', new StaticWebFrontend('vite')).id,
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('is fit for a URL, whatever the name of its owner', ({ expect }) => {
    expect(spec(`root.d.ü b/${'x'.repeat(200)}`)).toMatch(/^[A-Za-z0-9_-]{1,80}$/);
  });
});

describe('what a server frontend is started with', () => {
  test('its arguments and variables name what it is given', ({ expect }) => {
    const frontend = new ServerFrontend({
      command: [
        'vite',
        '--port',
        '$PORT',
        '--base',
        '${STORMKITE_ROOT_PATH}/',
        '$HOME',
        '$PORTS',
        '$$',
      ],
      env: { ADDRESS: '$HOST:$PORT', PLAIN: '$UNKNOWN' },
    });
    const { command, env } = toFrontendStart(frontend, FACTS);
    expect(command).toEqual([
      'vite',
      '--port',
      '4321',
      '--base',
      '/frontends/root-1/',
      '$HOME',
      '$PORTS',
      '$$',
    ]);
    expect(env).toMatchObject({
      PORT: '4321',
      HOST: '127.0.0.1',
      STORMKITE_STATE_URL: 'http://127.0.0.1:7501',
      STORMKITE_ROOT_PATH: '/frontends/root-1',
      STREAMLIT_SERVER_PORT: '4321',
      ADDRESS: '127.0.0.1:4321',
      PLAIN: '$UNKNOWN',
    });
    expect(env).not.toHaveProperty('STORMKITE_TOKEN');
  });

  test('Python finds the client, after what the user names', ({ expect }) => {
    const pathOf = (env: Record<string, string>, pythonPath: string): string | undefined =>
      toFrontendStart(new ServerFrontend({ command: ['x'], env }), { ...FACTS, pythonPath }).env[
        'PYTHONPATH'
      ];
    expect(pathOf({}, '')).toBe('/package/client');
    expect(pathOf({}, '/inherited')).toBe('/inherited:/package/client');
    expect(pathOf({ PYTHONPATH: '/own' }, '/inherited')).toBe('/own:/package/client');
    const without = { ...FACTS, pythonClient: null };
    const { env } = toFrontendStart(new ServerFrontend({ command: ['x'] }), without);
    expect(env).not.toHaveProperty('PYTHONPATH');
  });

  test('a token is given where one is needed, and the user has the last word', ({ expect }) => {
    const frontend = new ServerFrontend({
      command: ['x'],
      env: { STREAMLIT_SERVER_PORT: '1' },
    });
    const { env } = toFrontendStart(frontend, { ...FACTS, token: 'secret' });
    expect(env).toMatchObject({ STORMKITE_TOKEN: 'secret', STREAMLIT_SERVER_PORT: '1' });
  });
});
