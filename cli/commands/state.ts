import type { Operation, StreamEvent } from '../../runtime/client/index.ts';
import { exitCodes } from '../../runtime/host/exit-codes.ts';
import {
  appOption,
  defineCommand,
  jsonOption,
  type CommandContext,
  type CommandGroup,
} from '../define-command.ts';
import { findApp } from '../find-app.ts';
import { parseJson } from '../parse-json.ts';

const get = defineCommand({
  name: 'state get',
  summary: 'Print the state of an app, or one place of it, as JSON',
  arguments: {
    pointer: { summary: 'JSON Pointer, such as /works/train/vars/loss', optional: true },
  },
  options: { ...appOption, ...jsonOption },
  examples: [
    { line: 'stormkite state get', does: 'the whole document' },
    { line: 'stormkite state get /works/train/vars', does: 'the fields of a work' },
  ],
  async run(context, { pointer = '', app }) {
    const { client } = await findApp(context, app);
    const value = await client.get(pointer);
    context.output.result(value, () => JSON.stringify(value, null, 2));
    return exitCodes.done;
  },
});

const set = defineCommand({
  name: 'state set',
  summary: 'Set one place of the state of an app',
  details: 'Adds the place when it does not exist yet. The flow runs when it is set.',
  arguments: {
    pointer: { summary: 'JSON Pointer, such as /vars/limit' },
    value: { summary: 'JSON: 5, true, null, \'"text"\', \'{"a":1}\'' },
  },
  options: { ...appOption, ...jsonOption },
  examples: [
    { line: 'stormkite state set /vars/limit 5', does: 'a field of the root flow' },
    {
      line: `stormkite state set /vars/requests/- '{"name":"bob"}'`,
      does: 'one more item of a list',
    },
  ],
  async run(context, { pointer, value: text, app }) {
    const value = parseJson(text);
    const { info, client } = await findApp(context, app);
    const { version } = await client.set(pointer, value);
    context.output.result(
      { app: info.name, pointer, version },
      () => `set ${pointer} of ${info.name} (version ${version})`,
    );
    return exitCodes.done;
  },
});

const watch = defineCommand({
  name: 'state watch',
  summary: 'Print every change of the state of an app as it happens',
  arguments: {
    pointer: { summary: 'Only changes at, above or below this JSON Pointer', optional: true },
  },
  options: { ...appOption, ...jsonOption },
  examples: [
    { line: 'stormkite state watch', does: 'every change, until the app ends or Ctrl-C' },
    {
      line: 'stormkite state watch /works/train/vars --json',
      does: 'changes of one work, for a program',
    },
  ],
  async run(context, { pointer = '', app }) {
    const { client } = await findApp(context, app);
    for await (const event of client.events({ types: ['turn'], pointer })) {
      if (event.type === 'turn') printTurn(context, event);
    }
    return exitCodes.done;
  },
});

export const state: CommandGroup = {
  name: 'state',
  summary: 'Read, change and watch the state of an app',
  commands: [get, set, watch],
};

/** A line, or an event, for each of those who changed something in a turn. */
function printTurn(
  { output }: CommandContext,
  { at, version, ops, sources }: Extract<StreamEvent, { type: 'turn' }>,
): void {
  let from = 0;
  for (const { source, ops: count } of sources) {
    const own = ops.slice(from, from + count);
    from += count;
    if (output.isJson) output.event({ type: 'delta', at, turn: version, source, ops: own });
    else for (const op of own) output.line(`${source}  ${toText(op)}`);
  }
}

function toText(op: Operation): string {
  if ('from' in op) return `${op.op} ${op.from} -> ${op.path}`;
  return 'value' in op ? `${op.op} ${op.path} ${JSON.stringify(op.value)}` : `${op.op} ${op.path}`;
}
