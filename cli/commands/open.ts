import { once } from 'node:events';
import { exitCodes } from '../../runtime/host/exit-codes.ts';
import type { DeployedApp } from '../../runtime/host/deployed-app.ts';
import { appOption, defineCommand, jsonOption, type CommandContext } from '../define-command.ts';
import { findApp, findDeployed } from '../find-app.ts';
import { openBrowser } from '../open-browser.ts';

export const open = defineCommand({
  name: 'open',
  summary: 'Open the dashboard of an app in a browser',
  details:
    'Where there is no browser, or the address has a token in it, it is printed. To a deployed app without an address of its own a tunnel stays\n' +
    'open until Ctrl-C.',
  arguments: {},
  options: { ...appOption, ...jsonOption },
  examples: [
    { line: 'stormkite open', does: 'the only app that runs' },
    { line: 'stormkite open --app shop', does: 'a deployed app, through a tunnel' },
  ],
  async run(context, { app }) {
    const { env, output, signal } = context;
    const deployed = await findDeployed(context, app);
    const { name, base, token, isTunnel } = await addressOf(context, app, deployed);
    const query = token === undefined ? '' : `?token=${encodeURIComponent(token)}`;
    const url = `${base}/view${query}`;
    output.result({ app: name, url }, () => url);
    const isTerminal = !output.isJson && process.stdout.isTTY;
    // The arguments of a program are there for all to see: an address with a token is only printed.
    if (query === '') openBrowser(url, { env, platform: process.platform, isTerminal });
    if (isTunnel && !signal.aborted) {
      output.note('the tunnel stays open until Ctrl-C');
      await once(signal, 'abort');
    }
    return exitCodes.done;
  },
});

interface Address {
  readonly name: string;
  readonly base: string;
  readonly token?: string | undefined;
  /** Whether it lasts only as long as this command. */
  readonly isTunnel: boolean;
}

/** Where browsers reach an app: at its own address, if it has one. */
async function addressOf(
  context: CommandContext,
  app: string | undefined,
  deployed: DeployedApp | null,
): Promise<Address> {
  if (deployed === null) {
    const { info } = await findApp(context, app);
    return { name: info.name, base: info.url, token: info.token, isTunnel: false };
  }
  const { name, publicUrl } = deployed;
  if (publicUrl !== null)
    return { name, base: publicUrl, token: (await deployed.token()) ?? undefined, isTunnel: false };
  const { url, token } = await deployed.reach(context.signal);
  return { name, base: url, token, isTunnel: true };
}
