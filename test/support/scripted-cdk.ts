/** A `cdk` of a project that notes what it was given, and makes nothing. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface CdkCall {
  readonly verb: string;
  readonly args: readonly string[];
}

export class ScriptedCdk {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Puts it into a project.
   *
   * @param verbs - what it does for a verb, as code with `args`, `option(name)` and `write(file, value)`; `synth` makes a template
   *   without resources unless told
   */
  static async write(
    folder: string,
    verbs: Readonly<Record<string, string>> = {},
  ): Promise<ScriptedCdk> {
    const home = join(folder, 'node_modules/aws-cdk');
    await mkdir(join(home, 'bin'), { recursive: true });
    await writeFile(join(home, 'package.json'), '{"name":"aws-cdk","version":"2.1148.1"}');
    const made = {
      synth: `write(option('--output') + '/' + args[1] + '.template.json', { Resources: {} });`,
      ...verbs,
    };
    const cases = Object.entries(made).map(([verb, code]) => `case '${verb}': { ${code} break; }`);
    await writeFile(
      join(home, 'bin/cdk'),
      `const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs');
       const { dirname } = require('node:path');
       const args = process.argv.slice(2);
       const option = (name) => args[args.indexOf(name) + 1];
       const write = (file, value) => {
         mkdirSync(dirname(file), { recursive: true });
         writeFileSync(file, JSON.stringify(value));
       };
       appendFileSync(${JSON.stringify(join(folder, 'cdk-calls'))}, JSON.stringify(args) + '\\n');
       switch (args[0]) { ${cases.join('\n')} }`,
    );
    return new ScriptedCdk(folder);
  }

  /** In order. */
  async calls(): Promise<CdkCall[]> {
    const text = await readFile(join(this.#folder, 'cdk-calls'), 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [verb = '', ...args] = JSON.parse(line) as string[];
        return { verb, args };
      });
  }
}
