import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { builtCli, temporaryFolder, type Finished } from '../../support/built-cli.ts';

/** Runs the text of an app to its end. */
async function runApp(source: string): Promise<Finished> {
  const folder = await temporaryFolder();
  try {
    const file = join(folder.path, 'app.ts');
    await writeFile(
      file,
      `import { App, Flow, Work } from 'stormkite';\n${source}\nexport default new App(new Root());\n`,
    );
    return await builtCli(['run', file, '--no-open', '--port', '0'], {
      STORMKITE_HOME: join(folder.path, 'home'),
    });
  } finally {
    await folder.remove();
  }
}

describe('loads', () => {
  test('a thousand quick calls run in order, each once', async ({ expect }) => {
    const { stdout, code } = await runApp(`
      class Adder extends Work {
        order: number[] = [];
        constructor() { super({ parallel: true }); }
        run(n: number) { this.order.push(n); }
      }
      class Root extends Flow {
        adder = new Adder();
        run() {
          for (let n = 0; n < 1000; n += 1) this.adder.run(n);
          if (this.adder.numSuccesses < 1000) return;
          const inOrder = this.adder.order.every((n, index) => n === index);
          this.stop(\`\${this.adder.order.length} \${inOrder}\`);
        }
      }`);
    expect(stdout).toContain('1000 true');
    expect(code).toBe(0);
  });

  test('a work that writes faster than the flow applies loses nothing that stays', async ({
    expect,
  }) => {
    const { stdout, code } = await runApp(`
      class Writer extends Work {
        n = 0;
        last: number[] = [];
        constructor() { super({ parallel: true }); }
        run() {
          for (this.n = 0; this.n < 300_000; this.n += 1) {
            this.last.push(this.n);
            if (this.last.length > 100) this.last.shift();
          }
        }
      }
      class Root extends Flow {
        writer = new Writer();
        run() {
          const until = performance.now() + 20;
          while (performance.now() < until) { /* a slow flow */ }
          this.writer.run();
          const { n, last } = this.writer;
          if (this.writer.hasSucceeded) this.stop(\`\${n} \${last.length} \${last[0]} \${last.at(-1)}\`);
        }
      }`);
    expect(stdout).toContain('300000 100 299900 299999');
    expect(code).toBe(0);
  });

  test('ten megabytes in one field arrive whole', async ({ expect }) => {
    const { stdout, code } = await runApp(`
      class Big extends Work {
        text = '';
        rows: { id: number; name: string }[] = [];
        constructor() { super({ parallel: true }); }
        run() {
          this.text = 'x'.repeat(10_000_000);
          this.rows = Array.from({ length: 100_000 }, (_, id) => ({ id, name: 'row ' + id }));
        }
      }
      class Root extends Flow {
        big = new Big();
        run() {
          this.big.run();
          if (this.big.hasSucceeded) this.stop(\`\${this.big.text.length} \${this.big.rows.at(-1)?.name}\`);
        }
      }`);
    expect(stdout).toContain('10000000 row 99999');
    expect(code).toBe(0);
  });

  test('a work out of memory fails with the reason, and the flow decides', async ({ expect }) => {
    const { stdout, code } = await runApp(`
      class Hog extends Work {
        constructor() { super({ parallel: true, raiseException: false, env: { NODE_OPTIONS: '--max-old-space-size=64' } }); }
        run() { const all: number[][] = []; for (;;) all.push(Array.from({ length: 100_000 }, (_, i) => i)); }
      }
      class Root extends Flow {
        hog = new Hog();
        run() {
          this.hog.run();
          if (this.hog.hasFailed) this.stop(\`reason \${this.hog.status.reason}\`);
        }
      }`);
    expect(stdout).toContain('reason oom');
    expect(code).toBe(0);
  });

  test('a work that returns a value fails with a hint and fails the app', async ({ expect }) => {
    const { stderr, code } = await runApp(`
      class Returner extends Work {
        // @ts-expect-error -- a work returns nothing
        run() { return 42; }
      }
      class Root extends Flow {
        returner = new Returner();
        run() { this.returner.run(); }
      }`);
    expect(stderr).toContain('WORK_RETURNED_VALUE');
    expect(stderr).toContain('put results into a public field');
    expect(code).toBe(1);
  });

  test('a value nested too deep is refused where it is assigned', async ({ expect }) => {
    const { stderr, code } = await runApp(`
      class Deep extends Work {
        value: unknown = null;
        run() { let value: unknown = 1; for (let i = 0; i < 500; i += 1) value = [value]; this.value = value; }
      }
      class Root extends Flow {
        deep = new Deep();
        run() { this.deep.run(); }
      }`);
    expect(stderr).toContain('STATE_TOO_DEEP');
    expect(code).toBe(1);
  });
});
