/** A secret and a variable reach the work that names them, and no other. */
import { App, Flow, Work } from 'stormkite';

export class Teller extends Work<{
  secrets?: Record<string, string>;
  env?: Record<string, string>;
}> {
  seen: string[] = [];
  run() {
    const token = process.env['TOKEN'] ?? 'none';
    this.seen = [token === 'hush' ? 'the secret' : token, process.env['COLOUR'] ?? 'none'];
  }
}

export class Root extends Flow {
  a = new Teller({ secrets: { TOKEN: 'env:CONFORMANCE_SECRET' }, env: { COLOUR: 'red' } });
  b = new Teller();
  run() {
    this.a.run();
    this.b.run();
    this.stop(`a ${this.a.seen.join(' ')}, b ${this.b.seen.join(' ')}`);
  }
}

export default new App(new Root());
