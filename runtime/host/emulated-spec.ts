/** What an app needs in the emulator, made of what its deployment plans: the same containers with other addresses. */
import { pathToFileURL } from 'node:url';
import { bootstrapCommand } from '../backends/aws/bootstrap.ts';
import {
  ARTIFACT_SHA256_VARIABLE,
  ARTIFACT_VARIABLE,
  ROLE_VARIABLE,
} from '../backends/aws/contract.ts';
import type { DeploymentPlan } from '../backends/aws/deployment-plan.ts';
import type { EmulatedDeploymentSpec } from '../backends/aws/emulator/deployment-spec.ts';
import type { Artifact } from './artifact.ts';

/** Values of `env:NAME` sources, which a deployment takes from the deployer's environment. */
export function environmentSecrets(
  plan: DeploymentPlan,
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const source of plan.classes.flatMap(({ secrets }) => Object.values(secrets))) {
    if (!source.startsWith('env:')) continue;
    const variable = source.slice('env:'.length);
    const value = env[variable];
    if (value !== undefined) found[variable] = value;
  }
  return found;
}

/** Variables come beside those that every container has. */
export function toEmulatedSpec(
  app: string,
  plan: DeploymentPlan,
  told: {
    readonly artifact: Pick<Artifact, 'path' | 'sha256'>;
    readonly flow: Readonly<Record<string, string>>;
    /** @default - none more */
    readonly works?: Readonly<Record<string, string>>;
    readonly secrets: Readonly<Record<string, string>>;
  },
): EmulatedDeploymentSpec {
  const command = bootstrapCommand();
  const common = {
    [ARTIFACT_VARIABLE]: pathToFileURL(told.artifact.path).href,
    [ARTIFACT_SHA256_VARIABLE]: told.artifact.sha256,
  };
  const container = (role: string, port?: number) => ({
    command,
    environment: {
      ...common,
      ...(role === 'work' ? told.works : told.flow),
      [ROLE_VARIABLE]: role,
    },
    ...(port === undefined ? {} : { port }),
  });
  const works = plan.classes.map(({ id, variants }) => {
    const made = Object.entries(variants).map(
      ([variant, { port }]) => [variant, container('work', port)] as const,
    );
    return [id, Object.fromEntries(made)] as const;
  });
  return {
    app,
    hardware: Object.fromEntries(
      plan.hardware.map(({ key, instanceTypes, market, shared }) => [
        key,
        { instanceTypes: [...instanceTypes], market, shared },
      ]),
    ),
    works: Object.fromEntries(works),
    flow: container('flow'),
    environmentSecrets: told.secrets,
  };
}
