/** The smallest app with a work. */
import { App, Flow, Work } from 'stormkite';

export class Hello extends Work {
  run() {
    console.log('first line');
  }
}

export class Root extends Flow {
  hello = new Hello();

  run() {
    this.hello.run();
    this.stop();
  }
}

export default new App(new Root());
