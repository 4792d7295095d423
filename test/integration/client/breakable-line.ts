/** A network between a client and a server, whose connections can be cut at any moment. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class BreakableLine {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  #target: { readonly host: string; readonly port: number };
  /** How often connections were cut. */
  cuts = 0;
  /** Refuses new connections while true. */
  isDown = false;

  private constructor(url: string, target: string, server: Server, sockets: Set<Socket>) {
    this.url = url;
    this.#target = addressOf(target);
    this.#server = server;
    this.#sockets = sockets;
  }

  /** @param target - URL of the server */
  static async open(target: string): Promise<BreakableLine> {
    const sockets = new Set<Socket>();
    const server = createServer((inner) => {
      if (line.isDown) {
        inner.destroy();
        return;
      }
      const outer = connect(line.#target);
      for (const socket of [inner, outer]) {
        sockets.add(socket);
        // An error is followed by `close`.
        socket.on('error', () => undefined);
        socket.on('close', () => {
          sockets.delete(socket);
          inner.destroy();
          outer.destroy();
        });
      }
      inner.pipe(outer);
      outer.pipe(inner);
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const line = new BreakableLine(`http://127.0.0.1:${port}`, target, server, sockets);
    return line;
  }

  /** Leads new connections to another server. */
  aim(target: string): void {
    this.#target = addressOf(target);
  }

  /** Cuts every connection. */
  cut(): void {
    this.cuts += 1;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function addressOf(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
