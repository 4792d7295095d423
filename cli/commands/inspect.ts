import { exitCodes } from '../../runtime/host/exit-codes.ts';
import type { Manifest } from '../../runtime/host/manifest.ts';
import { defineCommand, jsonOption } from '../define-command.ts';
import { toTable } from '../table.ts';

export const inspect = defineCommand({
  name: 'inspect',
  summary: 'Show what an app file contains, without running it',
  details:
    'Loads the app in a process of its own. Values of environment variables and secrets are not shown.',
  arguments: { file: { summary: 'The file whose default export is the App' } },
  options: { ...jsonOption, verbose: { summary: 'Show stacks of all errors' } },
  examples: [
    { line: 'stormkite inspect app.ts', does: 'components, hardware, secrets' },
    { line: 'stormkite inspect app.ts --json', does: 'the manifest, as deployment uses it' },
  ],
  async run({ output, signal, env, cwd }, { file }) {
    const { inspectApp } = await import('../../runtime/host/inspect.ts');
    const onOutput = (text: string): void => output.note(text.trimEnd());
    const manifest = await inspectApp({ appFile: file, cwd, env, signal, onOutput });
    output.result(manifest, () => toText(manifest));
    return exitCodes.done;
  },
});

function toText({ appFile, bundleHash, components }: Manifest): string {
  const rows = components.map((component) => {
    if (component.kind !== 'work')
      return [component.name, component.kind, component.class, '-', '-', '-'];
    const { name, kind, hardware, parallel, secrets } = component;
    return [
      name,
      kind,
      component.class,
      hardware.name,
      parallel ? 'yes' : 'no',
      Object.keys(secrets).join(' ') || '-',
    ];
  });
  return `${appFile}  ${bundleHash}\n${toTable(['NAME', 'KIND', 'CLASS', 'HARDWARE', 'PARALLEL', 'SECRETS'], rows)}`;
}
