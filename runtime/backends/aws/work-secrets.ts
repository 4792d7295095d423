/** A work's secrets in the cloud: read with the role of its task, put into its environment, kept nowhere else. */
import { appError } from '../../errors/index.ts';
import type { WorkTimings } from './channel/work-timings.ts';
import { createClients, destroyClients } from './clients.ts';
import { untilSupplied } from './until-supplied.ts';

type Clients = Awaited<ReturnType<typeof createClients<'ssm' | 'secretsManager'>>>;

export interface SecretsPlace {
  readonly region: string;
  /** SSM parameters below it stand for `env:NAME`: the deployer's environment at the time of the deployment. */
  readonly secretsPath: string;
  readonly timings: Pick<WorkTimings, 'isolatedMs' | 'retryMs' | 'retryMaxMs'>;
  /** Hears of requests that fail and are repeated. */
  readonly failing: (error: unknown) => void;
}

/**
 * Values of secrets by variable. A service that does not answer is waited for.
 *
 * @throws `HOST_SECRET_UNREADABLE` when the answer is that it cannot be read, `HOST_TASK_NOT_SUPPLIED` when there is none in
 *   `isolatedMs`
 */
export async function readWorkSecrets(
  secrets: Readonly<Record<string, string>>,
  place: SecretsPlace,
): Promise<Record<string, string>> {
  const entries = Object.entries(secrets);
  if (entries.length === 0) return {};
  const clients = await createClients(place.region, ['ssm', 'secretsManager']);
  try {
    const found = entries.map(
      async ([name, source]) => [name, await readOne(clients, name, source, place)] as const,
    );
    return Object.fromEntries(await Promise.all(found));
  } finally {
    destroyClients(clients);
  }
}

async function readOne(
  clients: Clients,
  name: string,
  source: string,
  { secretsPath, timings, failing }: SecretsPlace,
): Promise<string> {
  const colon = source.indexOf(':');
  const [kind, id] = [source.slice(0, colon), source.slice(colon + 1)];
  const refused = (problem: string, cause?: unknown): Error =>
    appError('HOST_SECRET_UNREADABLE', { name, source, problem }, { cause });
  return await untilSupplied(
    async () => {
      const value =
        kind === 'secretsmanager'
          ? await secretOf(clients, id)
          : await parameterOf(clients, kind === 'env' ? `${secretsPath}/${id}` : id);
      if (value === undefined) throw refused('it has no text');
      return value;
    },
    { what: `the secret ${name} from ${source}`, timings, failing, refused },
  );
}

async function parameterOf({ ssm }: Clients, id: string): Promise<string | undefined> {
  const { GetParameterCommand } = await import('@aws-sdk/client-ssm');
  const answer = await ssm.send(new GetParameterCommand({ Name: id, WithDecryption: true }));
  return answer.Parameter?.Value;
}

async function secretOf({ secretsManager }: Clients, id: string): Promise<string | undefined> {
  const { GetSecretValueCommand } = await import('@aws-sdk/client-secrets-manager');
  return (await secretsManager.send(new GetSecretValueCommand({ SecretId: id }))).SecretString;
}
