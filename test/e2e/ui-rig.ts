/** The dashboard of a real app, in a real browser, over a line that can be cut. */
import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { BreakableLine } from '../integration/client/breakable-line.ts';
import { TestCli, type Program } from '../support/cli.ts';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** `null` when there is none: tests are skipped, and fail where `CI` is set. */
export const chromiumPath =
  [process.env['CHROMIUM'] ?? '', ...PLACES].find((path) => path !== '' && existsSync(path)) ??
  null;

interface Running {
  readonly program: Program;
  readonly address: string;
}

export class UiRig {
  /** What the pages complained about. */
  readonly problems: string[] = [];
  readonly line: BreakableLine;
  readonly url: string;
  readonly #start: (env?: Readonly<Record<string, string>>) => Promise<Running>;
  #program: Program;
  /** Address of the app beside the line. */
  #direct: string;
  readonly #rootPath: string;
  readonly #cli: TestCli;
  readonly #browser: Browser;

  private constructor(parts: {
    cli: TestCli;
    browser: Browser;
    line: BreakableLine;
    start: (env?: Readonly<Record<string, string>>) => Promise<Running>;
    running: Running;
    rootPath: string;
  }) {
    this.#cli = parts.cli;
    this.#browser = parts.browser;
    this.line = parts.line;
    this.#start = parts.start;
    this.#program = parts.running.program;
    this.url = parts.line.url + parts.rootPath;
    this.#direct = parts.running.address + parts.rootPath;
    this.#rootPath = parts.rootPath;
  }

  static async open(
    appFile: string,
    rootPath = '',
    env: Readonly<Record<string, string>> = {},
  ): Promise<UiRig> {
    if (chromiumPath === null) throw new Error('there is no Chromium: set CHROMIUM to its path');
    const browser = await chromium.launch({
      executablePath: chromiumPath,
      args: ['--no-sandbox'],
    });
    const cli = await TestCli.open();
    const start = async (more: Readonly<Record<string, string>> = {}): Promise<Running> => {
      const program = cli.run(appFile, { TEST_ROOT_PATH: rootPath, ...env, ...more });
      const [, address = ''] = await program.line(/ at (http:\/\/[\d.]+:\d+)/);
      return { program, address };
    };
    try {
      const running = await start();
      const line = await BreakableLine.open(running.address);
      return new UiRig({ cli, browser, line, start, running, rootPath });
    } catch (error) {
      // Nobody else knows of them.
      await Promise.all([browser.close(), cli.close()]);
      throw error;
    }
  }

  /** Opens a page of the dashboard by the fragment of its URL. */
  async page(hash: string, { width = 1_280 }: { readonly width?: number } = {}): Promise<Page> {
    const context = await this.#browser.newContext({
      viewport: { width, height: 800 },
      colorScheme: 'light',
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    page.on('pageerror', (error) => this.problems.push(String(error)));
    page.on('console', (message) => {
      const isOurs = message.type() === 'error' && !message.text().startsWith('Failed to load');
      const isLine = /WebSocket connection|ERR_/.test(message.text());
      if (isOurs && !isLine) this.problems.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(this.line.url)) this.problems.push(`asked ${request.url()}`);
    });
    await page.goto(`${this.url}/view${hash}`);
    await page.getByRole('navigation', { name: 'Pages' }).waitFor();
    await page.getByText('live', { exact: true }).first().waitFor({ state: 'attached' });
    return page;
  }

  /** Ends the app and runs it from the beginning: the pages' line leads to the new one. */
  async runAfresh(env: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.#program.interrupt();
    const { program, address } = await this.#start(env);
    this.#program = program;
    this.#direct = address + this.#rootPath;
    this.line.aim(address);
    this.line.cut();
  }

  /** What the app itself answers, whether the pages' line is cut or not. */
  async ask(path: string, init: RequestInit = {}): Promise<unknown> {
    const response = await fetch(`${this.#direct}/api/v1/${path}`, init);
    return response.json();
  }

  patch(ops: readonly unknown[]): Promise<unknown> {
    return this.ask('state', {
      method: 'PATCH',
      headers: { 'content-type': 'application/json-patch+json', 'stormkite-client': 'a test' },
      body: JSON.stringify(ops),
    });
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.line.close();
    await this.#cli.close();
  }
}

/** Holds the frames of a page back, as a browser does when it is hidden. */
export class HeldFrames {
  readonly #page: Page;

  private constructor(page: Page) {
    this.#page = page;
  }

  static async of(page: Page): Promise<HeldFrames> {
    await page.evaluate(`{
      const draw = globalThis.requestAnimationFrame;
      globalThis.heldFrames = [];
      globalThis.requestAnimationFrame = (frame) => heldFrames.push(frame);
      globalThis.drawHeldFrames = () => {
        globalThis.requestAnimationFrame = draw;
        for (const frame of heldFrames.splice(0)) frame(performance.now());
      };
    }`);
    return new HeldFrames(page);
  }

  async count(): Promise<number> {
    return (await this.#page.evaluate('heldFrames.length')) as number;
  }

  /** Tells the page that it is hidden, or shown. */
  async tell(isHidden: boolean): Promise<void> {
    await this.#page.evaluate(`{
      Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
      document.dispatchEvent(new Event('visibilitychange'));
    }`);
  }

  /** Draws those that wait, and any other from now on. */
  async draw(): Promise<void> {
    await this.#page.evaluate('drawHeldFrames()');
  }
}
