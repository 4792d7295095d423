/** A network between a client and DynamoDB Local that can fail. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface TcpProxy {
  readonly endpoint: string;
  /** Breaks every connection and refuses new ones. */
  cut(): void;
  /** Keeps connections, and takes new ones, but lets nothing through. */
  swallow(): void;
  /** Lets everything through again; what was swallowed is gone with its connection. */
  mend(): void;
  close(): Promise<void>;
}

type Mode = 'open' | 'cut' | 'swallow';

/** Starts a proxy in front of an endpoint. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const state: { mode: Mode } = { mode: 'open' };
  const dropAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((near) => {
    keep(sockets, near);
    if (state.mode === 'cut') near.destroy();
    if (state.mode === 'swallow') near.resume();
    if (state.mode !== 'open') return;
    const far = connect(Number(port), hostname);
    keep(sockets, far);
    near.on('data', (chunk) => state.mode === 'open' && far.write(chunk));
    far.on('data', (chunk) => state.mode === 'open' && near.write(chunk));
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => {
      state.mode = 'cut';
      dropAll();
    },
    swallow: () => {
      state.mode = 'swallow';
    },
    mend: () => {
      if (state.mode === 'swallow') dropAll();
      state.mode = 'open';
    },
    close: async () => {
      dropAll();
      server.close();
      await once(server, 'close');
    },
  };
}

function keep(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.on('close', () => sockets.delete(socket));
}
