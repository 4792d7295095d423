/** The port of a work's own server: claimed by reading `work.port`, announced when it answers. */
import { createServer } from 'node:net';
import { appError, type AppError } from '../errors/index.ts';
import type { WorkProcessHandle } from '../component/process-side.ts';
import type { Reporter } from './reporter.ts';

const LOOPBACK = '127.0.0.1';

export class WorkPort {
  readonly #handle: WorkProcessHandle;
  readonly #reporter: Reporter;
  readonly #reserved: number;
  #claimed = false;
  /** Whether an explicit port was found taken; asked again before the first call. */
  #suspect = false;

  private constructor(handle: WorkProcessHandle, reporter: Reporter, reserved: number) {
    this.#handle = handle;
    this.#reporter = reporter;
    this.#reserved = reserved;
  }

  /**
   * Looks for a free port, or at the one that it must be, before user code may open it.
   *
   * @param given - the port that is led to from outside, where only one is; 0: any
   */
  static async reserve(
    handle: WorkProcessHandle,
    reporter: Reporter,
    given: number,
  ): Promise<WorkPort> {
    const explicit = handle.port ?? 0;
    const wanted = explicit || given;
    const free = await freePort(handle.host, wanted);
    const own = new WorkPort(handle, reporter, wanted || (free ?? 0));
    own.#suspect = free === null;
    if (explicit !== 0) own.claim();
    return own;
  }

  /** The port; the first time it is also reported. */
  claim(): number {
    if (!this.#claimed) {
      this.#claimed = true;
      this.#handle.setVar('_port', this.#reserved);
      this.#reporter.announce(this.#handle.host, this.#reserved);
    }
    return this.#reserved;
  }

  /** The error of an explicit port that another program holds, else `null`. */
  async problem(): Promise<AppError | null> {
    if (!this.#suspect) return null;
    const { host } = this.#handle;
    this.#suspect = (await freePort(host, this.#reserved)) === null;
    return this.#suspect ? appError('PORT_TAKEN', { port: this.#reserved, host }) : null;
  }
}

/** The port if it can be opened on this host, any free one for 0; `null` when it cannot. */
function freePort(host: string, port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () =>
      resolve(port === 0 && host !== LOOPBACK ? freePort(LOOPBACK, 0) : null),
    );
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() =>
        resolve(typeof address === 'object' && address !== null ? address.port : null),
      );
    });
  });
}
