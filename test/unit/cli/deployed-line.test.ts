import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { DeployedLine } from '../../../cli/deployed-line.ts';
import { Output } from '../../../cli/output.ts';
import { appError } from '../../../runtime/errors/index.ts';

describe('requests to a deployed app', () => {
  let flow: Server;
  beforeEach(async () => {
    flow = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"stage":"paused"}');
    }).listen(0, '127.0.0.1');
    await once(flow, 'listening');
  });
  afterEach(async () => {
    flow.closeAllConnections();
    flow.close();
    await once(flow, 'close');
  });

  const context = () => ({
    output: new Output({ isJson: true, isVerbose: false, env: {} }),
    signal: new AbortController().signal,
    env: { STORMKITE_POLL_MS: '1' },
  });

  test('go on through a new tunnel when one has ended', async ({ expect }) => {
    const { port } = flow.address() as AddressInfo;
    const tunnels: AbortSignal[] = [];
    const line = new DeployedLine(context(), {
      name: 'far',
      reach: async (signal) => {
        tunnels.push(signal);
        if (tunnels.length === 1)
          throw appError('DEPLOY_FLOW_NOT_RUNNING', { app: 'far', region: 'here' });
        // Of the second one nothing listens behind the tunnel.
        return { url: `http://127.0.0.1:${tunnels.length === 2 ? 1 : port}` };
      },
    });
    expect(await line.ask(async (client) => (await client.status()).stage)).toBe('paused');
    expect(await line.ask(async (client) => (await client.status()).stage)).toBe('paused');
    expect(tunnels.map(({ aborted }) => aborted)).toEqual([false, true, false]);
    line.close();
    expect(tunnels.at(-1)?.aborted).toBe(true);
  });

  test('are given up when nothing answers for long, and at once for what waiting does not mend', async ({
    expect,
  }) => {
    const failing = (error: Error) =>
      new DeployedLine(
        context(),
        {
          name: 'far',
          reach: async () => {
            throw error;
          },
        },
        { patienceMs: 0 },
      ).ask((client) => client.status());
    const tunnel = appError('DEPLOY_TUNNEL_FAILED', { app: 'far', problem: 'it ended' });
    await expect(failing(tunnel)).rejects.toMatchObject({
      code: 'DEPLOY_FLOW_SILENT',
      cause: tunnel,
    });
    const plugin = appError('AWS_PLUGIN_MISSING', { program: 'plugin' });
    await expect(failing(plugin)).rejects.toBe(plugin);
  });
});
