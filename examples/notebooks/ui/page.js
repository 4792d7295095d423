/** The launcher: shows `jupyterConfigRequests`, and writes it. It has nothing but the client that every app serves. */
import { connect } from '../../client.js';

const REQUESTS = '/vars/jupyterConfigRequests';
const NAME_RULE = 'Use 1 to 32 lower-case letters, digits, - and _, a letter first.';

const app = connect({ name: 'the launcher page' });
const $ = (selector, within = document) => within.querySelector(selector);
const form = $('#create');
/** Rows by key, so that what has the focus stays where it is. */
const rows = new Map();

followTheme();
app.connection.subscribe(showConnection);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  void create();
});
form.username.addEventListener('input', () => complain(''));
await app.ready();
app.subscribe(select, show);
showConnection(app.connection.current);
show(select(app.snapshot()));

/** What this page shows of the state. */
function select({ jupyterConfigRequests, jupyterWorks }) {
  return jupyterConfigRequests.map((request) => {
    const { stage, message } = jupyterWorks[request.username]?.status ?? {};
    return { ...request, stage, message };
  });
}

async function create() {
  const username = form.username.value.trim();
  const useGpu = form.hardware.value === 'gpu';
  const refused = refusalOf(username);
  if (refused !== null) {
    complain(refused);
    form.username.focus();
    return;
  }
  const request = { useGpu, token: null, username, stop: false };
  // What is entered meanwhile would be lost when the form is emptied.
  setBusy(true);
  const isWritten = await written(() =>
    app.patch([{ op: 'add', path: `${REQUESTS}/-`, value: request }]),
  );
  if (isWritten) form.reset();
  setBusy(false);
  form.username.focus();
  if (isWritten) tell(`The notebook of ${username} is on its way.`);
}

function setBusy(isBusy) {
  for (const element of form.elements) element.disabled = isBusy;
}

function refusalOf(username) {
  if (username === '') return 'Whose notebook is it? Enter a username.';
  if (!/^[a-z][a-z0-9_-]{0,31}$/.test(username)) return NAME_RULE;
  const isTaken = app.snapshot().jupyterConfigRequests.some((each) => each.username === username);
  return isTaken ? `${username} has a notebook already; it is in the list below.` : null;
}

/** Changes one entry, wherever it is in the list by now. */
function change({ username, problem }, changed) {
  const isIt = (each) => each.username === username && each.problem === problem;
  return written(() =>
    app.update(REQUESTS, (list) => list.map((each) => (isIt(each) ? changed(each) : each))),
  );
}

const stop = (request) => change(request, (each) => ({ ...each, stop: true }));
const again = (request) =>
  change(request, ({ username, useGpu }) => ({ username, useGpu, token: null, stop: false }));

/** Whether a write was taken; if not, people are told why. */
async function written(write) {
  try {
    await write();
    complain('');
    return true;
  } catch (error) {
    complain([error.message, error.hint].filter(Boolean).join('; '));
    return false;
  }
}

function show(requests, before = []) {
  const shown = new Set();
  const list = $('#notebooks');
  for (const [index, request] of requests.entries()) {
    // Two entries of one name: the later one is refused.
    const key = `${request.username}/${request.problem ?? ''}`;
    shown.add(key);
    const row = rows.get(key) ?? newRow(key);
    fill(row, request);
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
  }
  for (const [key, row] of rows)
    if (!shown.has(key)) {
      row.remove();
      rows.delete(key);
    }
  $('#empty').hidden = requests.length > 0;
  $('#count').textContent = requests.length === 0 ? '' : String(requests.length);
  for (const { username, ready, problem } of requests) {
    const old = before.find((each) => each.username === username);
    if (ready && old?.ready !== true) tell(`The notebook of ${username} is ready.`);
    if (problem && old?.problem !== problem) tell(`The notebook of ${username}: ${problem}`);
  }
}

function newRow(key) {
  const row = $('#row').content.firstElementChild.cloneNode(true);
  rows.set(key, row);
  $('.stop', row).addEventListener('click', () => void stop(row.request));
  $('.again', row).addEventListener('click', () => void again(row.request));
  return row;
}

function fill(row, request) {
  const { username, useGpu, ready, problem, stage, message, token } = request;
  row.request = request;
  row.dataset.state = problem ? 'failed' : ready ? 'ready' : 'starting';
  setText($('.avatar', row), username.slice(0, 1));
  setText($('h3', row), username);
  setText($('.hardware', row), useGpu ? 'GPU' : 'CPU');
  setText($('.stage', row), problem ? 'no notebook' : ready ? 'ready' : startingOf(stage));
  setText($('.why', row), problem ?? (ready ? '' : (message ?? '')));
  setText($('.stop', row), problem ? 'Remove' : 'Stop');
  for (const [selector, verb] of [
    ['.open', 'Open'],
    ['.window', 'Open in a new window'],
    ['.again', 'Try again'],
    ['.stop', problem ? 'Remove' : 'Stop'],
  ])
    $(selector, row).setAttribute('aria-label', `${verb}: the notebook of ${username}`);
  $('.open', row).hidden = $('.window', row).hidden = ready !== true;
  // A name that cannot be had stays so; what failed may go well the next time.
  $('.again', row).hidden = !problem || stage !== 'failed';
  if (!ready) return;
  const work = encodeURIComponent(`root.jupyterWorks.${username}`);
  $('.open', row).href = `../../view#/app/${username}`;
  $('.window', row).href = `../../works/${work}/lab?token=${token}`;
}

function startingOf(stage) {
  return stage === 'running' ? 'JupyterLab is starting' : 'waiting for its hardware';
}

/** Only what changed is written, so that a selection or a screen reader is not disturbed. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function showConnection({ status }) {
  const line = $('#connection');
  line.dataset.status = status;
  setText(
    line,
    status === 'live' ? 'live' : status === 'offline' ? 'offline, trying again' : status,
  );
}

function complain(problem) {
  setText($('#problem'), problem);
  form.username.setAttribute('aria-invalid', String(problem !== ''));
}

function tell(news) {
  setText($('#news'), news);
}

/** In a tab of the dashboard: light or dark as the dashboard is. */
function followTheme() {
  let outer = null;
  try {
    outer = window.parent === window ? null : window.parent.document.documentElement;
  } catch {
    // Another site shows this page.
  }
  if (outer === null) return;
  const follow = () => {
    document.documentElement.dataset.theme = outer.dataset.theme ?? '';
  };
  follow();
  new MutationObserver(follow).observe(outer, { attributeFilter: ['data-theme'] });
}
