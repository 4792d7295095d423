import { once } from 'node:events';
import { exitCodes } from '../../runtime/host/exit-codes.ts';
import { appOption, defineCommand, jsonOption } from '../define-command.ts';
import { findApp } from '../find-app.ts';
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
    const { info, deployed } = await findApp(context, app);
    const query = info.token === undefined ? '' : `?token=${encodeURIComponent(info.token)}`;
    const url = `${info.url}/view${query}`;
    output.result({ app: info.name, url }, () => url);
    const isTerminal = !output.isJson && process.stdout.isTTY;
    // The arguments of a program are there for all to see: an address with a token is only printed.
    if (query === '') openBrowser(url, { env, platform: process.platform, isTerminal });
    if (deployed !== null && info.url.startsWith('http://127.0.0.1') && !signal.aborted) {
      output.note('the tunnel stays open until Ctrl-C');
      await once(signal, 'abort');
    }
    return exitCodes.done;
  },
});
