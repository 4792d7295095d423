/** What `stormkite init` writes. `test/integration/cli` runs it. */

const APP = `import { App, Flow, Work } from 'stormkite';

/** Runs in a process of its own. Public fields are state: the flow sees them change. */
export class Count extends Work {
  counter = 0;

  constructor() {
    super({ parallel: true });
  }

  async run(upTo: number) {
    while (this.counter < upTo && !this.signal.aborted) {
      this.counter += 1;
      console.log(\`counted to \${this.counter}\`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** Runs again whenever something changes; must be idempotent. */
export class Root extends Flow {
  count = new Count();
  upTo = 5;

  run() {
    this.count.run(this.upTo);
    if (this.count.hasSucceeded) this.stop(\`the work counted to \${this.count.counter}\`);
  }
}

export default new App(new Root());
`;

const README = `# NAME

A [Stormkite](https://www.npmjs.com/package/stormkite) app: \`app.ts\` has a flow that runs a work in a process of its own.

\`\`\`sh
stormkite run app.ts              # run it here
stormkite run app.ts --resume     # go on after Ctrl-C or a crash
stormkite ps                      # in another terminal: what runs
stormkite logs count -f           # what the work prints
stormkite state get               # the state of the app
stormkite state set /vars/upTo 8  # change it while it runs
\`\`\`

For types in your editor: \`npm install\`.
`;

const TSCONFIG = {
  compilerOptions: {
    target: 'ES2023',
    module: 'nodenext',
    strict: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    skipLibCheck: true,
    noEmit: true,
    types: ['node'],
  },
  include: ['*.ts'],
};

/** The files of a starter, by name. */
export function starterFiles(name: string, version: string): Record<string, string> {
  const manifest = {
    name,
    private: true,
    type: 'module',
    scripts: { start: 'stormkite run app.ts' },
    dependencies: { stormkite: `^${version}` },
    devDependencies: { '@types/node': '^20.19.0', typescript: '^6.0.0' },
  };
  return {
    'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
    'tsconfig.json': `${JSON.stringify(TSCONFIG, null, 2)}\n`,
    'app.ts': APP,
    'README.md': README.replace('NAME', name),
    '.gitignore': 'node_modules/\n',
  };
}
