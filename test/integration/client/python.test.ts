import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, test } from 'vitest';
import { connect } from 'stormkite/client';

import { until } from '../../support/until.ts';
import { ServerRig } from '../server/server-rig.ts';
import { BreakableLine } from './breakable-line.ts';
import { Notebooks } from './notebooks-app.ts';

const MODULE = fileURLToPath(new URL('../../../runtime/client/python', import.meta.url));
const hasPython = spawnSync('python3', ['--version']).status === 0;

/** A Python program that has imported the client and connected as `app`; it prints JSON by `tell(value)`. */
class Python {
  readonly done: Promise<number | null>;
  readonly values: unknown[] = [];
  errors = '';

  constructor(program: string, env: Readonly<Record<string, string>>) {
    const prelude = [
      'import json, stormkite, sys',
      'from stormkite import Conflict, StormkiteError',
      'def tell(value): print(json.dumps(value), flush=True)',
      'app = stormkite.connect()',
      'state = app.state',
    ];
    const child = spawn('python3', ['-B', '-c', [...prelude, program].join('\n')], {
      env: { PATH: process.env['PATH'], PYTHONPATH: MODULE, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      this.values.push(...lines.map((line): unknown => JSON.parse(line)));
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.done = once(child, 'close').then(([code]) => code as number | null);
    this.end = () => void child.kill('SIGKILL');
    this.go = () => void child.stdin.write('\n');
  }

  readonly end: () => void;
  /** Lets a program go on that waits in `sys.stdin.readline()`. */
  readonly go: () => void;

  /** What it printed, once it has ended well. */
  async result(): Promise<unknown[]> {
    const code = await this.done;
    if (code !== 0) throw new Error(this.errors);
    return this.values;
  }
}

describe('the Python client', () => {
  const open: { close(): unknown }[] = [];
  const opened = <T extends { close(): unknown }>(thing: T): T => {
    open.unshift(thing);
    return thing;
  };
  const rigOf = async (options: Parameters<typeof ServerRig.open>[0] = {}): Promise<ServerRig> =>
    opened(await ServerRig.open({ createRoot: () => new Notebooks(), ...options }));
  const python = (url: string, program: string, env: Record<string, string> = {}): Python => {
    const running = new Python(program, { STORMKITE_STATE_URL: url, ...env });
    opened({ close: running.end });
    return running;
  };
  /** The address of a server that answers every request alike. */
  const answering = async (answer: (response: ServerResponse) => void): Promise<string> => {
    const server = createServer((_, response) => answer(response)).listen(0, '127.0.0.1');
    opened({ close: () => server.close() });
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  afterEach(async () => {
    for (const thing of open.splice(0)) await thing.close();
  });

  test('python3 is there in CI', ({ expect, skip }) => {
    skip(!hasPython && process.env['CI'] === undefined, 'there is no python3');
    expect(hasPython).toBe(true);
  });

  describe.skipIf(!hasPython)('with python3', () => {
    test('reads and assigns fields as the Streamlit page of the seeds does', async ({ expect }) => {
      const rig = await rigOf();
      const program = `
new = [{"name": "ann", "stop": False}]
state.requests = state.requests + new
for config in state.requests:
    config["stop"] = True
    state.requests = state.requests
state.requests = state.requests
state.config["lr"] = 0.5
state.config = state.config
state["note"] = "from python"
state.team.lead.token = "t"
tell([state.requests, state.config, state.note, state.team.lead.token, state.mode])
tell([sorted(state.team), "requests" in state, "nothing" in state, hasattr(state, "nothing")])
tell([state.train.status["stage"], state.train.url])
del state.note
tell(stormkite.snapshot(state)["train"])
tell(stormkite.snapshot(state.config))
`;
      expect(await python(rig.url, program).result()).toEqual([
        [[{ name: 'ann', stop: true }], { lr: 0.5, layers: [8, 8] }, 'from python', 't', 'fast'],
        [['lead', 'members'], true, false, false],
        ['not_started', ''],
        { token: null, cells: 0, status: { stage: 'not_started', timestamp: 0 }, url: '' },
        { lr: 0.5, layers: [8, 8] },
      ]);
      const app = opened(connect(rig.url));
      expect(await app.get('/vars/requests')).toEqual([{ name: 'ann', stop: true }]);
      const { turns } = await app.history();
      const written = turns.flatMap(({ deltas }) =>
        deltas.filter(({ source }) => source === 'client').flatMap(({ ops }) => ops),
      );
      expect(written.filter(({ op }) => op !== 'test').map(({ path }) => path)).toEqual([
        '/vars/requests/-',
        '/vars/requests/0/stop',
        '/vars/config/lr',
        '/vars/note',
        '/flows/team/works/lead/vars/token',
        '/vars/note',
      ]);
    });

    test('members of a Dict are found when the flow has added them', async ({ expect }) => {
      const rig = await rigOf();
      const program = `
state.requests = [{"name": "ann b", "stop": False}]
for change in app.watch("/structures/extra/works"):
    if "ann b" in change.value: break
tell([list(state.extra), state.extra["ann b"].token, len(state.extra)])
state.extra["ann b"].cells = 4
tell(state.extra["ann b"].cells)
try: state.extra["c"] = 1
except StormkiteError as error: tell(error.code)
try: state.train = None if state.train is None else 1
except StormkiteError as error: tell(error.code)
`;
      expect(await python(rig.url, program).result()).toEqual([
        [['ann b'], null, 1],
        4,
        'CLIENT_STATE_FIXED',
        'CLIENT_STATE_FIXED',
      ]);
    });

    test('a write over what somebody else changed is refused and nothing is lost', async ({
      expect,
    }) => {
      const rig = await rigOf();
      const app = opened(connect(rig.url));
      await app.set('/vars/requests', [{ name: 'ann', stop: false }]);
      const program = `
requests = state.requests
tell(requests)
sys.stdin.readline()
requests[0]["stop"] = True
try: state.requests = requests
except Conflict as error: tell([error.code, error.current])
tell(state.requests)
state.requests = state.requests + [{"name": "eve", "stop": False}]
try: app.compare_and_set("/vars/n", 5, 6)
except Conflict as error: tell(error.current)
tell(app.update("/vars/n", lambda n: n + 1) > 0)
try: state.unknown = 1
except StormkiteError as error: tell([error.code, error.status])
`;
      const running = python(rig.url, program);
      await until('it has read', () => running.values.length === 1);
      await app.set('/vars/requests', [{ name: 'bob', stop: false }]);
      running.go();
      expect((await running.result()).slice(1)).toEqual([
        ['SERVER_PATCH_REFUSED', [{ name: 'bob', stop: false }]],
        [{ name: 'bob', stop: false }],
        0,
        true,
        ['SERVER_PATCH_TARGET_UNKNOWN', 404],
      ]);
      expect(await app.get('/vars/requests')).toEqual([
        { name: 'bob', stop: false },
        { name: 'eve', stop: false },
      ]);
      expect(await app.get('/vars/n')).toBe(1);
    });

    test('watches a value over a connection that breaks, without loss or repeat', async ({
      expect,
    }) => {
      const rig = await rigOf();
      const proxy = opened(await BreakableLine.open(rig.url));
      const app = opened(connect(rig.url));
      const program = `
import stormkite
stormkite._MIN_DELAY_S = 0.005
for change in app.watch("/vars/log"):
    tell(change.value)
    if change.value and change.value[-1] == 299: break
`;
      const running = python(proxy.url, program);
      await until('it watches', () => running.values.length === 1);
      for (let value = 0; value < 300; value += 1) {
        await app.patch([{ op: 'add', path: '/vars/log/-', value }]);
        if (value % 40 === 20) proxy.cut();
      }
      const values = (await running.result()) as number[][];
      expect(values.at(-1)).toEqual([...Array(300).keys()]);
      const lengths = values.map(({ length }) => length);
      expect(lengths).toEqual([...Array(301).keys()]);
      expect(proxy.cuts).toBeGreaterThan(5);
    });

    test('watching outlasts a server that cannot answer for a while', async ({ expect }) => {
      const statuses = [503, 429, 502];
      const url = await answering((response) => {
        const status = statuses.shift();
        if (status === undefined)
          response.end('event: snapshot\nid: a-1\ndata: {"version":1,"state":7}\n\n');
        else response.writeHead(status).end('{"code":"SERVER_TOKEN_LIMITED","message":"wait"}');
      });
      const program = `
stormkite._MIN_DELAY_S = 0.005
tell(next(app.watch("/vars/n")).value)
`;
      expect(await python(url, program).result()).toEqual([7]);
      expect(statuses).toEqual([]);
    });

    test('logs tell that the app is gone in the middle of them', async ({ expect }) => {
      const url = await answering((response) => {
        response.writeHead(200, { 'transfer-encoding': 'chunked' });
        response.flushHeaders();
        response.socket?.end('40\r\n{"line":"one"}\n{"li');
      });
      const program = `
try:
    for line in app.logs(follow=True): tell(line["line"])
except stormkite.Unreachable as error: tell(error.code)
`;
      expect(await python(url, program).result()).toEqual(['one', 'SERVER_UNREACHABLE']);
    });

    test('a comparison with what is gone is a conflict', async ({ expect }) => {
      const rig = await rigOf();
      const app = opened(connect(rig.url));
      await app.set('/vars/requests', [{ name: 'ann', stop: false }]);
      const program = `
requests = state.requests
tell(requests)
sys.stdin.readline()
requests[0]["stop"] = True
try: state.requests = requests
except Conflict as error: tell([error.code, error.current])
try: app.compare_and_set("/vars/config/none", 1, 2)
except Conflict as error: tell(error.current)
try: app.patch([{"op": "remove", "path": "/vars/config/none"}])
except Conflict as error: tell("conflict")
except StormkiteError as error: tell(error.code)
`;
      const running = python(rig.url, program);
      await until('it has read', () => running.values.length === 1);
      await app.set('/vars/requests', []);
      running.go();
      expect((await running.result()).slice(1)).toEqual([
        ['SERVER_PATCH_TARGET_UNKNOWN', []],
        null,
        'SERVER_PATCH_TARGET_UNKNOWN',
      ]);
    });

    test('a name is shown by what a header can hold of it', async ({ expect }) => {
      const rig = await rigOf();
      const program = `
for name in ("José", "Жанна"): stormkite.connect(name=name).write("/vars/n", 1)
`;
      await python(rig.url, program).result();
      const { turns } = await opened(connect(rig.url)).history();
      const clients = turns.flatMap(({ deltas }) => deltas.map(({ client }) => client));
      expect(clients.filter((client) => client !== undefined)).toEqual(['Jose', '127.0.0.1']);
    });

    test('watching ends with the app', async ({ expect }) => {
      const rig = await rigOf();
      const running = python(rig.url, 'for change in app.watch("/vars/n"): tell(change.value)');
      await until('it watches', () => running.values.length === 1);
      const app = opened(connect(rig.url));
      await app.stopApp();
      await until('the app has ended', async () => (await app.status()).stage === 'stopped');
      await rig.closeServer();
      expect(await running.result()).toEqual([0]);
    });

    test('commands works, and uses a token', async ({ expect }) => {
      const rig = await rigOf({ token: 'secret', createRoot: () => new Notebooks() });
      const program = `
tell([work["name"] for work in app.works()])
app.start("root.train")
for change in app.watch("/works/train/calls"):
    if change.value.get("latest_call_hash"): break
app.stop("root.train")
tell(app.status()["name"])
try: app.start("root.none")
except StormkiteError as error: tell(error.code)
try: stormkite.App("${rig.url}", "wrong").status()
except StormkiteError as error: tell(error.code)
try: stormkite.connect("http://127.0.0.1:9").status()
except stormkite.Unreachable as error: tell(error.code)
tell(stormkite.connect("${rig.url}/view?token=secret").read("/vars/n"))
`;
      const values = await python(rig.url, program, { STORMKITE_TOKEN: 'secret' }).result();
      expect(values).toEqual([
        ['root.train', 'root.team.lead', 'root.steps.0'],
        'rig',
        'WORK_UNKNOWN',
        'SERVER_TOKEN_REFUSED',
        'SERVER_UNREACHABLE',
        0,
      ]);
    });
  });
});
