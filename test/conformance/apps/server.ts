/** A work serves HTTP where its url says, until it is stopped. */
import { createServer } from 'node:http';
import { App, Flow, Work } from 'stormkite';

export class Greeter extends Work {
  up = false;
  constructor() {
    super({ parallel: true });
  }
  async run() {
    const server = createServer((request, response) => response.end(`hello ${request.url}`));
    await new Promise<void>((resolve) => server.listen(this.port, this.host, resolve));
    this.up = true;
    await new Promise<void>((resolve) => this.signal.addEventListener('abort', () => resolve()));
    server.close();
  }
}

export class Root extends Flow {
  greeter = new Greeter();
  answer = '';
  async run() {
    this.greeter.run();
    if (!this.greeter.up || this.greeter.url === '') return;
    if (this.answer === '')
      this.answer = await (await fetch(new URL('/you', this.greeter.url))).text();
    this.greeter.stop();
    if (this.greeter.hasStopped) this.stop(this.answer);
  }
}

export default new App(new Root());
