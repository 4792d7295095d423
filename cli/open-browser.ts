/** Shows a page in the user's browser, where there is a user who looks. */
import { spawn } from 'node:child_process';

export interface OpenBrowserOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  /** Whether somebody reads what the command prints. */
  readonly isTerminal: boolean;
}

/** The program that opens a page, and its arguments; `null` where nobody would see it. */
export function openerOf(
  url: string,
  { env, platform, isTerminal }: OpenBrowserOptions,
): readonly [string, ...string[]] | null {
  const isAutomatic = !['', '0', 'false'].includes(env['CI'] ?? '');
  if (!isTerminal || isAutomatic) return null;
  if (platform === 'darwin') return ['open', url];
  // `start` reads a first quoted text as the title of a window, and `&` as the end of the command.
  if (platform === 'win32') return ['cmd', '/c', 'start', '""', url.replaceAll('&', '^&')];
  const hasScreen = (env['DISPLAY'] ?? '') !== '' || (env['WAYLAND_DISPLAY'] ?? '') !== '';
  return hasScreen || (env['WSL_DISTRO_NAME'] ?? '') !== '' ? ['xdg-open', url] : null;
}

/** Opens a page; a machine that cannot is no failure, since the address was printed. */
export function openBrowser(url: string, options: OpenBrowserOptions): void {
  const opener = openerOf(url, options);
  if (opener === null) return;
  const [program, ...args] = opener;
  const child = spawn(program, args, { stdio: 'ignore', detached: true, env: options.env });
  child.on('error', () => undefined);
  child.unref();
}
