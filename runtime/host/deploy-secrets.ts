/** `env:NAME` secrets of works: their values are those of who deploys, and stand nowhere but in SSM parameters of the app. */
import { createClients, destroyClients } from '../backends/aws/clients.ts';
import { secretsPathOf } from '../backends/aws/contract.ts';
import { writeSecrets } from '../backends/aws/operate/env-secrets.ts';
import { appError } from '../errors/index.ts';
import type { Manifest } from './manifest.ts';

const SOURCE = 'env:';
/** Bytes of a standard parameter, which costs nothing. */
const MAX_BYTES = 4 * 1_024;

/** Variables whose values an app needs, with the works that name them. */
export function envSecretsOf({ components }: Manifest): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const each of components)
    for (const source of each.kind === 'work' ? Object.values(each.secrets) : [])
      if (source.startsWith(SOURCE)) {
        const name = source.slice(SOURCE.length);
        found.set(name, [...new Set([...(found.get(name) ?? []), each.name])]);
      }
  return found;
}

/** Their values. @throws `DEPLOY_SECRET_MISSING` */
export function envSecretValues(
  secrets: ReadonlyMap<string, readonly string[]>,
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  const values = [...secrets].map(([name, works]) => {
    const value = env[name] ?? '';
    const problem =
      value === ''
        ? 'has no value here'
        : Buffer.byteLength(value) > MAX_BYTES
          ? `is longer than ${MAX_BYTES} bytes`
          : null;
    if (problem !== null)
      throw appError('DEPLOY_SECRET_MISSING', { name, works: works.join(', '), problem });
    return [name, value] as const;
  });
  return Object.fromEntries(values);
}

/**
 * Stores values; gives the names of those that were new or had changed.
 *
 * @throws `DEPLOY_SECRET_NOT_WRITTEN`, `AWS_CALL_FAILED`, `AWS_CREDENTIALS_MISSING`
 */
export async function storeEnvSecrets(
  app: string,
  region: string,
  values: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const { ssm } = await createClients(region, ['ssm']);
  try {
    return await writeSecrets(ssm, secretsPathOf(app), values);
  } finally {
    destroyClients({ ssm });
  }
}
