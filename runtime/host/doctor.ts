/** Looks for what stands in the way of running and deploying apps; each check says what to do. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createClients, destroyClients } from '../backends/aws/clients.ts';
import {
  ACCOUNT_SERVICES,
  bootstrapVersion,
  callerOf,
  quotaValue,
  VCPU_QUOTAS,
  type AccountClients,
} from '../backends/aws/operate/account.ts';
import { hardwareClasses } from '../hardware/catalogue.ts';
import { instanceSizeOf } from '../hardware/instance-sizes.ts';
import { cdkMissing, findCdk } from './cdk.ts';
import { PLUGIN } from './session-plugin.ts';

const execute = promisify(execFile);
const ANSWER_MS = 10_000;
const MIN_BOOTSTRAP = 6;
/** No named class is of this family, which has a quota of its own. */
const SMALLEST_P = 'p3.2xlarge';
const MIN_NODE = [20, 19] as const;

export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail' | 'skipped';
  readonly found: string;
  /** What to do about it. */
  readonly mend?: string;
}

export interface DoctorOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Never throws for what it looks for. */
export async function examine({ cwd, env }: DoctorOptions): Promise<readonly Check[]> {
  const here = [checkNode(), checkEmulation(env), checkPlugin(env), checkCdk(cwd)];
  return (await Promise.all([...here, checkAccount(env)])).flat();
}

async function checkNode(): Promise<Check> {
  const { node: version } = process.versions;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [least, leastMinor] = MIN_NODE;
  const isOk = major > least || (major === least && minor >= leastMinor);
  return isOk
    ? { name: 'node', status: 'ok', found: version }
    : { name: 'node', status: 'fail', found: version, mend: 'install Node 20.19 or newer' };
}

/** DynamoDB Local runs in Java or in Docker; only `run --emulate-aws` needs it. */
async function checkEmulation(env: NodeJS.ProcessEnv): Promise<Check> {
  const name = 'emulation';
  const [java, docker] = await Promise.all([
    versionOf('java', ['-version'], env),
    versionOf('docker', ['version', '--format', '{{.Server.Version}}'], env),
  ]);
  if (java !== null) return { name, status: 'ok', found: `java: ${java}` };
  if (docker !== null) return { name, status: 'ok', found: `docker: ${docker}` };
  const mend = 'install Java 17 or newer, or start Docker, to use `stormkite run --emulate-aws`';
  return { name, status: 'warn', found: 'neither Java nor Docker', mend };
}

async function checkPlugin(env: NodeJS.ProcessEnv): Promise<Check> {
  const name = PLUGIN;
  const version = await versionOf(PLUGIN, ['--version'], env);
  if (version !== null) return { name, status: 'ok', found: version };
  const mend =
    'install the Session Manager plugin for the AWS CLI: deployed apps are reached by it';
  return { name, status: 'warn', found: 'not installed', mend };
}

async function checkCdk(cwd: string): Promise<Check> {
  const name = 'aws-cdk';
  const mend = 'pin the right versions with `stormkite init --aws`, then `npm install`';
  const found = await findCdk(cwd);
  if (found === null) return { name, status: 'warn', found: 'not installed', mend };
  const problem = await cdkMissing(cwd);
  if (problem !== null) return { name, status: 'fail', found: problem, mend };
  return { name, status: 'ok', found: found.version };
}

async function checkAccount(env: NodeJS.ProcessEnv): Promise<readonly Check[]> {
  const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? '';
  if (region === '') {
    const mend = 'set AWS_REGION, such as AWS_REGION=us-east-1';
    const missing: Check = { name: 'region', status: 'warn', found: 'none is set', mend };
    return [missing, ...skipped('there is no region to ask in')];
  }
  const regionCheck: Check = { name: 'region', status: 'ok', found: region };
  const clients = await createClients(region, ACCOUNT_SERVICES);
  try {
    const caller = await checkOf('credentials', 'sign in with `aws sso login`', async () => {
      const { account, arn } = await callerOf(clients);
      return { status: 'ok', found: `${arn} in ${account}` };
    });
    if (caller.status !== 'ok')
      return [regionCheck, caller, ...skipped('nobody is signed in').slice(1)];
    const rest = [checkBootstrap(clients, caller.found, region), ...checkQuotas(clients)];
    return [regionCheck, caller, ...(await Promise.all(rest))];
  } finally {
    destroyClients(clients);
  }
}

async function checkBootstrap(
  clients: AccountClients,
  caller: string,
  region: string,
): Promise<Check> {
  const account = caller.slice(caller.lastIndexOf(' ') + 1);
  const mend = `run \`npx cdk bootstrap aws://${account}/${region}\``;
  return await checkOf('cdk bootstrap', mend, async () => {
    const version = await bootstrapVersion(clients);
    if (version === null) return { status: 'fail', found: 'not there', mend };
    if (version < MIN_BOOTSTRAP) return { status: 'fail', found: `version ${version}`, mend };
    return { status: 'ok', found: `version ${version}` };
  });
}

/** New accounts have none for GPUs: everything deploys, and no work ever starts. */
function checkQuotas(clients: AccountClients): Promise<Check>[] {
  return VCPU_QUOTAS.map(async ({ code, what, families, isOptional }) => {
    const mend = `ask for more under Service Quotas, Amazon EC2, ${code}, if your app uses ${what}`;
    return await checkOf(`quota ${code}`, mend, async () => {
      const vcpus = await quotaValue(clients, code);
      const found = `${vcpus} vCPUs for ${what}`;
      if (vcpus >= leastVcpus(families)) return { status: 'ok', found };
      return { status: isOptional ? 'warn' : 'fail', found, mend };
    });
  });
}

/** Of the smallest machine of a kind: with fewer, none can be started. */
function leastVcpus(families: RegExp): number {
  const named = Object.values(hardwareClasses).flatMap(({ instanceTypes }) => [...instanceTypes]);
  const types = [...named, SMALLEST_P].filter((type) => families.test(type));
  return Math.min(...types.map((type) => instanceSizeOf(type)?.vcpus ?? Infinity));
}

/** What cannot be asked is a warning, with the reason. */
async function checkOf(
  name: string,
  mend: string,
  look: () => Promise<Omit<Check, 'name'>>,
): Promise<Check> {
  try {
    return { name, ...(await look()) };
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return { name, status: name === 'credentials' ? 'fail' : 'warn', found, mend };
  }
}

function skipped(found: string): Check[] {
  return ['credentials', 'cdk bootstrap', 'quotas'].map((name) => ({
    name,
    status: 'skipped',
    found,
  }));
}

/** First line of what a program says of its version; `null` when it does not run. */
async function versionOf(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string | null> {
  try {
    const { stdout, stderr } = await execute(program, [...args], { env, timeout: ANSWER_MS });
    return `${stdout}${stderr}`.trim().split('\n')[0] ?? '';
  } catch {
    return null;
  }
}
