/** The notebooks app as people use it: a real JupyterLab and a real Streamlit in tabs of the dashboard, below a root path. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { FrameLocator, Page } from 'playwright-core';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { temporaryFolder } from '../support/built-cli.ts';
import { pythonPrograms, pythonReason } from '../support/python-venv.ts';
import { until } from '../support/until.ts';
import { chromiumPath, UiRig } from './ui-rig.ts';

const ROOT_PATH = '/team';
const NEEDED = ['jupyter', 'jupyter-lab', 'streamlit'] as const;
/** How long a cell may take to say something, before it is looked whether it runs at all. */
const LOOK_MS = 5_000;
/** JupyterLab, its page and a kernel on a busy machine. */
const SLOW_MS = 90_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const python = pythonPrograms(...NEEDED);
const canRun = python !== null && chromiumPath !== null;

test('JupyterLab, Streamlit and Chromium are there in CI', ({ expect, skip }) => {
  skip(!canRun && process.env['CI'] === undefined, pythonReason(...NEEDED, 'Chromium'));
  expect({ python, chromiumPath }).not.toMatchObject({ python: null });
  expect(chromiumPath).not.toBeNull();
});

describe.skipIf(!canRun)('the notebooks app', () => {
  let rig: UiRig;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder();
    rig = await UiRig.open('examples/notebooks/app.ts', ROOT_PATH, {
      ...python?.env,
      NOTEBOOKS_ROOT_PATH: ROOT_PATH,
      NOTEBOOKS_FOLDER: folder.path,
    });
  });
  afterEach(async () => {
    await rig.close();
    await folder.remove();
  });

  test(
    'two people create notebooks, run a cell in one, and stop it',
    { timeout: 300_000 },
    async ({ expect }) => {
      const page = await rig.page('#/app/Notebooks', { width: 1_400 });
      const launcher = page.frameLocator('iframe[title=Notebooks]');
      await create(launcher, 'ada');
      await create(launcher, 'ada');
      await launcher.getByText('ada has a notebook already').waitFor();
      await create(launcher, 'bob', 'GPU');
      for (const name of ['ada', 'bob'])
        await launcher.getByRole('link', { name: `Open: the notebook of ${name}` }).waitFor({
          timeout: SLOW_MS,
        });
      expect(await faultsOf(page)).toEqual([]);

      await launcher.getByRole('link', { name: 'Open: the notebook of ada' }).click();
      await page.getByRole('tab', { name: 'ada', selected: true }).waitFor();
      const lab = page.frameLocator('iframe[title=ada]');
      await lab.locator('.jp-LauncherCard[data-category=Notebook]').first().click({
        timeout: SLOW_MS,
      });
      const output = await runCell(
        lab,
        'import os; print("pids", 6 * 7, os.getpid(), os.getppid())',
      );
      const [, answer, kernel, server] = /^pids (\d+) (\d+) (\d+)$/.exec(output) ?? [];
      expect(answer).toBe('42');
      const processes = [Number(kernel), Number(server)];
      expect(processes.map(isAlive)).toEqual([true, true]);

      // The token opened the page; from then on a cookie does, and it is in no address.
      const frame = page.frames().find((each) => each.url().includes('/works/'));
      expect(frame?.url()).toMatch(/\/team\/works\/root\.jupyterWorks\.ada\/lab/);
      expect(frame?.url()).not.toContain('token');
      const cookies = await page.context().cookies();
      const own = cookies.filter(({ name }) => name.startsWith('username-'));
      expect(own).toMatchObject([
        { path: '/team/works/root.jupyterWorks.ada/', httpOnly: true, sameSite: 'Strict' },
      ]);

      await page.getByRole('tab', { name: 'Notebooks', exact: true }).click();
      await launcher.getByRole('button', { name: 'Stop: the notebook of ada' }).click();
      await page.getByRole('tab', { name: 'ada' }).waitFor({ state: 'detached' });
      await until('server and kernel are gone', () => !processes.some(isAlive));
      expect(await launcher.locator('#notebooks > li').count()).toBe(1);
      expect(await stagesOf(rig)).toMatchObject({
        'root.jupyterWorks.ada': 'stopped',
        'root.jupyterWorks.bob': 'running',
      });
      expect(rig.problems).toEqual([]);
    },
  );

  test(
    'the page in Python creates a notebook and stops it',
    { timeout: 300_000 },
    async ({ expect }) => {
      const page = await rig.page('#/app/Streamlit');
      const streamlit = page.frameLocator('iframe[title=Streamlit]');
      await streamlit.getByLabel('Username').fill('grace', { timeout: SLOW_MS });
      await streamlit.getByText('Use GPU').click();
      await streamlit.getByRole('button', { name: 'Create Jupyter Notebook' }).click();
      const open = streamlit.getByRole('link', { name: 'Open' });
      await open.waitFor({ timeout: SLOW_MS });
      const [request] = (await rig.ask('state/vars/jupyterConfigRequests')) as {
        username: string;
        useGpu: boolean;
        token: string;
      }[];
      expect(request).toMatchObject({ username: 'grace', useGpu: true });
      const popup = page.context().waitForEvent('page');
      await open.click();
      const lab = await popup;
      await lab.locator('.jp-LauncherCard').first().waitFor({ timeout: SLOW_MS });
      await lab.close();

      await streamlit.getByRole('button', { name: 'Stop' }).click();
      await streamlit.getByText('Nobody has one yet.').waitFor();
      await until(
        'it is stopped',
        async () => (await stagesOf(rig))['root.jupyterWorks.grace'] === 'stopped',
      );
      const { turns } = (await rig.ask('history')) as {
        turns: { deltas: { client?: string }[] }[];
      };
      const clients = turns.flatMap(({ deltas }) => deltas.flatMap(({ client }) => client ?? []));
      expect(new Set(clients)).toEqual(new Set(['Streamlit']));
      expect(rig.problems).toEqual([]);
    },
  );
});

async function create(launcher: FrameLocator, username: string, hardware = 'CPU'): Promise<void> {
  await launcher.getByText('live').waitFor();
  await launcher.getByLabel('Username').fill(username);
  await launcher.getByText(hardware, { exact: true }).first().click();
  await launcher.getByRole('button', { name: 'Create Jupyter Notebook' }).click();
}

/** Runs the first cell of a new notebook; gives what it printed. */
async function runCell(lab: FrameLocator, code: string): Promise<string> {
  // What is run before the kernel is there may never be.
  const kernel = lab.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').first();
  await kernel.waitFor({ timeout: SLOW_MS });
  const cell = lab.locator('.jp-Notebook .jp-CodeCell').first();
  const editor = cell.locator('.cm-content');
  await editor.click({ timeout: SLOW_MS });
  await editor.pressSequentially(code);
  const output = cell.locator('.jp-OutputArea-output').first();
  const prompt = cell.locator('.jp-InputPrompt');
  await until(
    'the cell has an output',
    async () => {
      // A key that is pressed while the page moves the focus is nobody's: the cell was not run then.
      if ((await prompt.innerText()).replaceAll(/\s/g, '') === '[]:')
        await editor.press('Shift+Enter');
      return await output.waitFor({ timeout: LOOK_MS }).then(
        () => true,
        () => false,
      );
    },
    SLOW_MS,
  );
  return (await output.innerText()).trim();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function stagesOf(rig: UiRig): Promise<Record<string, string>> {
  const works = (await rig.ask('works')) as { name: string; status: { stage: string } }[];
  return Object.fromEntries(works.map(({ name, status }) => [name, status.stage]));
}

/** Serious faults of the launcher page. */
async function faultsOf(page: Page): Promise<string[]> {
  const frame = page.frames().find((each) => each.url().includes('/frontends/'));
  await frame?.evaluate(AXE);
  const { violations } = (await frame?.evaluate('axe.run(document)')) as AxeResults;
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}
