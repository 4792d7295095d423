/**
 * The flow's end of the sockets: who connects must name a slot that is expected, once.
 */
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appError } from '../../errors/index.ts';
import { encodeFrame, FrameReader } from '../../protocol/framing.ts';
import { parseChildMessage, type ChildMessage, type FlowMessage } from '../../protocol/messages.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import type { WorkRef } from '../../ports/launcher.ts';

/** Only this user may connect. */
const FOLDER_MODE = 0o700;

const FOLDER_PREFIX = 'sk-';
const SOCKET_NAME = 's';
/** A folder that is younger may belong to a flow that does not listen yet. */
const MIN_SWEEP_AGE_MS = 60_000;

/** Who waits for a connection. */
export interface ConnectionOwner {
  /** The launch whose deltas are taken; `null` while the process has no work. */
  readonly ref: WorkRef | null;
  connected(connection: Connection): void;
  /** All messages of one read, in order. */
  received(messages: readonly ChildMessage[]): void;
  /** Something came that cannot be understood; the connection is over. */
  broken(error: unknown): void;
  /** Everything that was sent was received. */
  closed(): void;
}

export interface Connection {
  send(message: FlowMessage): void;
  close(): void;
}

export class SocketServer {
  readonly path: string;
  readonly #folder: string | null;
  readonly #server: Server;
  readonly #owners = new Map<string, ConnectionOwner>();
  readonly #sockets = new Set<Socket>();

  private constructor(path: string, folder: string | null) {
    this.path = path;
    this.#folder = folder;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Listens at a place of its own; places that killed flows left behind are removed. */
  static async open(): Promise<SocketServer> {
    const windows = process.platform === 'win32';
    if (!windows) await sweep();
    // Paths of unix sockets are short: about 100 characters.
    const folder = windows ? null : await mkdtemp(join(tmpdir(), FOLDER_PREFIX));
    if (folder !== null) await chmod(folder, FOLDER_MODE);
    const path =
      folder === null ? `\\\\.\\pipe\\stormkite-${randomUUID()}` : join(folder, SOCKET_NAME);
    const server = new SocketServer(path, folder);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen({ path, backlog: 1_024 }, resolve);
    });
    return server;
  }

  /** Expects one connection; gives the secret that it must name. */
  expect(owner: ConnectionOwner): string {
    const slot = randomUUID();
    this.#owners.set(slot, owner);
    return slot;
  }

  forget(slot: string): void {
    this.#owners.delete(slot);
  }

  /** Cuts all connections and removes the socket's folder. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    if (this.#folder !== null) await rm(this.#folder, { recursive: true, force: true });
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const reader = new FrameReader();
    let owner: ConnectionOwner | null = null;
    const receive = (chunk: Buffer): void => {
      const messages: ChildMessage[] = [];
      try {
        for (const text of reader.push(chunk)) {
          const message = parseChildMessage(text, owner?.ref ?? null);
          if (owner === null) owner = this.#greet(socket, message);
          else messages.push(message);
        }
      } catch (error) {
        owner?.received(messages.splice(0));
        owner?.broken(error);
        socket.destroy();
        return;
      }
      if (messages.length > 0) owner?.received(messages);
    };
    socket.on('data', receive);
    // An error is followed by `close`.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      owner?.closed();
    });
  }

  #greet(socket: Socket, message: ChildMessage): ConnectionOwner {
    const owner = message.type === 'hello' ? this.#owners.get(message.slot) : undefined;
    if (message.type !== 'hello' || owner === undefined) {
      throw appError('PROTOCOL_MESSAGE_INVALID', {
        message: 'socket',
        problem: 'it names no slot that is expected',
      });
    }
    this.#owners.delete(message.slot);
    owner.connected({
      send: (sent) => void socket.write(encodeFrame(sent)),
      close: () => socket.destroy(),
    });
    if (message.protocol !== PROTOCOL_VERSION) {
      owner.broken(
        appError('PROTOCOL_VERSION_MISMATCH', {
          expected: PROTOCOL_VERSION,
          got: message.protocol,
        }),
      );
      socket.destroy();
    }
    return owner;
  }
}

/** Removes the sockets that nobody listens to any more. */
async function sweep(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(FOLDER_PREFIX));
  for (const name of names) {
    const folder = join(tmpdir(), name);
    const socket = join(folder, SOCKET_NAME);
    const status = await stat(socket).catch(() => null);
    if (status?.isSocket() !== true || Date.now() - status.mtimeMs < MIN_SWEEP_AGE_MS) continue;
    if (await isRefused(socket)) await removeSocket(folder);
  }
}

function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error) => resolve('code' in error && error.code === 'ECONNREFUSED'));
  });
}

/** Removes nothing but a socket and the folder around it. */
async function removeSocket(folder: string): Promise<void> {
  await rm(join(folder, SOCKET_NAME), { force: true }).catch(() => undefined);
  await rmdir(folder).catch(() => undefined);
}
