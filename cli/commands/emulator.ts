import { once } from 'node:events';
import { resolve } from 'node:path';
import { appError } from '../../runtime/errors/index.ts';
import { exitCodes } from '../../runtime/host/exit-codes.ts';
import type { StandAloneEmulator } from '../../runtime/host/stand-alone-emulator.ts';
import { defineCommand, jsonOption, type CommandContext } from '../define-command.ts';

const DEFAULT_PORT = 7510;
const MAX_PORT = 65_535;
const REGION = /^[a-z]{2}(-[a-z]+)+-\d$/;

export const emulator = defineCommand({
  name: 'emulator',
  summary: 'Run the AWS emulator alone, for tests of your own',
  details:
    'ECS, EC2, Auto Scaling, S3, CloudWatch Logs, SSM and Secrets Manager on this machine, with tasks as processes, and DynamoDB Local.\n' +
    'It prints the variables that lead AWS SDKs to it, then what its tasks print. Ctrl-C ends it and everything in it.',
  arguments: {},
  options: {
    port: { summary: `Port; 0 picks a free one (default: ${DEFAULT_PORT})`, value: 'port' },
    dynamodbEndpoint: {
      summary: 'A DynamoDB Local that runs already (default: one is started, with Docker or Java)',
      value: 'url',
    },
    directory: {
      summary:
        'Folder that keeps tables, objects, secrets, task definitions and bills (default: nothing is kept)',
      value: 'path',
    },
    region: { summary: 'Region that it pretends to be (default: us-east-1)', value: 'region' },
    ...jsonOption,
  },
  examples: [
    { line: 'stormkite emulator', does: 'until Ctrl-C' },
    {
      line: 'stormkite emulator --port 0 --json',
      does: 'for a program: its address is in the first line',
    },
    { line: 'curl http://127.0.0.1:7510/_emulator/billing', does: 'what its instances have cost' },
  ],
  async run(context, input) {
    const { signal, env, cwd, output } = context;
    const port = parsePort(input.port);
    const { region = 'us-east-1', dynamodbEndpoint, directory } = input;
    if (!REGION.test(region)) throw invalid('--region', region, 'a region such as us-east-1');
    const { openStandAloneEmulator } = await import('../../runtime/host/stand-alone-emulator.ts');
    const opened = await openStandAloneEmulator({
      env,
      port,
      region,
      projectRoot: cwd,
      signal,
      dynamodbEndpoint,
      directory: directory === undefined ? undefined : resolve(cwd, directory),
      onLine: (line) => {
        if (output.isJson) output.json({ type: 'log', ...line });
        else
          output.line(`${output.colours.dim(`[${line.family}/${line.container}]`)} ${line.line}`);
      },
    });
    try {
      tell(opened, context);
      if (!signal.aborted) await once(signal, 'abort');
    } finally {
      await opened.close();
    }
    return exitCodes.done;
  },
});

function tell(
  { endpoint, dynamodb, environment }: StandAloneEmulator,
  { output }: CommandContext,
): void {
  const { bold, dim } = output.colours;
  const lines = [
    `${bold('AWS emulator')}  ${endpoint}  ${dim(`DynamoDB Local: ${dynamodb.how}, ${dynamodb.endpoint}`)}`,
    '',
    ...Object.entries(environment).map(([name, value]) => `export ${name}=${value}`),
    '',
    dim(`${endpoint}/_emulator/state   what runs`),
    dim(`${endpoint}/_emulator/billing what it cost`),
    dim(`${endpoint}/_emulator/faults  what is to go wrong (POST)`),
  ];
  output.result({ type: 'ready', endpoint, dynamodb: dynamodb.endpoint, environment }, () =>
    lines.join('\n'),
  );
}

function parsePort(text: string | undefined): number {
  if (text === undefined) return DEFAULT_PORT;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= MAX_PORT) return port;
  throw invalid('--port', text, `a whole number from 0 to ${MAX_PORT}`);
}

function invalid(option: string, value: string, allowed: string): Error {
  return appError('CLI_OPTION_INVALID', { option, value, allowed });
}
