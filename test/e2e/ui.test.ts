import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { until } from '../support/until.ts';
import { chromiumPath, UiRig } from './ui-rig.ts';

const APP = 'test/fixtures/dashboard/app.fixture.ts';

test('Chromium is there in CI', ({ expect, skip }) => {
  skip(chromiumPath === null && process.env['CI'] === undefined, 'there is no Chromium');
  expect(chromiumPath).not.toBeNull();
});

describe.skipIf(chromiumPath === null)('the dashboard', () => {
  let rig: UiRig;
  beforeAll(async () => {
    rig = await UiRig.open(APP, '/team');
  });
  afterAll(async () => await rig.close());
  afterEach(({ expect }) => expect(rig.problems.splice(0)).toEqual([]));

  test('tabs of the layout are shown, and stay as they are while others are looked at', async ({
    expect,
  }) => {
    const page = await rig.page('');
    const panel = page.frameLocator('iframe[title=Panel]');
    await panel.locator('html').waitFor({ state: 'attached' });
    await panel.locator('html').evaluate('document.touched = true');
    await page.getByRole('tab', { name: 'Site' }).click();
    await page.frameLocator('iframe[title=Site]').getByText('Served by a work').waitFor();
    await page.getByRole('link', { name: 'Works' }).click();
    await page.getByRole('grid').waitFor();
    await page.goBack();
    await page.keyboard.press('ArrowLeft');
    await page.getByRole('tab', { name: 'Panel' }).click();
    expect(await panel.locator('html').evaluate('document.touched')).toBe(true);
    expect(page.url()).toContain('#/app/Panel');
    await page.context().close();
  });

  test('a failed work says why, with its stack', async ({ expect }) => {
    const page = await rig.page('#/works');
    const row = page.getByRole('row', { name: /root\.broken/ });
    await row.getByText('failed').waitFor();
    await row.click();
    const why = page.getByRole('group', { name: 'Why it failed' });
    await why.getByText('cannot read s3://bucket/data').waitFor();
    expect(await why.getByLabel('Stack').textContent()).toContain('dashboard/app.fixture.ts');
    await page.context().close();
  });

  test('works are found by name, filtered by stage and opened by keys alone', async ({
    expect,
  }) => {
    const page = await rig.page('#/works');
    const rows = page.getByRole('grid').getByRole('row');
    await rows.nth(3).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('cou');
    await until('one work is left', async () => (await rows.count()) === 2);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /^failed/ }).click();
    await until('the failed one is left', async () => (await rows.count()) === 2);
    await page.getByRole('grid').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    await page.getByRole('region', { name: 'Work root.broken' }).waitFor();
    expect(page.url()).toContain('#/works/root.broken');
    await page.context().close();
  });

  test('lines of a work are followed, searched, and held still', async ({ expect }) => {
    const page = await rig.page('#/logs/root.counter');
    const log = page.getByRole('log');
    await log.getByText('counting for the dashboard').waitFor();
    await page.getByLabel('Search lines').fill('counted to');
    await log.getByText('counted to 100', { exact: true }).waitFor();
    expect(await log.getByText('counting for').count()).toBe(0);
    await page.getByRole('button', { name: 'Pause' }).click();
    const held = await log.locator('.log-line').count();
    await page.getByRole('button', { name: /new line/ }).waitFor();
    expect(await log.locator('.log-line').count()).toBe(held);
    await page.getByLabel('Search lines').fill('');
    await page.getByRole('button', { name: 'stderr' }).click();
    await log.getByText('a line on stderr').waitFor();
    await page.context().close();
  });

  test('wrapped lines are held still for who reads those before, and followed again', async ({
    expect,
  }) => {
    const page = await rig.page('#/logs/root.counter');
    await page.setViewportSize({ width: 1_280, height: 220 });
    await page.getByRole('button', { name: 'wrap' }).click();
    const log = page.getByRole('log');
    /** Where it is scrolled to, and how much there is below. */
    const scrolled = async (): Promise<{ top: number; below: number }> =>
      (await page.evaluate(`{
        const { scrollTop, scrollHeight, clientHeight } = document.querySelector('[role=log]');
        ({ top: scrollTop, below: scrollHeight - clientHeight - scrollTop });
      }`)) as { top: number; below: number };
    await until('there are more lines than fit', async () => (await scrolled()).top > 80);
    expect((await scrolled()).below).toBeLessThan(2);
    await log.hover();
    await page.mouse.wheel(0, -80);
    const follow = page.locator('.log-more');
    await follow.waitFor();
    const held = (await scrolled()).top;
    await follow.getByText('new line').waitFor();
    expect((await scrolled()).top).toBe(held);
    await follow.click();
    await until('the newest line is shown', async () => (await scrolled()).below < 2);
    await page.context().close();
  });

  test('a value is edited in place', async ({ expect }) => {
    const page = await rig.page('#/state/vars/limit');
    await page.getByRole('tree', { name: 'State' }).focus();
    await page.keyboard.press('F2');
    const dialog = page.getByRole('dialog', { name: 'Edit' });
    await dialog.getByLabel('Value', { exact: true }).fill('many');
    await page.keyboard.press('Enter');
    await dialog.getByText('That is no number').waitFor();
    await dialog.getByLabel('Value', { exact: true }).fill('9');
    await page.keyboard.press('Enter');
    await page.getByRole('treeitem', { name: /limit\s*9/ }).waitFor();
    expect(await rig.ask('state/vars/limit')).toBe(9);
    await page.context().close();
  });

  test('a text may grow beyond its line while it is typed', async ({ expect }) => {
    const page = await rig.page('#/state/vars/mode');
    await page.getByRole('tree', { name: 'State' }).focus();
    await page.keyboard.press('F2');
    const dialog = page.getByRole('dialog', { name: 'Edit' });
    await dialog.waitFor();
    const text = 'as slow as it has to be, '.repeat(4);
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    expect(await rig.ask('state/vars/mode')).toBe(text);
    await page.context().close();
  });

  test('Enter that is still held, or ends the composition of a word, saves nothing', async ({
    expect,
  }) => {
    const page = await rig.page('#/state/vars/limit');
    await page.getByRole('tree', { name: 'State' }).focus();
    await page.keyboard.down('Enter');
    const dialog = page.getByRole('dialog', { name: 'Edit' });
    await dialog.waitFor();
    await page.keyboard.down('Enter');
    await page.keyboard.up('Enter');
    const value = dialog.getByLabel('Value', { exact: true });
    await value.fill('many');
    await value.dispatchEvent('keydown', { key: 'Enter', isComposing: true });
    expect(await dialog.getByText('That is no number').count()).toBe(0);
    await page.keyboard.press('Enter');
    await dialog.getByText('That is no number').waitFor();
    await page.context().close();
  });

  test('an item is added once, however often Enter is pressed meanwhile', async ({
    expect,
    onTestFinished,
  }) => {
    const page = await rig.page('#/state/vars/members');
    const before = (await rig.ask('state/vars/members')) as string[];
    onTestFinished(async () => {
      await rig.patch([{ op: 'replace', path: '/vars/members', value: before }]);
    });
    let asked = 0;
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route('**/api/v1/state', async (route) => {
      asked += 1;
      await answered;
      return route.continue();
    });
    await page.getByRole('tree', { name: 'State' }).focus();
    await page.keyboard.press('Insert');
    const dialog = page.getByRole('dialog', { name: 'Add an item' });
    await dialog.waitFor();
    await page.keyboard.type('eve');
    await page.keyboard.press('Enter');
    await until('it is on its way', () => asked > 0);
    await page.keyboard.press('Enter');
    answer();
    await dialog.waitFor({ state: 'detached' });
    expect(asked).toBe(1);
    expect(await rig.ask('state/vars/members')).toEqual([...before, 'eve']);
    await page.context().close();
  });

  test('a key that URLs resolve is edited as any other', async ({ expect, onTestFinished }) => {
    await rig.patch([{ op: 'add', path: '/vars/labels/..', value: 'as it was' }]);
    onTestFinished(async () => {
      await rig.patch([{ op: 'remove', path: '/vars/labels/..' }]);
    });
    const page = await rig.page('#/state/vars/labels/..');
    await page.getByRole('tree', { name: 'State' }).focus();
    await page.keyboard.press('F2');
    const value = page.getByLabel('Value', { exact: true });
    await value.waitFor();
    expect(await value.inputValue()).toBe('as it was');
    await value.fill('edited');
    await page.keyboard.press('Enter');
    await page.getByRole('treeitem', { name: /"edited"/ }).waitFor();
    expect(await rig.ask('state/vars/labels')).toEqual({ team: 'vision', '..': 'edited' });
    await page.context().close();
  });

  test('a value that changed meanwhile is not overwritten: both are shown, and the person chooses', async ({
    expect,
  }) => {
    const page = await rig.page('#/state/vars/title');
    const open = async (): Promise<void> => {
      await page.getByRole('tree', { name: 'State' }).focus();
      await page.keyboard.press('F2');
      await page.getByLabel('Value', { exact: true }).fill('mine');
    };
    await open();
    await rig.patch([{ op: 'replace', path: '/vars/title', value: 'theirs' }]);
    await page.getByText('It changed since you opened it').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    const conflict = page.getByRole('dialog', { name: 'It changed meanwhile' });
    await conflict.getByText('theirs', { exact: true }).waitFor();
    expect(await rig.ask('state/vars/title')).toBe('theirs');
    await conflict.getByRole('button', { name: 'Take theirs' }).click();
    expect(await rig.ask('state/vars/title')).toBe('theirs');

    await open();
    await rig.patch([{ op: 'replace', path: '/vars/title', value: 'theirs again' }]);
    await page.getByRole('button', { name: 'Save' }).click();
    await conflict.waitFor();
    await rig.patch([{ op: 'replace', path: '/vars/title', value: 'and again' }]);
    await conflict.getByRole('button', { name: 'Keep mine' }).click();
    await conflict.getByText('and again').waitFor();
    await conflict.getByRole('button', { name: 'Edit again' }).click();
    await page.getByLabel('Value', { exact: true }).fill('ours');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('treeitem', { name: /"ours"/ }).waitFor();
    expect(await rig.ask('state/vars/title')).toBe('ours');
    await page.context().close();
  });

  test('keys are added and removed, and what the runtime owns is not offered for editing', async ({
    expect,
  }) => {
    const page = await rig.page('#/state/vars/labels');
    const item = page.getByRole('treeitem', { name: /^labels/ });
    await item.getByRole('button', { name: 'Add to labels' }).click();
    await page.getByLabel('Key', { exact: true }).fill('owner');
    await page.getByLabel('Value', { exact: true }).fill('ada');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await until('it is there', async () => {
      const labels = await rig.ask('state/vars/labels');
      return JSON.stringify(labels) === '{"team":"vision","owner":"ada"}';
    });
    await item.click();
    const owner = page.getByRole('treeitem', { name: /^owner/ });
    await owner.hover();
    await owner.getByRole('button', { name: 'Remove owner' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await owner.waitFor({ state: 'detached' });
    expect(await rig.ask('state/vars/labels')).toEqual({ team: 'vision' });
    await page.getByLabel('Find keys').fill('_url');
    const owned = page.getByRole('treeitem', { name: /^_url/ }).first();
    await owned.hover();
    expect(await owned.getByRole('button', { name: /Edit/ }).count()).toBe(0);
    await page.context().close();
  });

  test('keys, items and what is in pages are added and removed by keys alone', async ({
    expect,
  }) => {
    const page = await rig.page('#/state/vars/labels');
    const press = async (...keys: readonly string[]): Promise<void> => {
      for (const key of keys) await page.keyboard.press(key);
    };
    const active = page.getByRole('treeitem', { selected: true });
    const at = (key: string): Promise<void> =>
      active.locator('.state-key').getByText(key, { exact: true }).waitFor();
    await at('labels');
    await page.getByRole('tree', { name: 'State' }).focus();
    await press('Insert');
    const adding = page.getByRole('dialog', { name: 'Add a key' });
    await adding.waitFor();
    await page.keyboard.type('owner');
    await press('Tab', 'Tab', 'Tab', 'Tab', 'Tab');
    await page.keyboard.type('ada');
    await press('Enter');
    await adding.waitFor({ state: 'detached' });
    await active.getByText('2 keys').waitFor();
    await press('ArrowRight', 'ArrowRight', 'ArrowDown');
    await at('owner');
    expect(await rig.ask('state/vars/labels')).toEqual({ team: 'vision', owner: 'ada' });
    expect(await active.getAttribute('aria-posinset')).toBe('2');
    expect(await active.getAttribute('aria-setsize')).toBe('2');

    const confirm = page.getByRole('dialog', { name: 'Remove it?' });
    await press('Delete');
    await confirm.getByText('"ada"').waitFor();
    await press('Escape');
    expect(await rig.ask('state/vars/labels')).toHaveProperty('owner');
    await press('Delete');
    await confirm.getByText('"ada"').waitFor();
    await press('Tab', 'Enter');
    await confirm.waitFor({ state: 'detached' });
    // The keys go on from what the removed one was in.
    await at('labels');
    expect(await rig.ask('state/vars/labels')).toEqual({ team: 'vision' });

    // Fields of a flow are declared in its class.
    await press('Delete');
    expect(await page.getByRole('dialog').count()).toBe(0);

    await press('ArrowDown', 'ArrowDown');
    await at('squares');
    await press('ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowRight', 'ArrowRight');
    await at('100');
    await press('+');
    const appending = page.getByRole('dialog', { name: 'Add an item' });
    await appending.waitFor();
    await page.keyboard.type('7');
    await press('Enter');
    await appending.waitFor({ state: 'detached' });
    const squares = (await rig.ask('state/vars/squares')) as number[];
    expect([squares.length, squares.at(-1)]).toEqual([1_235, 7]);
    expect(await page.evaluate('document.activeElement.getAttribute("role")')).toBe('tree');
    await page.context().close();
  });

  test('the timeline tells who changed what, and shows the state then', async ({ expect }) => {
    await rig.patch([{ op: 'replace', path: '/vars/limit', value: 77 }]);
    const { version } = (await rig.patch([{ op: 'replace', path: '/vars/limit', value: 78 }])) as {
      version: number;
    };
    await rig.patch([{ op: 'replace', path: '/vars/limit', value: 79 }]);
    const page = await rig.page(`#/timeline/${version}`);
    const changes = page.getByRole('region', { name: 'Changes by client: a test' });
    await changes.getByText('/vars/limit').waitFor();
    await changes.locator('del').getByText('77').waitFor();
    await changes.locator('ins').getByText('78').waitFor();
    await page.getByRole('tab', { name: 'State then' }).click();
    await page.getByRole('treeitem', { name: /limit\s*78/ }).waitFor();
    await page.getByRole('tab', { name: 'Diff with now' }).click();
    await page
      .locator('.step', { hasText: '/vars/limit' })
      .locator('ins')
      .getByText('79')
      .waitFor();
    await page.getByRole('button', { name: 'One turn back' }).click();
    await until('the turn before is shown', () => page.url().endsWith(`/timeline/${version - 1}`));
    await page.getByRole('button', { name: 'Go live' }).click();
    await page.getByRole('button', { name: 'Freeze' }).waitFor();
    expect(page.url()).not.toMatch(/timeline\/\d/);
    await page.context().close();
  });

  test('a command is called by its form; what it refuses is told at the field', async ({
    expect,
  }) => {
    const page = await rig.page('#/commands/invite');
    await page.getByLabel('name').fill('g');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.locator('.field', { hasText: 'Who it is' }).locator('.problem').waitFor();
    await page.getByLabel('name').fill('grace');
    await page.getByLabel('role').selectOption('writer');
    await page.getByLabel('days').fill('soon');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByText('Not a whole number').waitFor();
    await page.getByLabel('days').fill('3');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByText('"role": "writer"').waitFor();
    expect(await rig.ask('state/vars/members')).toEqual(['ada', 'grace']);
    // A key that is held calls it once.
    await page.getByLabel('name').fill('edsger');
    await page.keyboard.down('Enter');
    await page.getByText('"members": 3').waitFor();
    await page.keyboard.down('Enter');
    await page.keyboard.up('Enter');
    await page.getByLabel('name').fill('barbara');
    await page.keyboard.press('Enter');
    await page.getByText('"name": "barbara"').waitFor();
    expect(await rig.ask('state/vars/members')).toEqual(['ada', 'grace', 'edsger', 'barbara']);
    await page.context().close();
  });

  test('a lost connection is told, actions are off, and nothing is missed', async ({ expect }) => {
    const page = await rig.page('#/works/root.counter');
    const stop = page.getByRole('button', { name: 'Stop' });
    await stop.waitFor();
    expect(await stop.isEnabled()).toBe(true);
    rig.line.isDown = true;
    rig.line.cut();
    await page.getByText('Disconnected since').waitFor();
    expect(await stop.isEnabled()).toBe(false);
    rig.line.isDown = false;
    await page.getByRole('button', { name: 'Try now' }).click();
    await page.getByText('Disconnected since').waitFor({ state: 'detached' });
    expect(await stop.isEnabled()).toBe(true);
    await page.getByRole('link', { name: 'State' }).click();
    await rig.patch([{ op: 'replace', path: '/vars/limit', value: 5 }]);
    await page.getByRole('treeitem', { name: /limit\s*5/ }).waitFor();
    await page.context().close();
  });

  test('a work is stopped after its consequences are confirmed, and started again', async ({
    expect,
  }) => {
    const page = await rig.page('#/works/root.counter');
    await page.getByRole('button', { name: 'Stop' }).click();
    const dialog = page.getByRole('dialog', { name: 'Stop root.counter?' });
    await dialog.getByText('The call that is running ends now').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    const pane = page.getByRole('region', { name: 'Work root.counter' });
    expect(await pane.locator('.pane-title').textContent()).toContain('running');
    await page.getByRole('button', { name: 'Stop' }).click();
    await dialog.getByRole('button', { name: 'Stop it' }).click();
    await pane.locator('.pane-title').getByText('stopped').waitFor();
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await pane.locator('.pane-title').getByText('running').waitFor();
    await page.context().close();
  });
});
