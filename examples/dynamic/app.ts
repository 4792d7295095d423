/**
 * Option 2: works in a Dict. A notebook server for every team-mate, made when one is requested and stopped on demand.
 *
 * `requests` is edited from outside: by a user interface, or with `stormkite state set`.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { App, CloudCompute, Dict, Flow, Work } from 'stormkite';

interface Request {
  readonly username: string;
  readonly useGpu: boolean;
  /** Filled in when the notebook can be opened. */
  token: string | null;
  readonly stop: boolean;
}

/** Stands for a notebook server: a page that wants a token. */
export class Notebook extends Work<{ username: string; useGpu: boolean }> {
  token: string | null = null;

  constructor(props: { username: string; useGpu: boolean }) {
    super({
      parallel: true,
      cloudCompute: new CloudCompute(props.useGpu ? 'gpu' : 'cpu-small'),
      ...props,
    });
  }

  async run() {
    const token = crypto.randomUUID();
    const server = createServer(({ url }, response) => {
      response.statusCode = url === `/?token=${token}` ? 200 : 403;
      response.end(
        response.statusCode === 200 ? `Notebook of ${this.props.username}\n` : 'wrong token\n',
      );
    });
    server.listen({ port: this.port, host: this.host, signal: this.signal });
    this.token = token;
    await once(server, 'close');
  }
}

export class NotebookManager extends Flow {
  notebooks = new Dict<Notebook>();
  requests: Request[] = [];

  run() {
    for (const request of this.requests) {
      const { username, useGpu } = request;
      const notebook = (this.notebooks[username] ??= new Notebook({ username, useGpu }));
      if (notebook.hasStopped) notebook.start();
      notebook.run();

      const token = notebook.url === '' ? null : notebook.token;
      if (token !== null && request.token === null) {
        console.log(`the notebook of ${username} is at ${notebook.url}/?token=${token}`);
      }
      request.token = token;

      if (request.stop) {
        notebook.stop();
        console.log(`the notebook of ${username} is stopped`);
      }
    }
    this.requests = this.requests.filter(({ stop }) => !stop);
  }
}

export default new App(new NotebookManager());
