/** A work's secrets in the cloud: read with the role of its task, put into its environment, kept nowhere else. */
import { appError } from '../../errors/index.ts';
import { createClients, destroyClients } from './clients.ts';

type Clients = Awaited<ReturnType<typeof createClients<'ssm' | 'secretsManager'>>>;

/**
 * Values of secrets by variable.
 *
 * @param secretsPath - SSM parameters below it stand for `env:NAME`: the deployer's environment at the time of the deployment
 * @throws `HOST_SECRET_UNREADABLE`
 */
export async function readWorkSecrets(
  secrets: Readonly<Record<string, string>>,
  { region, secretsPath }: { readonly region: string; readonly secretsPath: string },
): Promise<Record<string, string>> {
  const entries = Object.entries(secrets);
  if (entries.length === 0) return {};
  const clients = await createClients(region, ['ssm', 'secretsManager']);
  try {
    const found = entries.map(
      async ([name, source]) => [name, await readOne(clients, name, source, secretsPath)] as const,
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
  secretsPath: string,
): Promise<string> {
  const colon = source.indexOf(':');
  const [kind, id] = [source.slice(0, colon), source.slice(colon + 1)];
  try {
    const value =
      kind === 'secretsmanager'
        ? await secretOf(clients, id)
        : await parameterOf(clients, kind === 'env' ? `${secretsPath}/${id}` : id);
    if (value === undefined) throw new Error('it has no text');
    return value;
  } catch (cause) {
    const problem = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw appError('HOST_SECRET_UNREADABLE', { name, source, problem }, { cause });
  }
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
