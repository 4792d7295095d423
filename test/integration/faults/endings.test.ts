import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { builtCli, temporaryFolder, type Finished } from '../../support/built-cli.ts';

async function run(source: string, env: Record<string, string> = {}): Promise<Finished> {
  const folder = await temporaryFolder();
  try {
    const file = join(folder.path, 'app.ts');
    const head = `import { App, Flow, Work } from 'stormkite';\n`;
    await writeFile(file, `${head}${source}\nexport default new App(new Root());\n`);
    const home = join(folder.path, 'home');
    return await builtCli(['run', file, '--no-open', '--port', '0'], {
      STORMKITE_HOME: home,
      ...env,
    });
  } finally {
    await folder.remove();
  }
}

function linesStarting(text: string, start: string): number {
  return text.split('\n').filter((line) => line.startsWith(start)).length;
}

describe('endings', () => {
  test('everything that a work printed is shown, however soon it is stopped', async ({
    expect,
  }) => {
    const { stdout, code } = await run(`
      class Talker extends Work {
        run() { for (let i = 0; i < 20_000; i += 1) console.log('line ' + i); }
      }
      class Root extends Flow {
        talker = new Talker();
        run() { this.talker.run(); this.stop('told'); }
      }`);
    expect(linesStarting(stdout, '[root.talker] line')).toBe(20_000);
    expect(code).toBe(0);
  });

  test('what a work printed before it left by process.exit is shown', async ({ expect }) => {
    const { stdout, code } = await run(`
      class Leaver extends Work {
        run() { for (let i = 0; i < 1_000; i += 1) console.log('step ' + i); process.exit(1); }
      }
      class Root extends Flow {
        leaver = new Leaver();
        run() { this.leaver.run(); }
      }`);
    expect(linesStarting(stdout, '[root.leaver] step')).toBe(1_000);
    expect(code).toBe(1);
  });

  test('a flow that calls process.exit fails with a word about it', async ({ expect }) => {
    const { stderr, code } = await run(`
      class Root extends Flow {
        run() { process.exit(5); }
      }`);
    expect(stderr).toContain('the flow called process.exit(5)');
    expect(code).toBe(1);
  });

  test('a secret reaches its work alone', async ({ expect }) => {
    const { stdout, code } = await run(
      `
      class Teller extends Work {
        seen: string[] = [];
        run() { this.seen = [process.env['TOKEN'] ?? 'none', process.env['MY_SECRET'] ?? 'none']; }
      }
      class Root extends Flow {
        a = new Teller({ secrets: { TOKEN: 'env:MY_SECRET' } });
        b = new Teller();
        run() {
          this.a.run();
          this.b.run();
          this.stop('a ' + this.a.seen.join(' ').replace('hush', 'told') + ', b ' + this.b.seen.join(' '));
        }
      }`,
      { MY_SECRET: 'hush' },
    );
    expect(stdout).toContain('a told none, b none none');
    expect(code).toBe(0);
  });

  test('what a call still writes after its timeout counts no more, and the next call runs', async ({
    expect,
  }) => {
    const { stdout, code } = await run(`
      class Slow extends Work {
        n = 0;
        constructor() { super({ parallel: true, timeout: 300, raiseException: false }); }
        async run(kind: string) {
          if (kind === 'quick') { this.n += 1; return; }
          for (;;) { this.n += 1000; await new Promise((resolve) => setTimeout(resolve, 50)); }
        }
      }
      class Root extends Flow {
        slow = new Slow();
        atTimeout = -1;
        run() {
          this.slow.run('for ever');
          this.slow.run('quick');
          if (this.slow.numTimeouts > 0 && this.atTimeout < 0) this.atTimeout = this.slow.n;
          if (this.slow.numSuccesses === 1) this.stop(\`grew by \${this.slow.n - this.atTimeout}\`);
        }
      }`);
    expect(stdout).toContain('grew by 1\n');
    expect(code).toBe(0);
  });

  test("an error of the user's code names the line", async ({ expect }) => {
    const { stderr, code } = await run(`
      class Root extends Flow {
        n = 0;
        run() {
          this.n = Number.NaN;
        }
      }`);
    expect(stderr).toMatch(/STATE_NOT_JSON/);
    expect(stderr).toMatch(/line {2}.*app\.ts:6:/);
    expect(code).toBe(1);
  });
});
