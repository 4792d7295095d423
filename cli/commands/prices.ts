import { appError } from '../../runtime/errors/index.ts';
import { priceSnapshot } from '../../runtime/hardware/price-snapshot.ts';
import type { PriceList } from '../../runtime/hardware/prices.ts';
import { exitCodes } from '../../runtime/host/exit-codes.ts';
import { readPriceFile, refreshPrices } from '../../runtime/host/price-file.ts';
import { homeOf } from '../../runtime/host/run-directory.ts';
import { defineCommand, jsonOption } from '../define-command.ts';
import { toTable } from '../table.ts';

export const prices = defineCommand({
  name: 'prices',
  summary: 'Show the prices that costs are counted with, or read new ones from AWS',
  details:
    'Stormkite ships those of us-east-1. --refresh reads those of the region in AWS_REGION and keeps them; the next deployment takes them along.',
  arguments: {},
  options: {
    refresh: { summary: 'Read them from AWS; needs pricing:GetProducts' },
    type: { summary: 'One more instance type to read', value: 'type', many: true },
    ...jsonOption,
  },
  examples: [
    { line: 'stormkite prices', does: 'what is known, and from when' },
    { line: 'AWS_REGION=eu-central-1 stormkite prices --refresh', does: 'those of another region' },
  ],
  async run({ env, output }, { refresh, type }) {
    const home = homeOf(env);
    if (type.length > 0 && !refresh)
      throw appError('CLI_USAGE', {
        problem: '--type goes with --refresh',
        command: 'stormkite prices',
      });
    const list = refresh
      ? await refreshPrices(home, regionOf(env), type)
      : ((await readPriceFile(home)) ?? priceSnapshot);
    output.result(list, () => toText(list));
    return exitCodes.done;
  },
});

function regionOf(env: NodeJS.ProcessEnv): string {
  const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? '';
  if (region === '') throw appError('AWS_REGION_MISSING', { what: 'reading prices' });
  return region;
}

function toText(list: PriceList): string {
  const { region, date, source, onDemand, spot, fargate, gp3GibMonth, publicIpv4Hour } = list;
  const rows = Object.entries(onDemand).map(([type, perHour]) => [
    type,
    perHour.toFixed(4),
    spot[type] === undefined ? '-' : spot[type].toFixed(4),
  ]);
  return [
    `${region}, ${date} (${source}); dollars an hour`,
    toTable(['TYPE', 'ON DEMAND', 'SPOT'], rows),
    `flow (Fargate, ARM): ${fargate.arm64.vcpuHour} a vCPU, ${fargate.arm64.gibHour} a GB`,
    `public IPv4 address: ${publicIpv4Hour}; gp3 disk: ${gp3GibMonth} a GB in a month`,
  ].join('\n');
}
