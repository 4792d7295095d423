import type { AppStatus } from '../../runtime/client/index.ts';
import { appError } from '../../runtime/errors/index.ts';
import { pricesFor } from '../../runtime/hardware/prices.ts';
import { exitCodes } from '../../runtime/host/exit-codes.ts';
import { SMALLEST_FLOW } from '../../runtime/host/flow-size.ts';
import { flowPerHour as flowCost } from '../../runtime/host/idle-costs.ts';
import { readPriceFile } from '../../runtime/host/price-file.ts';
import { homeOf } from '../../runtime/host/run-directory.ts';
import { costSchema, type Cost } from '../../runtime/protocol/cost.ts';
import { appOption, defineCommand, jsonOption } from '../define-command.ts';
import { dollars } from '../dollars.ts';
import { findApp } from '../find-app.ts';
import { toTable } from '../table.ts';

export const cost = defineCommand({
  name: 'cost',
  summary: 'Show what an app costs now, what it has cost, and what stopping saved',
  details:
    'Counted by the flow from its machines: by the second, a minute at least, with their disks and addresses. A machine that several works\n' +
    'share is divided by what they reserve. What was avoided is an estimate. The bill of AWS is what counts.',
  arguments: {},
  options: { ...appOption, ...jsonOption },
  examples: [
    { line: 'stormkite cost', does: 'the only app that runs' },
    { line: 'stormkite cost --app shop --json', does: 'for a program' },
  ],
  async run({ env, output, ...rest }, { app }) {
    const { info, client, deployed } = await findApp({ env, output, ...rest }, app);
    const { mode } = await client.status();
    const state = (await client.get('/app_state')) as { readonly cost?: unknown };
    const found = state.cost === undefined ? null : parse(state.cost);
    const region = deployed?.region ?? found?.priceRegion ?? 'us-east-1';
    const prices = pricesFor(region, await readPriceFile(homeOf(env)));
    // An emulated flow has no size; it counts as the smallest one.
    const stand = mode === 'local' ? 0 : flowCost(SMALLEST_FLOW, true, prices);
    const flowPerHour = (await deployed?.flowPerHour(prices)) ?? stand;
    output.result({ app: info.name, mode, flowPerHour, cost: found }, () =>
      toText(info.name, mode, flowPerHour, found),
    );
    if (found !== null && deployed !== null && found.priceRegion !== deployed.region)
      output.warn(
        `prices of ${found.priceRegion} stand in for those of ${deployed.region}; run \`stormkite prices --refresh\`, then deploy`,
      );
    return exitCodes.done;
  },
});

function parse(value: unknown): Cost {
  const parsed = costSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw appError('PROTOCOL_MESSAGE_INVALID', {
    message: '/app_state/cost',
    problem: parsed.error.message,
  });
}

function toText(
  app: string,
  mode: AppStatus['mode'],
  flowPerHour: number,
  found: Cost | null,
): string {
  if (mode === 'local') return `${app} runs on this machine and costs nothing`;
  const flow = `the flow itself: ${dollars(flowPerHour)} an hour, not in the sums`;
  if (found === null) return `${app} has not used any machine yet\n${flow}`;
  const { perHour, total, since, works, others, idle, today, avoided } = found;
  const begin = new Date(since ?? 0).toISOString().slice(0, 16).replace('T', ' ');
  const rows = [
    ...Object.entries(works).map(([name, each]) => [
      name,
      dollars(each.perHour),
      dollars(today.works[name] ?? 0),
      dollars(each.total),
    ]),
    ...(others > 0 ? [['(earlier works)', dollars(0), '', dollars(others)]] : []),
    ['(idle)', dollars(idle.perHour), '', dollars(idle.total)],
    ['all', dollars(perHour), dollars(today.total), dollars(total)],
  ];
  const lines = [
    `${app}  ${dollars(perHour)} an hour now, ${dollars(total)} since ${begin} UTC`,
    toTable(['WORK', 'AN HOUR', 'TODAY', 'TOTAL'], rows),
    flow,
    `avoided, estimates: ${dollars(avoided.run)} by stopping calls early, ${dollars(avoided.idle)} of idle machines`,
    `prices of ${found.priceRegion}, ${found.priceDate}`,
  ];
  if (found.unpriced.length > 0) lines.push(`without a price: ${found.unpriced.join(', ')}`);
  return lines.join('\n');
}
