/** Small apps for the command line's tests. */

const IMPORT = "import { App, Dict, Flow, Work } from 'stormkite';\n";

/** Prints everywhere and stops by itself. */
export const GREETER = `${IMPORT}
class Greet extends Work {
  run(name: string) { console.log('hello ' + name); console.error('to stderr'); }
}
class Root extends Flow {
  greet = new Greet();
  run() {
    console.log('  a line\\tof the flow  ');
    this.greet.run('world');
    if (this.greet.hasSucceeded) this.stop('that is all');
  }
}
export default new App(new Root());
`;

/** Counts until it is told to stop; a field can be set from outside. */
export const COUNTER = `${IMPORT}
export class Count extends Work {
  counter = 0;
  constructor() { super({ parallel: true, raiseException: false }); }
  async run() {
    console.log('counting from ' + this.counter);
    while (!this.signal.aborted) { this.counter += 1; await new Promise((r) => setTimeout(r, 20)); }
  }
}
export class Root extends Flow {
  count = new Count();
  extra = new Dict<Count>();
  limit = 0;
  turns = 0;
  note?: string;
  run() { this.count.run(); }
}
export default new App(new Root());
`;

/** A flow whose \`run\` has this body. */
export function flowThat(body: string, works = ''): string {
  return `${IMPORT}${works}\nclass Root extends Flow {\n  ${works === '' ? '' : 'w = new W();'}\n  run() { ${body} }\n}\nexport default new App(new Root());\n`;
}
