import { describe, test } from 'vitest';
import { openBrowser, openerOf } from '../../../cli/open-browser.ts';

const URL = 'http://127.0.0.1:7501/view';
const screen = { DISPLAY: ':0' };

describe('the page of an app', () => {
  test.for([
    ['linux', screen, ['xdg-open', URL]],
    ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, ['xdg-open', URL]],
    ['linux', { WSL_DISTRO_NAME: 'Debian' }, ['xdg-open', URL]],
    ['darwin', {}, ['open', URL]],
    ['win32', {}, ['cmd', '/c', 'start', '""', URL]],
  ] as const)('is opened on %s (%o)', ([platform, env, opener], { expect }) => {
    expect(openerOf(URL, { env, platform, isTerminal: true })).toEqual(opener);
  });

  test('is not opened where nobody looks', ({ expect }) => {
    const env = { ...screen, CI: 'true' };
    expect(openerOf(URL, { env, platform: 'darwin', isTerminal: true })).toBe(null);
    expect(openerOf(URL, { env: screen, platform: 'linux', isTerminal: false })).toBe(null);
    expect(openerOf(URL, { env: {}, platform: 'linux', isTerminal: true })).toBe(null);
    const isNo = { ...screen, CI: 'false' };
    expect(openerOf(URL, { env: isNo, platform: 'linux', isTerminal: true })).not.toBe(null);
  });

  test('a machine without an opener is no failure', ({ expect }) => {
    const env = { ...screen, PATH: '/nowhere' };
    expect(() => openBrowser(URL, { env, platform: 'linux', isTerminal: true })).not.toThrow();
  });
});
