/**
 * Entry point of the process that gets an app ready for a deployment: inspects it, plans what it needs, packs it. Prints
 * `{ prepared }` or `{ error }` as one line of JSON and ends.
 *
 * The CDK builds constructs synchronously, so `infra/` waits for this process (`infra/prepared-app.ts`); user code is loaded in a
 * process below it, whose output goes to standard error.
 */
import { planDeployment } from '../backends/aws/deployment-plan.ts';
import { toWire } from '../errors/index.ts';
import { buildArtifact } from './artifact.ts';
import { inspectApp } from './inspect.ts';
import { appNameOf } from './run-directory.ts';

async function prepare(appFile: string, outDirectory: string, name: string | undefined) {
  const app = appNameOf(appFile, name);
  const { projectRoot, workClasses, components, options } = await inspectApp({
    appFile,
    cwd: process.cwd(),
    env: process.env,
    onOutput: (text) => void process.stderr.write(text),
  });
  const plan = planDeployment({ components, workClasses, options });
  const artifact = await buildArtifact({
    appFile,
    outDirectory,
    ignorePatterns: plan.ignorePatterns,
    requirements: plan.requirements,
  });
  const { rootPath, flowCloudCompute } = options;
  return {
    app,
    projectRoot,
    plan,
    artifact,
    rootPath,
    flowHardware: flowCloudCompute?.name ?? null,
  };
}

async function main(): Promise<void> {
  const [, , appFile = '', outDirectory = '', name] = process.argv;
  let answer: unknown;
  try {
    answer = { prepared: await prepare(appFile, outDirectory, name) };
  } catch (error) {
    answer = { error: toWire(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

await main();
