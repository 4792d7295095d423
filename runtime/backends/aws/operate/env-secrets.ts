/**
 * Values of `env:NAME` secrets on AWS: SSM parameters below a path of the app.
 *
 * V1 No value is in anything that is thrown, told or given: AWS repeats values in what it says of them, so its words are not
 *    passed on.
 */
import {
  DeleteParameterCommand,
  GetParametersByPathCommand,
  PutParameterCommand,
  type Parameter,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { appError } from '../../../errors/index.ts';
import { attempt } from './aws-error.ts';

const TYPE = 'SecureString';

/**
 * Writes the values that are new or have changed.
 *
 * @param values - by name below the path
 * @returns names that were written
 * @throws `DEPLOY_SECRET_NOT_WRITTEN`, `AWS_CALL_FAILED`, `AWS_CREDENTIALS_MISSING`
 */
export async function writeSecrets(
  client: SSMClient,
  path: string,
  values: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const before = new Map(
    (await parametersOf(client, path, true)).map((each) => [each.Name, each] as const),
  );
  const changed = Object.entries(values).filter(([name, value]) => {
    const known = before.get(`${path}/${name}`);
    return known?.Value !== value || known.Type !== TYPE;
  });
  for (const [name, Value] of changed) {
    const input = { Name: `${path}/${name}`, Value, Type: TYPE, Overwrite: true } as const;
    try {
      await client.send(new PutParameterCommand(input));
    } catch (error) {
      const problem = error instanceof Error ? error.name : 'it failed';
      throw appError('DEPLOY_SECRET_NOT_WRITTEN', { parameter: input.Name, problem });
    }
  }
  return changed.map(([name]) => name);
}

/** Removes everything below a path; gives the names. @throws `AWS_CALL_FAILED`, `AWS_CREDENTIALS_MISSING` */
export async function removeSecrets(client: SSMClient, path: string): Promise<readonly string[]> {
  const names = (await parametersOf(client, path, false)).flatMap(({ Name }) => Name ?? []);
  for (const Name of names)
    await attempt(`removing the parameter ${Name}`, async () => {
      try {
        await client.send(new DeleteParameterCommand({ Name }));
      } catch (error) {
        if (!(error instanceof Error && error.name === 'ParameterNotFound')) throw error;
      }
    });
  return names;
}

async function parametersOf(
  client: SSMClient,
  Path: string,
  WithDecryption: boolean,
): Promise<Parameter[]> {
  const found: Parameter[] = [];
  let NextToken: string | undefined;
  do {
    const input = { Path, WithDecryption, NextToken };
    const page = await attempt(`reading the parameters below ${Path}`, () =>
      client.send(new GetParametersByPathCommand(input)),
    );
    found.push(...(page.Parameters ?? []));
    ({ NextToken } = page);
  } while (NextToken !== undefined);
  return found;
}
