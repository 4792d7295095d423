/** What a work's secrets are here, or why they cannot be had. */
export type ResolvedSecrets =
  | { readonly ok: true; readonly env: Record<string, string> }
  | { readonly ok: false; readonly message: string };

const ENVIRONMENT_SOURCE = 'env:';

/** Resolves `env:NAME` sources; others are secrets of the cloud, which a local run does not read. */
export function resolveSecrets(
  secrets: Readonly<Record<string, string>>,
  environment: NodeJS.ProcessEnv,
): ResolvedSecrets {
  const env: Record<string, string> = {};
  for (const [name, source] of Object.entries(secrets)) {
    if (!source.startsWith(ENVIRONMENT_SOURCE)) {
      return {
        ok: false,
        message: `the secret ${name} comes from ${source}, which a local run cannot read; use env:NAME`,
      };
    }
    const variable = source.slice(ENVIRONMENT_SOURCE.length);
    const value = environment[variable];
    if (value === undefined) {
      return {
        ok: false,
        message: `the secret ${name} needs the environment variable ${variable}, which is not set`,
      };
    }
    env[name] = value;
  }
  return { ok: true, env };
}

/** The variables of this process that are the source of some secrets. */
export function secretVariables(secrets: Readonly<Record<string, string>>): string[] {
  return Object.values(secrets)
    .filter((source) => source.startsWith(ENVIRONMENT_SOURCE))
    .map((source) => source.slice(ENVIRONMENT_SOURCE.length));
}

/** An environment without the variables that are some work's secret. */
export function withoutSecrets(
  environment: NodeJS.ProcessEnv,
  withheld: ReadonlySet<string>,
): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !withheld.has(name)));
}
