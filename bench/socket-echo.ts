/** The bare thing: a child process that sends back what it gets over a unix socket. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { nowMs } from './statistics.ts';

const CHILD = fileURLToPath(new URL('children/echo.mjs', import.meta.url));

export interface Echo {
  readonly socket: Socket;
  /** From spawning the child to its connection. */
  readonly connectedMs: number;
  close(): Promise<void>;
}

export async function openEcho(): Promise<Echo> {
  const path = join(tmpdir(), `echo-${process.pid}`);
  const server = createServer().listen(path);
  await once(server, 'listening');
  const startMs = nowMs();
  const child = spawn(process.execPath, [CHILD, path], { stdio: 'ignore' });
  const [socket] = (await once(server, 'connection')) as [Socket];
  return { socket, connectedMs: nowMs() - startMs, close: () => closeEcho(server, socket, child) };
}

async function closeEcho(server: Server, socket: Socket, child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  socket.destroy();
  server.close();
  await gone;
}

/** Milliseconds of each round trip. */
export async function roundTrips(
  { socket }: Echo,
  count: number,
  spacingMs: number,
): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i += 1) {
    await sleep(spacingMs);
    const startMs = nowMs();
    const back = once(socket, 'data');
    socket.write('{"type":"delta","seq":1,"ops":[]}\n');
    await back;
    times.push(nowMs() - startMs);
  }
  return times;
}
