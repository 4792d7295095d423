import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, test } from 'vitest';
import { connect, type AppClient } from '../../../runtime/client/index.ts';
import { serverSentEvents } from '../../../runtime/client/live-events.ts';
import { Requests } from '../../../runtime/client/requests.ts';
import { linesOf } from '../../../runtime/client/stream-lines.ts';
import { uncaughtIn } from '../../support/uncaught-in.ts';
import { until } from '../../support/until.ts';

const requests = new Requests({ url: 'http://127.0.0.1:1' });

async function* linesIn(text: string): AsyncGenerator<string> {
  yield* text.split('\n');
}

async function parsed(text: string): Promise<unknown[]> {
  const messages: unknown[] = [];
  for await (const message of serverSentEvents(requests, linesIn(text))) messages.push(message);
  return messages;
}

describe('server-sent events', () => {
  test('are read as the standard says', async ({ expect }) => {
    const text = [
      ': a comment',
      'retry: 1000',
      '',
      'event: turn',
      'id: r-1',
      'data: {"a":',
      'data:1}',
      '',
      'data: "plain"\r',
      '\r',
      'event: cut off',
      'data: 1',
    ].join('\n');
    expect(await parsed(text)).toEqual([
      { event: 'turn', id: 'r-1', data: { a: 1 } },
      { event: 'message', id: null, data: 'plain' },
    ]);
  });

  test('that are not JSON come from some other server', async ({ expect }) => {
    await expect(parsed('data: {\n\n')).rejects.toMatchObject({ code: 'SERVER_ANSWER_INVALID' });
  });
});

/** A server that is told what to send on each connection to the stream. */
class StreamServer {
  readonly asked: string[] = [];
  /** The version that it answers writes with. */
  committed = 0;
  readonly #server = createServer((request, response) => {
    this.asked.push(request.url ?? '');
    if (request.url?.includes('/stream') === true) this.#answer(response, this.asked.length);
    else response.end(JSON.stringify({ version: this.committed }));
  });
  readonly #answer: (response: ServerResponse, attempt: number) => void;

  constructor(answer: (response: ServerResponse, attempt: number) => void) {
    this.#answer = answer;
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const event = (name: string, id: string, data: object): string =>
  `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
const SNAPSHOT = event('snapshot', 'a-1', { version: 1, state: { vars: { n: 1 } } });
const turn = (version: number, ops: object[]): string =>
  event('turn', `a-${version}`, { version, at: 0, ops, sources: [], stage: 'running' });

describe('following a stream', () => {
  const closing: { close(): void }[] = [];
  afterEach(() => closing.splice(0).forEach((each) => each.close()));
  const follow = async (
    answer: (response: ServerResponse, attempt: number) => void,
    onError?: (error: Error) => void,
  ) => {
    const server = new StreamServer(answer);
    closing.push(server);
    const url = await server.open();
    const errors: Error[] = [];
    const app = connect({
      url,
      reconnect: { minMs: 1, maxMs: 5 },
      onError: onError ?? ((error) => errors.push(error)),
    });
    closing.unshift(app);
    return { server, app, errors };
  };

  test('a turn that does not fit makes it load the whole state again', async ({ expect }) => {
    const { app, server, errors } = await follow((response, attempt) => {
      if (attempt === 1) {
        response.write(SNAPSHOT + turn(2, [{ op: 'remove', path: '/vars/none' }]));
      } else {
        response.write(event('snapshot', 'a-2', { version: 2, state: { vars: { n: 2 } } }));
      }
    });
    await app.ready();
    await until('it has the second', () => app.snapshot('/vars/n') === 2);
    expect(errors).toMatchObject([{ code: 'CLIENT_OUT_OF_STEP' }]);
    expect(server.asked).toEqual(['/api/v1/stream', '/api/v1/stream']);
  });

  test('what onError throws is uncaught, and the state is followed all the same', async ({
    expect,
  }) => {
    const thrown = await uncaughtIn(async () => {
      const { app } = await follow(
        (response, attempt) => {
          if (attempt === 1) response.write(SNAPSHOT + turn(9, []));
          else response.write(event('snapshot', 'a-9', { version: 9, state: { vars: { n: 9 } } }));
        },
        () => {
          throw new Error('mine');
        },
      );
      await app.ready();
      await until('it has the second', () => app.snapshot('/vars/n') === 9);
    });
    expect(thrown).toMatchObject([{ message: 'mine' }]);
  });

  test('a turn that is missing is noticed, one that is repeated is left out', async ({
    expect,
  }) => {
    const set = (value: number): object[] => [{ op: 'add', path: '/vars/list/-', value }];
    const { app, errors } = await follow((response, attempt) => {
      const state = { vars: { list: attempt === 1 ? [] : [2, 3, 4] } };
      response.write(event('snapshot', 'a-1', { version: attempt === 1 ? 1 : 4, state }));
      if (attempt > 1) return;
      response.write(turn(2, set(2)) + turn(2, set(2)) + turn(4, set(4)));
    });
    const seen: unknown[] = [];
    app.subscribe('/vars/list', (list) => seen.push(list));
    await until('it is complete', () => app.isReady && seen.length === 3);
    expect(seen).toEqual([[], [2], [2, 3, 4]]);
    expect(errors).toMatchObject([{ code: 'CLIENT_OUT_OF_STEP' }]);
  });

  test('it resumes after the last event that it took', async ({ expect }) => {
    const { app, server } = await follow((response, attempt) => {
      if (attempt === 1)
        response.end(SNAPSHOT + turn(2, [{ op: 'replace', path: '/vars/n', value: 2 }]));
      else response.write(': connected\n\n');
    });
    await app.ready();
    await until('it asked again', () => server.asked.length === 2);
    expect(server.asked[1]).toBe('/api/v1/stream?lastEventId=a-2');
    await until('it is live', () => app.connection.current.status === 'live');
    expect(app.snapshot('/vars/n')).toBe(2);
  });

  test('a server that is none of ours is told, and tried again', async ({ expect }) => {
    const { app, server } = await follow((response) => response.end('data: {"x":1}\n\n'));
    const end = new AbortController();
    const ready = app.ready({ signal: end.signal });
    await until('it tried thrice', () => server.asked.length >= 3);
    const { retryAt, status } = app.connection.current;
    expect([status, typeof retryAt]).toEqual(['offline', 'number']);
    end.abort();
    await expect(ready).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
  });

  test('an app that refuses it for a while is tried again', async ({ expect }) => {
    const { app, server } = await follow((response, attempt) => {
      if (attempt === 1) response.end(SNAPSHOT);
      else if (attempt === 2)
        response
          .writeHead(429)
          .end(JSON.stringify({ code: 'SERVER_TOKEN_LIMITED', message: 'too many' }));
      else response.write(': connected\n\n');
    });
    await app.ready();
    await until('it is live', () => server.asked.length === 3 && isLive(app));
    expect(app.snapshot('/vars/n')).toBe(1);
  });

  test('a write whose version is gone with the run of the app is settled', async ({ expect }) => {
    let first: ServerResponse | null = null;
    let isAnew = false;
    const { app, server } = await follow((response, attempt) => {
      if (attempt === 1) {
        first = response;
        response.write(event('snapshot', 'a-56', { version: 56, state: { vars: { n: 1 } } }));
      } else if (isAnew) {
        response.write(event('snapshot', 'b-1', { version: 1, state: { vars: { n: 9 } } }));
      } else {
        response.writeHead(503).end();
      }
    });
    server.committed = 57;
    const state = app.state as Record<string, unknown>;
    await app.ready();
    (first as ServerResponse | null)?.end();
    await until('it is offline', () => app.connection.current.status === 'offline');
    state['n'] = 2;
    const written = Promise.all([
      app.settled(),
      app.set('/vars/n', 2),
      app.patch([{ op: 'replace', path: '/vars/n', value: 2 }]),
    ]);
    await app.status();
    const { length } = server.asked;
    await until('it was answered', () => server.asked.length >= length + 3);
    isAnew = true;
    await written;
    expect(state['n']).toBe(9);
  });

  test('a write waits for its turn when the state from before it was still under way', async ({
    expect,
  }) => {
    let stream: ServerResponse | null = null;
    const { app, server } = await follow((response) => {
      stream = response;
      response.write(': connected\n\n');
    });
    const send = (text: string): void => void (stream as ServerResponse | null)?.write(text);
    server.committed = 2;
    const ready = app.ready();
    await until('the stream is open', () => stream !== null);
    let isDone = false;
    const set = app.set('/vars/n', 2).then(() => (isDone = true));
    await until('it was asked', () => server.asked.length === 2);
    await app.status();
    send(SNAPSHOT);
    await ready;
    expect(isDone).toBe(false);
    send(turn(2, [{ op: 'replace', path: '/vars/n', value: 2 }]));
    await set;
    expect(app.snapshot('/vars/n')).toBe(2);
  });

  test('what a listener throws keeps no other listener from hearing', async ({ expect }) => {
    const { app } = await follow((response) => {
      response.write(SNAPSHOT + turn(2, [{ op: 'replace', path: '/vars/n', value: 2 }]));
    });
    const thrown = await uncaughtIn(async () => {
      const seen: unknown[] = [];
      app.subscribe('/vars/n', () => {
        throw new Error('mine');
      });
      app.subscribe('/vars/n', (n) => seen.push(n));
      await until('both heard', () => seen.length === 2);
    });
    expect(thrown).toMatchObject([{ message: 'mine' }, { message: 'mine' }]);
  });

  test('lines whose characters come in pieces are whole', async ({ expect }) => {
    const own = new Requests({ url: await urlOfPieces(closing) });
    const lines: string[] = [];
    for await (const line of linesOf(own, '/stream')) lines.push(line);
    expect(lines).toEqual(['äää', '€']);
  });
});

function isLive(app: AppClient): boolean {
  return app.connection.current.status === 'live';
}

/** A server whose characters are cut in the middle. */
async function urlOfPieces(closing: { close(): void }[]): Promise<string> {
  const server = new StreamServer((response) => {
    const bytes = Buffer.from('äää\n€\nunfinished');
    response.write(bytes.subarray(0, 3));
    setImmediate(() => {
      response.write(bytes.subarray(3, 9));
      setImmediate(() => response.end(bytes.subarray(9)));
    });
  });
  closing.push(server);
  return await server.open();
}
